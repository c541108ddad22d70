"""What `typing` has since Python 3.11."""

import typing
from typing import Generic, NotRequired, Required, TypedDict, TypeVar

from zoo import case, finish

T = TypeVar("T")


class Answer(TypedDict, Generic[T]):
    value: T


class Options(TypedDict):
    name: Required[str]
    size: NotRequired[int]


@typing.dataclass_transform()
def recorded(cls):
    return cls


@recorded
class Record:
    field: int = 1


case("a generic dict of keys", Answer, "copy(value=1) == {'value': 1}")
case("required keys", Options, "copy.__optional_keys__ == {'size'} and copy.__required_keys__ == {'name'}")
case("a transform", [recorded, Record], "copy[0](copy[1])().field == 1 and copy[0].__dataclass_transform__['eq_default']")
finish()
