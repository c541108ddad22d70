"""Answers for the module names that cloudpickle's pickles contain, in a process where cloudpickle is not installed.

Plain `pickle.loads` imports the modules that a pickle names: `cloudpickle.cloudpickle`. The finder here stands last in
`sys.meta_path`, so that it is asked only when no installed cloudpickle was found.
"""

import importlib.machinery
import pickle
import sys
import types

from . import _native
from ._importing import FollowedFinder, FollowedLoader

# the modules that releases of cloudpickle have named in pickles
_NAMES = ("cloudpickle", "cloudpickle.cloudpickle", "cloudpickle.cloudpickle_fast")


class _Loader:
    """Makes a module with what `cloudpickle_rs.cloudpickle` has."""

    @staticmethod
    def create_module(spec):
        return types.ModuleType(spec.name, "Stands for cloudpickle, which is not installed; it is cloudpickle_rs.")

    @staticmethod
    def exec_module(module):
        from . import cloudpickle

        # the release whose interface and format this is
        module.__version__ = "3.1.2"
        for name, value in vars(cloudpickle).items():
            if not (name.startswith("__") and name.endswith("__")):
                setattr(module, name, value)


class _Finder:
    """Finds the modules of cloudpickle when nobody else does."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname not in _NAMES:
            return None
        parent = fullname.rpartition(".")[0]
        if parent and not isinstance(getattr(getattr(sys.modules.get(parent), "__spec__", None), "loader", None), _Loader):
            # a cloudpickle is installed, and lacks the module
            return None
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(), is_package=not parent)
        if not parent:
            spec.submodule_search_locations = []
        return spec

    @staticmethod
    def invalidate_caches():
        return None


class _TryingLoader(FollowedLoader):
    """Executes an installed module of cloudpickle, or fills it as `_Loader` does where that fails."""

    def exec_module(self, module):
        try:
            super().exec_module(module)
        except AttributeError:
            _Loader.exec_module(module)


class _TryingFinder(FollowedFinder):
    """Finds an installed cloudpickle's main module, which as of 3.1.2 wants of `pickle.Pickler` what it no longer has in PyPy 8."""

    def follow(self, loader):
        return _TryingLoader(loader, self)


def _executed(_module):
    # classes that were tracked before an installed cloudpickle is imported are known to it from the start
    _native._unite_trackers()


def register():
    """Adds the finders to `sys.meta_path`, once."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    may_fail = sys.implementation.name == "pypy" and not hasattr(pickle.Pickler, "dispatch")
    sys.meta_path.insert(0, (_TryingFinder if may_fail else FollowedFinder)(["cloudpickle.cloudpickle"], _executed))
    sys.meta_path.append(_Finder())
