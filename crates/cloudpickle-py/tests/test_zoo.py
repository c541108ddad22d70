"""Objects of `__main__`: dumped in one process, compared with upstream's bytes, and used in others."""

import json
import re
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
PACKAGES = {
    "plain": ["cloudpickle"],
    "hosted": ["cloudpickle_rs"],
    "ours": ["cloudpickle_rs"],
    "beside": ["cloudpickle", "cloudpickle_rs"],
}


def scripts():
    """Those that this Python can compile: `syntax_312.py` needs 3.12."""
    for path in sorted(SCRIPTS.glob("*.py")):
        needs = re.search(r"_3(\d+)$", path.stem)
        if not needs or sys.version_info >= (3, int(needs.group(1))):
            yield path


@pytest.fixture(scope="module", params=scripts(), ids=lambda path: path.stem)
def dumped(request, processes, tmp_path_factory):
    """The file of pickles that the script wrote, with the differences from upstream's bytes beside it."""
    path = tmp_path_factory.mktemp(request.param.stem) / "pickles"
    processes.run(request.param, path)
    return path


def none_in(path):
    """Fails with what the JSON file at `path` tells: `{case: {protocol: what is wrong}}`."""
    problems = json.loads(Path(path).read_text(encoding="utf-8"))
    if problems:
        lines = [f"{name} (protocols {', '.join(found)}):\n{list(found.values())[-1]}" for name, found in problems.items()]
        pytest.fail("\n\n".join([f"{len(problems)} cases are wrong", *lines]), pytrace=False)


def test_bytes_equal_upstreams(dumped):
    none_in(f"{dumped}.json")


@pytest.mark.parametrize("way", PACKAGES)
def test_copies_work_in_a_fresh_process(dumped, way, processes):
    processes.run(Path(__file__).with_name("loading.py"), way, dumped, packages=PACKAGES[way])
    none_in(f"{dumped}.{way}.json")
