"""What the README of cloudpickle shows."""

from zoo import case, finish

squared = lambda x: x**2  # noqa: E731

CONSTANT = 42


def my_function(data: int) -> int:
    return data + CONSTANT


case("squared", squared, "copy(2) == 4")
case("my_function", my_function, "copy(43) == 85", "copy.__annotations__ == {'data': int, 'return': int}")
finish()
