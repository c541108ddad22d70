from collections.abc import Callable, Iterable, Sequence
from pickle import PickleBuffer, PicklingError, UnpicklingError
from types import ModuleType
from typing import Any, Literal, Optional, Protocol, TypedDict, type_check_only

from _typeshed import ReadableBuffer

from .cloudpickle import CloudPickler, Pickler, Unpickler

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

DEFAULT_PROTOCOL: int
__version__: str

@type_check_only
class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

@type_check_only
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
    data: ReadableBuffer,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Optional[Iterable[Any]] = None,
    allow: Optional[Iterable[str]] = None,
) -> Any: ...
def inspect(
    data: ReadableBuffer,
    /,
    *,
    allow: Optional[Iterable[str]] = None,
    policy: Literal["nothing", "plain", "cloudpickle", "numpy", "torch", "sklearn", "models"] = "cloudpickle",
) -> Report: ...

@type_check_only
class Step(TypedDict):
    offset: int
    text: str

@type_check_only
class Needs(TypedDict):
    modules: list[str]
    globals: list[str]
    builtins: list[str]
    attributes: list[str]

@type_check_only
class CarriedFunction(TypedDict):
    name: str
    signature: str
    module: Optional[str]
    file: str
    line: int
    bytes: int
    globals: dict[str, str]
    cells: dict[str, Optional[str]]
    needs: Needs

@type_check_only
class CarriedClass(TypedDict):
    name: str
    bytes: int
    attributes: list[str]

@type_check_only
class CarriedEnum(TypedDict):
    name: str
    bytes: int
    members: list[str]

@type_check_only
class Sizes(TypedDict):
    path: str
    what: str
    bytes: int
    parts: list[Sizes]

@type_check_only
class Finding(TypedDict):
    kind: str
    offset: int
    subject: str
    count: int
    allow: Optional[str]
    text: str
    inner: Optional[Finding]

@type_check_only
class Report(TypedDict):
    protocol: int
    bytes: int
    trailing: int
    error: Optional[str]
    python: list[str]
    loading: list[Step]
    functions: list[CarriedFunction]
    classes: list[CarriedClass]
    enums: list[CarriedEnum]
    sizes: Sizes
    findings: list[Finding]

class DisallowedPickleError(UnpicklingError):
    findings: Sequence[Finding]

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
def install(*, copies: Iterable[str] = ()) -> None: ...
def uninstall() -> None: ...
