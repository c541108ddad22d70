"""Runs an engine's own tests of its serialization, with upstream and with this implementation behind cloudpickle.

Every test that passes with upstream has to pass with ours. The arguments are the engine and a folder for what is downloaded.
Tests that the installed package does not have come from its project's repository, or from the package index: with the source, or
with an older release. Where they are not to be had, that is told, and it is no failure.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
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


def from_release(cache, distribution, release, *files):
    """Tests that lie in the wheel of an older release, the last one that has them. They run against the installed one."""
    folder = cache / f"{distribution}-{release}-wheel"
    if not folder.is_dir():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", cache]
        run([*command, f"{distribution}=={release}"])
        [wheel] = cache.glob(f"{distribution}-{release}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, files)
    # each alone: above it lies the release that it came with
    copies = [cache / f"{distribution}-{release}" / Path(file).name for file in files]
    for file, copy in zip(files, copies):
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / file, copy)
    return copies


def from_repository(cache, distribution, repository, *files):
    """Tests that lie in the repository alone, at the tag of the installed version."""
    folder = cache / f"{distribution}-{version(distribution)}-repository"
    if not folder.is_dir():
        partial = folder.with_name(folder.name + "-partial")
        shutil.rmtree(partial, ignore_errors=True)
        run(["git", "clone", "--quiet", "--depth", "1", "--branch", version(distribution), repository, partial])
        partial.rename(folder)
    return [folder / file for file in files]


# of files that are about more than that, the tests of pickling
ABOUT = {"test_parallel.py": "pickl"}
PICKLE_TESTS = "distributed/protocol/tests/test_pickle.py"
# for each engine: for each package, the places to get tests from, of which the first that answers is taken
SUITES = {
    "Dask": {
        "dask": [(installed, "dask", "tests/test_tokenize.py", "tests/test_multiprocessing.py")],
        "distributed": [
            (from_repository, "distributed", "https://github.com/dask/distributed", PICKLE_TESTS),
            (from_release, "distributed", "2021.7.0", PICKLE_TESTS),
        ],
    },
    "joblib": {
        "joblib": [(installed, "joblib", "test/test_cloudpickle_wrapper.py", "test/test_parallel.py")],
        "loky": [(from_index, "loky", "tests/test_cloudpickle_wrapper.py")],
    },
    "Beam": {
        "apache_beam": [
            (installed, "apache_beam", "internal/cloudpickle_pickler_test.py", "internal/pickler_test.py"),
        ],
    },
}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[0]} fails")


def found(cache, places):
    """The files of a suite, from the first of its places that has them, or why none has."""
    reasons = []
    for get, *place in places:
        try:
            return get(*place) if get is installed else get(cache, *place), None
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            reasons.append(str(error))
    return None, "; ".join(reasons)


def passing(files, *options):
    """The names of the tests that pass, and all that pytest says."""
    command = [sys.executable, "-m", "pytest", "-rA", "--no-header", "-p", "no:cacheprovider", "-o", "addopts=", *options]
    # what holds for a whole repository is not wanted
    command += ["--noconftest", "-W", "ignore", f"--rootdir={files[0].parent}", *map(str, files)]
    about = [ABOUT.get(file.name, file.stem) for file in files]
    command += ["-k", " or ".join(about)]
    environment = dict(os.environ, PYTHONPATH=str(HERE))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return set(re.findall(r"^PASSED (\S.*)$", done.stdout, re.MULTILINE)), done.stdout + done.stderr


def main(engine, cache):
    cache.mkdir(parents=True, exist_ok=True)
    lost = 0
    for package, places in SUITES[engine].items():
        files, reason = found(cache, places)
        if files is None:
            print(f"{package}: its tests are not to be had here: {reason}")
            continue
        (before, said), (after, said_with_ours) = passing(files), passing(files, "-p", "installed")
        names = " and ".join(file.name for file in files)
        if not before:
            raise SystemExit(f"{package}: no test of {names} passes with upstream\n{said}")
        if before - after:
            lost += len(before - after)
            print(f"{package}: these pass no longer: {sorted(before - after)}\n{said_with_ours}")
        else:
            print(f"{package}'s own tests, {names}: {len(before)} pass with upstream, and these with ours too")
    if lost:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
