from collections.abc import Callable, Iterable, MutableMapping
from pickle import PickleBuffer, PicklingError as PicklingError, UnpicklingError as UnpicklingError
from types import FunctionType
from typing import Any, Optional, type_check_only

from . import (
    DEFAULT_PROTOCOL as DEFAULT_PROTOCOL,
    _Readable,
    _Writable,
    dump as dump,
    dumps as dumps,
    list_registry_pickle_by_value as list_registry_pickle_by_value,
    load as load,
    loads as loads,
    register_pickle_by_value as register_pickle_by_value,
    unregister_pickle_by_value as unregister_pickle_by_value,
)

@type_check_only
class PicklerMemoProxy:
    def copy(self) -> dict[int, tuple[int, Any]]: ...
    def clear(self) -> None: ...

@type_check_only
class UnpicklerMemoProxy:
    def copy(self) -> dict[int, Any]: ...
    def clear(self) -> None: ...

class Pickler:
    dispatch_table: MutableMapping[type, Callable[[Any], Any]]
    dispatch: MutableMapping[type, Callable[[Any], Any]]
    fast: bool
    memo: Any
    globals_ref: dict[int, dict[str, Any]]
    @property
    def proto(self) -> int: ...
    @property
    def bin(self) -> bool: ...
    def __init__(
        self,
        file: _Writable,
        protocol: Optional[int] = None,
        buffer_callback: Optional[Callable[[PickleBuffer], object]] = None,
    ) -> None: ...
    def dump(self, obj: object) -> None: ...
    def clear_memo(self) -> None: ...
    def persistent_id(self, obj: Any, /) -> Any: ...
    def reducer_override(self, obj: Any) -> Any: ...
    def _dynamic_function_reduce(self, func: FunctionType) -> tuple[Any, ...]: ...
    def _function_reduce(self, obj: FunctionType) -> tuple[Any, ...] | Any: ...
    def _function_getnewargs(self, func: FunctionType) -> tuple[Any, ...]: ...

CloudPickler = Pickler

class Unpickler:
    memo: Any
    def __init__(
        self,
        file: _Readable,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Optional[Iterable[Any]] = None,
    ) -> None: ...
    def load(self) -> Any: ...
    def find_class(self, module_name: str, global_name: str, /) -> Any: ...
    def persistent_load(self, pid: Any, /) -> Any: ...

subimport: Callable[[str], Any]
dynamic_subimport: Callable[[str, dict[str, Any]], Any]

# the other names of `cloudpickle.cloudpickle`, private ones included
def __getattr__(name: str) -> Any: ...
