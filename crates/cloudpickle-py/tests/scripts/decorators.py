"""Decorated functions, partials and other callables."""

import functools
import itertools
import operator

import importable
from zoo import case, finish

calls = []


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        calls.append(function.__name__)
        return function(*args, **kwargs)

    return wrapper


def times(n):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return [function(*args) for _ in range(n)]

        wrapper.n = n
        return wrapper

    return decorate


class Memoized:
    def __init__(self, function):
        self.function = function
        self.seen = {}
        functools.update_wrapper(self, function)

    def __call__(self, x):
        if x not in self.seen:
            self.seen[x] = self.function(x)
        return self.seen[x]


@logged
def greet(name):
    """Greets."""
    return f"hello {name}"


@times(2)
@logged
def roll(x):
    return x


@Memoized
def slow(x):
    return x * 10


@importable.keep
def kept():
    return "kept"


def power(base, exponent):
    return base**exponent


def compose(*functions):
    return functools.reduce(lambda f, g: lambda x: f(g(x)), functions)


case(
    "greet",
    greet,
    "copy('you') == 'hello you'",
    "copy.__name__ == 'greet' and copy.__doc__ == 'Greets.'",
    "copy.__wrapped__('me') == 'hello me'",
    "copy.__globals__['calls'] == ['greet']",
)
case("roll", roll, "copy(3) == [3, 3]", "copy.n == 2", "copy.__wrapped__.__wrapped__(1) == 1")
case("logged", logged, "copy(len)('abc') == 3", "copy(print).__name__ == 'print'")
case("slow", slow, "copy(2) == 20", "copy.seen == {2: 20}", "copy.__name__ == 'slow'")
case("kept", kept, "copy() == 'kept'")
case("partial", functools.partial(power, 2), "copy(3) == 8", "copy.func.__name__ == 'power'")
case("partial with keywords", functools.partial(power, exponent=3), "copy(2) == 8")
case("partial of a partial", functools.partial(functools.partial(power, 2), 3), "copy() == 8")
case("partial of a builtin", functools.partial(int, base=2), "copy('101') == 5")
case("partial of a lambda", functools.partial(lambda *a, **k: (a, k), 1, b=2), "copy(3, c=4) == ((1, 3), {'b': 2, 'c': 4})")
case("compose", compose(lambda x: x + 1, lambda x: x * 2, abs), "copy(-3) == 7")
case(
    "operators",
    [operator.itemgetter(1, "a"), operator.attrgetter("real"), operator.methodcaller("split", ",")],
    "copy[1](3) == 3 and copy[2]('a,b') == ['a', 'b']",
)
case("cmp_to_key's function", functools.cmp_to_key, "sorted([3, 1, 2], key=copy(lambda a, b: a - b)) == [1, 2, 3]")
case("methods of builtin types", [len, str.upper, list.append, {}.get], "copy[1]('a') == 'A'", "copy[3](1, 2) == 2")
case("map over itertools.chain", itertools.chain, "list(copy([1], [2])) == [1, 2]")
finish()
