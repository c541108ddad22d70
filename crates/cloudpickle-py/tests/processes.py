"""Fresh interpreters for the suite: each sees upstream, or our module, or both, and nothing else that is installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import upstream

TESTS = Path(__file__).resolve().parent


class Processes:
    """Runs files as `__main__`.

    A process gets `-S`, so that site-packages is out of its sight, and a path of its own that holds copies of the
    packages it shall see. That hides upstream even from a module that looks for it in every way there is.
    """

    def __init__(self, folder):
        self.folder = folder
        self.package_folders = {name: self._copy(name) for name in ("cloudpickle", "cloudpickle_rs")}

    def _copy(self, package):
        [source] = importlib.util.find_spec(package).submodule_search_locations
        shutil.copytree(source, self.folder / package / package, ignore=shutil.ignore_patterns("__pycache__"))
        if package == "cloudpickle":
            upstream.mend(self.folder / package / package)
        return self.folder / package

    def run(self, file, *arguments, packages=("cloudpickle", "cloudpickle_rs"), timeout=120):
        """Runs `file` in a process that sees `packages`; returns the finished process with its output as text."""
        path = [str(self.package_folders[package]) for package in packages]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([*path, str(TESTS)]), PYTHONIOENCODING="utf-8")
        environment.pop("PYTHONHASHSEED", None)
        command = [sys.executable, "-S", "-X", "faulthandler", str(file), *map(str, arguments)]
        done = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout, check=False
        )
        assert done.returncode == 0, f"{Path(file).name} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done
