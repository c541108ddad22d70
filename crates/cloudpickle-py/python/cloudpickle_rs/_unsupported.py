"""Says why the native module is missing: an interpreter that it is not made for does not find it by its name."""

import platform
import sys
import sysconfig

_SUPPORTED = "CPython from 3.9 on, with its global interpreter lock, and PyPy 3.11"


def reason():
    """What an `ImportError` is to say where there is no native module for this interpreter."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return f"cloudpickle_rs does not support free-threaded Python yet: it is for {_SUPPORTED}, and this is a free-threaded {name}"
    if not _is_supported(sys.implementation.name, sys.version_info[:2]):
        return f"cloudpickle_rs is for {_SUPPORTED}; this is {name}"
    return f"the native part of cloudpickle_rs was not built for this interpreter, {name}: install cloudpickle_rs with its own pip"


def _is_supported(implementation, version):
    return version == (3, 11) if implementation == "pypy" else implementation == "cpython" and version >= (3, 9)
