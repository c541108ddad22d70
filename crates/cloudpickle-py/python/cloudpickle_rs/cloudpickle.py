"""What `cloudpickle.cloudpickle` has, under the names that it has there, private ones included."""

# ruff: noqa: F401  (what upstream imports is found in it too)
import _collections_abc
import abc
import builtins
import copyreg
import dataclasses
import dis
import io
import itertools
import logging
import opcode
import pickle
import platform
import struct
import sys
import threading
import types
import typing
import uuid
import warnings
import weakref
from collections import ChainMap, OrderedDict
from enum import Enum
from pickle import PicklingError, UnpicklingError
from pickle import _getattribute as _pickle_getattribute
from types import CellType

from ._native import (
    _DYNAMIC_CLASS_TRACKER_BY_CLASS,
    _DYNAMIC_CLASS_TRACKER_BY_ID,
    _DYNAMIC_CLASS_TRACKER_LOCK,
    _PICKLE_BY_VALUE_MODULES,
    Pickler,
    Unpickler,
    _builtin_type,
    _cell_reduce,
    _class_getnewargs,
    _class_getstate,
    _class_reduce,
    _class_setstate,
    _classmethod_reduce,
    _code_reduce,
    _dataclass_field_base_reduce,
    _decompose_typevar,
    _dict_items_reduce,
    _dict_keys_reduce,
    _dict_values_reduce,
    _dynamic_class_reduce,
    _empty_cell_value,
    _enum_getnewargs,
    _enum_getstate,
    _extract_class_dict,
    _extract_code_globals,
    _file_reconstructor,
    _file_reduce,
    _find_imported_submodules,
    _function_getstate,
    _function_setstate,
    _get_dataclass_field_type_sentinel,
    _get_or_create_tracker_id,
    _getset_descriptor_reduce,
    _is_registered_pickle_by_value,
    _logger_reduce,
    _lookup_class_or_track,
    _lookup_module_and_qualname,
    _make_cell,
    _make_dict_items,
    _make_dict_keys,
    _make_dict_values,
    _make_empty_cell,
    _make_function,
    _make_skeleton_class,
    _make_skeleton_enum,
    _make_typevar,
    _mappingproxy_reduce,
    _memoryview_reduce,
    _method_reduce,
    _module_reduce,
    _odict_items_reduce,
    _odict_keys_reduce,
    _odict_values_reduce,
    _property_reduce,
    _root_logger_reduce,
    _should_pickle_by_reference,
    _typevar_reduce,
    _weakset_reduce,
    _whichmodule,
    dump,
    dumps,
    dynamic_subimport,
    list_registry_pickle_by_value,
    load,
    loads,
    register_pickle_by_value,
    subimport,
    unregister_pickle_by_value,
)

DEFAULT_PROTOCOL = pickle.HIGHEST_PROTOCOL

CloudPickler = Pickler

_initialize = Pickler.__init__


def __init__(self, file, protocol=None, buffer_callback=None):
    """Begins to write pickles into a binary file."""
    _initialize(self, file, protocol, buffer_callback)


# the `__init__` of an extension class has no signature but `*args` and `**kwargs`
__init__.__qualname__ = "Pickler.__init__"
Pickler.__init__ = __init__
del __init__


# What follows is not used here. Other projects import these names from `cloudpickle.cloudpickle`.

PYPY = platform.python_implementation() == "PyPy"
builtin_code_type = type(float.__new__.__code__) if PYPY else None

STORE_GLOBAL = opcode.opmap["STORE_GLOBAL"]
DELETE_GLOBAL = opcode.opmap["DELETE_GLOBAL"]
LOAD_GLOBAL = opcode.opmap["LOAD_GLOBAL"]
GLOBAL_OPS = (STORE_GLOBAL, DELETE_GLOBAL, LOAD_GLOBAL)
HAVE_ARGUMENT = dis.HAVE_ARGUMENT
EXTENDED_ARG = dis.EXTENDED_ARG

_BUILTIN_TYPE_NAMES = {value: name for name, value in vars(types).items() if type(value) is type}

_DATACLASSE_FIELD_TYPE_SENTINELS = {
    sentinel.name: sentinel
    for sentinel in (dataclasses._FIELD, dataclasses._FIELD_CLASSVAR, dataclasses._FIELD_INITVAR)
}

# Upstream keeps here which globals code has. What the module keeps of code is elsewhere: this is empty, as after a `clear`.
_extract_code_globals_cache = weakref.WeakKeyDictionary()


def _walk_global_ops(code):
    """Yields the name of the global of each instruction that has one."""
    return (step.argval for step in dis.get_instructions(code) if step.opcode in GLOBAL_OPS)


def _getattribute(obj, name):
    """Follows a dotted name from an object."""
    for part in name.split("."):
        if part == "<locals>":
            raise AttributeError(f"no local object {name!r} can be found on {obj!r}")
        obj = getattr(obj, part)
    return obj


def _get_bases(typ):
    """The bases that a class was defined with, generic ones (PEP 560) included."""
    return vars(typ).get("__orig_bases__", typ.__bases__) if hasattr(typ, "__dict__") else typ.__bases__


def _get_cell_contents(cell):
    """What a cell holds, `_empty_cell_value` standing for nothing."""
    try:
        return cell.cell_contents
    except ValueError:
        return _empty_cell_value


def instance(cls):
    """An instance of a class that takes no arguments."""
    return cls()


def is_tornado_coroutine(func):
    """Whether Tornado says that a function is one of its coroutines. Deprecated, as it is upstream."""
    warnings.warn(
        "is_tornado_coroutine is deprecated: use tornado.gen.is_coroutine_function",
        category=DeprecationWarning,
        stacklevel=2,
    )
    check = getattr(sys.modules.get("tornado.gen"), "is_coroutine_function", None)
    return check is not None and check(func)
