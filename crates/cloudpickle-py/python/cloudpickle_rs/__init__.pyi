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
class LoadingStep(TypedDict):
    offset: int
    text: str

@type_check_only
class Needs(TypedDict):
    modules: list[str]
    globals: list[str]
    builtins: list[str]
    attributes: list[str]

@type_check_only
class CarriedCell(TypedDict):
    name: str
    value: Optional[str]
    cell: Optional[int]

@type_check_only
class CarriedFunction(TypedDict):
    name: str
    qualname: Optional[str]
    module: Optional[str]
    signature: str
    doc: Optional[str]
    defaults: list[str]
    kwdefaults: dict[str, str]
    annotations: dict[str, str]
    attributes: dict[str, str]
    globals: dict[str, str]
    cells: list[CarriedCell]
    submodules: list[str]
    needs: Needs
    file: str
    line: int
    bytes: int
    written_by: Optional[str]

@type_check_only
class CarriedIdentifiedFunction(TypedDict):
    name: str
    qualname: str
    module: Optional[str]
    finder: str
    identifier: str
    defaults: list[str]
    globals: dict[str, str]
    bytes: int
    written_by: Optional[str]

@type_check_only
class CarriedMethod(TypedDict):
    name: str
    kind: Literal["method", "classmethod", "staticmethod", "property"]

@type_check_only
class CarriedClass(TypedDict):
    name: str
    qualname: Optional[str]
    module: Optional[str]
    metaclass: str
    bases: list[str]
    doc: Optional[str]
    methods: list[CarriedMethod]
    attributes: dict[str, str]
    tracker_id: Optional[str]
    bytes: int
    written_by: Optional[str]

@type_check_only
class CarriedEnum(TypedDict):
    name: str
    qualname: Optional[str]
    module: Optional[str]
    bases: list[str]
    members: dict[str, str]
    methods: list[CarriedMethod]
    attributes: dict[str, str]
    tracker_id: Optional[str]
    bytes: int
    written_by: Optional[str]

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
    trailing: int
    protocol: int
    bytes: int
    python: list[str]
    error: Optional[str]
    loading: list[LoadingStep]
    functions: list[CarriedFunction]
    identified_functions: list[CarriedIdentifiedFunction]
    classes: list[CarriedClass]
    enums: list[CarriedEnum]
    unread: list[str]
    is_cut: bool
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
