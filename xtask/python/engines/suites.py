"""Runs an engine's own tests of its serialization, with upstream and with this implementation behind cloudpickle.

Every test that passes with upstream has to pass with ours. The arguments are the engine and a folder for what is downloaded.
Tests that the installed package does not have come with its source from the package index, or from its repository; if neither is
to be had, that is told, and it is no failure.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 300


def installed(package, *files):
    """Tests that lie in the installed package."""
    [folder] = importlib.util.find_spec(package).submodule_search_locations
    return [Path(folder, file) for file in files]


def from_index(cache, distribution, *files):
    """Tests that lie in the source distribution."""
    release = f"{distribution}-{version(distribution)}"
    if not (cache / release).is_dir():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", cache]
        run([*command, f"{distribution}=={version(distribution)}"])
        with tarfile.open(cache / f"{release}.tar.gz") as archive:
            archive.extractall(cache, filter="data")
    return [cache / release / file for file in files]


def from_repository(cache, distribution, repository, *files):
    """Tests that lie in the repository alone, at the tag of the installed version."""
    folder = cache / f"{distribution}-{version(distribution)}-repository"
    if not folder.is_dir():
        partial = folder.with_name(folder.name + "-partial")
        shutil.rmtree(partial, ignore_errors=True)
        run(["git", "clone", "--quiet", "--depth", "1", "--branch", version(distribution), repository, partial])
        partial.rename(folder)
    return [folder / file for file in files]


SUITES = {
    "Dask": [
        (from_repository, "distributed", "https://github.com/dask/distributed", "distributed/protocol/tests/test_pickle.py"),
    ],
    "joblib": [
        (installed, "joblib", "test/test_cloudpickle_wrapper.py"),
        (from_index, "loky", "tests/test_cloudpickle_wrapper.py"),
    ],
}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[0]} fails")


def passing(files, *options):
    """The names of the tests that pass, and all that pytest says."""
    command = [sys.executable, "-m", "pytest", "-rA", "--no-header", "-p", "no:cacheprovider", "-o", "addopts=", *options]
    # what holds for a whole repository is not wanted
    command += ["--noconftest", "-W", "ignore", f"--rootdir={files[0].parent}", *map(str, files)]
    environment = dict(os.environ, PYTHONPATH=str(HERE))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return set(re.findall(r"^PASSED (\S.*)$", done.stdout, re.MULTILINE)), done.stdout + done.stderr


def main(engine, cache):
    cache.mkdir(parents=True, exist_ok=True)
    lost = 0
    for get, *place in SUITES[engine]:
        try:
            files = get(cache, *place) if get is not installed else get(*place)
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"{place[0]}: its tests are not to be had here: {error}")
            continue
        (before, said), (after, said_with_ours) = passing(files), passing(files, "-p", "installed")
        if not before:
            raise SystemExit(f"{place[0]}: no test passes with upstream\n{said}")
        if before - after:
            lost += len(before - after)
            print(f"{place[0]}: these pass no longer: {sorted(before - after)}\n{said_with_ours}")
        else:
            print(f"{place[0]}: {len(before)} tests pass with both")
    if lost:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
