from collections.abc import Callable, Iterable
from pickle import PickleBuffer, PicklingError, UnpicklingError
from types import ModuleType
from typing import Any, Optional, Protocol

from .cloudpickle import CloudPickler, Pickler, Unpickler

__all__ = [
    "DEFAULT_PROTOCOL",
    "CloudPickler",
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
    "install",
    "list_registry_pickle_by_value",
    "load",
    "loads",
    "register_pickle_by_value",
    "uninstall",
    "unregister_pickle_by_value",
]

DEFAULT_PROTOCOL: int
__version__: str

class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

class _Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...
    def readline(self) -> bytes: ...

class TruncatedPickleError(UnpicklingError, EOFError): ...
class InvalidPickleValueError(UnpicklingError, ValueError): ...
class PickleOverflowError(UnpicklingError, OverflowError): ...

class InvalidPickleTextError(UnpicklingError, UnicodeDecodeError):
    place: str

def dumps(
    obj: object,
    protocol: Optional[int] = None,
    buffer_callback: Optional[Callable[[PickleBuffer], object]] = None,
) -> bytes: ...
def dump(
    obj: object,
    file: _Writable,
    protocol: Optional[int] = None,
    buffer_callback: Optional[Callable[[PickleBuffer], object]] = None,
) -> None: ...
def loads(
    data: bytes,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Optional[Iterable[Any]] = None,
) -> Any: ...
def load(
    file: _Readable,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Optional[Iterable[Any]] = None,
) -> Any: ...
def register_pickle_by_value(module: ModuleType) -> None: ...
def unregister_pickle_by_value(module: ModuleType) -> None: ...
def list_registry_pickle_by_value() -> set[str]: ...
def install() -> None: ...
def uninstall() -> None: ...
