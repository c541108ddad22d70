"""Answers for the module names that cloudpickle's pickles contain, in a process where cloudpickle is not installed.

Plain `pickle.loads` imports the modules that a pickle names: `cloudpickle.cloudpickle`. The finder here stands last in
`sys.meta_path`, so that it is asked only when no installed cloudpickle was found.
"""

import importlib.machinery
import sys
import types

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


def register():
    """Appends the finder to `sys.meta_path`, once."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
