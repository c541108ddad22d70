"""cloudpickle in Rust: ships lambdas, closures, functions and classes of `__main__` to other processes, faster.

    import cloudpickle_rs as cloudpickle

    squared = lambda x: x ** 2
    data = cloudpickle.dumps(squared)

The pickles are byte for byte those of cloudpickle 3.1. A process with cloudpickle loads them by `pickle.loads`; a process without it
does so after `import cloudpickle_rs`, or loads them by `cloudpickle_rs.loads`.
"""

try:
    from ._native import __version__, inspect
except ModuleNotFoundError as error:
    if error.name != f"{__name__}._native":
        raise
    from . import _unsupported

    raise ImportError(_unsupported.reason(), name=error.name) from error

from . import _finder, cloudpickle
from ._errors import (
    DisallowedPickleError,
    InvalidPickleTextError,
    InvalidPickleValueError,
    PickleOverflowError,
    TruncatedPickleError,
)
from ._install import install, uninstall
from .cloudpickle import *  # noqa: F403  (as upstream does: all that has a public name)

__all__ = [
    "DEFAULT_PROTOCOL",
    "CloudPickler",
    "DisallowedPickleError",
    "InvalidPickleTextError",
    "InvalidPickleValueError",
    "PickleOverflowError",
    "Pickler",
    "PicklingError",
    "TruncatedPickleError",
    "Unpickler",
    "UnpicklingError",
    "__version__",
    "dump",
    "dumps",
    "inspect",
    "install",
    "list_registry_pickle_by_value",
    "load",
    "loads",
    "register_pickle_by_value",
    "uninstall",
    "unregister_pickle_by_value",
]

_finder.register()
