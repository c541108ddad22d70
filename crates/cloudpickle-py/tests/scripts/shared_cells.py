"""Functions that share closure cells, which a copy's functions share too."""

import functools

from zoo import case, finish


def make_counter(start=0):
    n = start

    def up(by=1):
        nonlocal n
        n += by
        return n

    def down(by=1):
        nonlocal n
        n -= by
        return n

    def get():
        return n

    return up, down, get


def class_on_a_variable():
    total = 0

    class Account:
        def put(self, amount):
            nonlocal total
            total += amount
            return self

        @property
        def total(self):
            return total

        @classmethod
        def reset(cls):
            nonlocal total
            total = 0

    def peek():
        return total

    return Account, peek


def recursive_pair():
    calls = 0

    def even(n):
        nonlocal calls
        calls += 1
        return n == 0 or odd(n - 1)

    def odd(n):
        nonlocal calls
        calls += 1
        return n != 0 and even(n - 1)

    def counted():
        return calls

    return even, odd, counted


def two_variables():
    a, b = "a", "b"

    def swap():
        nonlocal a, b
        a, b = b, a

    return swap, lambda: a, lambda: b


def empty_until_set():
    def give(value):
        nonlocal later
        later = value

    def take():
        return later

    if False:
        later = None
    return give, take


def inside_of_its_own_state():
    n = 1
    tools = {}

    def up():
        nonlocal n
        n += 1
        return n, sorted(tools)

    def get():
        return n

    tools["get"], tools["up"] = get, up
    return up, tools


def nested():
    n = 0

    def outer():
        def inner():
            nonlocal n
            n += 1
            return n

        return inner

    return outer, outer(), lambda: n


def memoized(function):
    cache = {}

    @functools.wraps(function)
    def wrapper(x):
        if x not in cache:
            cache[x] = function(x)
        return cache[x]

    def replace(new):
        nonlocal cache
        cache = new

    wrapper.replace = replace
    return wrapper


class Base:
    def hello(self):
        return "base"


class Twice(Base):
    def hello(self):
        return super().hello() + " once"

    def again(self):
        return super().hello() + " again"


up, down, get = make_counter(5)
case("all three", (up, down, get), "(copy[0](3), copy[1](), copy[2]()) == (8, 7, 7)", "load()[2]() == 5", shares=True)
case("all three in a dict", {"up": up, "down": down, "get": get}, "copy['up']() == copy['get']()", shares=True)
case("readers before the writer", [get, make_counter(9)[2], down], "copy[2]() == copy[0]() == 4", "copy[1]() == 9", shares=True)
case("in an attribute of one another", (setattr(up, "down", down), up)[1], "(copy(), copy.down(), copy()) == (6, 5, 6)", shares=True)
case("in defaults", lambda up=make_counter(1)[0], pair=(down, get): (up(), pair[0](), pair[1]()), "copy() == (2, 4, 4)", shares=True)
case(
    "a class and a function",
    class_on_a_variable(),
    "copy[0]().put(3).put(4).total == 7",
    "copy[1]() == 7",
    "copy[0].reset() is None and copy[1]() == 0",
    "type(copy[0]).__name__ == 'type'",
    shares=True,
)
case("a class alone", class_on_a_variable()[0], "copy().put(3).total == 3", "load()().put(1).total == 1", shares=True)
case("an instance", class_on_a_variable()[0](), "copy.put(5).total == 5", shares=True)
case("recursive_pair", recursive_pair(), "copy[0](4) and copy[2]() == 5", "copy[1](1) and copy[2]() == 7", shares=True)
case("two_variables", two_variables(), "copy[0]() is None and (copy[1](), copy[2]()) == ('b', 'a')", shares=True)
case(
    "empty_until_set",
    empty_until_set(),
    "raises(NameError, copy[1])",
    "copy[0](3) is None and copy[1]() == 3",
    shares=True,
)
case(
    "inside_of_its_own_state",
    inside_of_its_own_state(),
    "copy[0]() == (2, ['get', 'up'])",
    "copy[1]['up'] is copy[0] and copy[1]['get']() == 2",
    shares=True,
)
case("nested", nested(), "copy[0]()() == 1", "copy[1]() == 2", "copy[2]() == 2", shares=True)
case("memoized", memoized(abs), "copy(-3) == 3", "copy.replace({-3: 'new'}) is None and copy(-3) == 'new'", shares=True)
case("methods with super() keep upstream's bytes", Twice, "copy().hello() == 'base once'", "copy().again() == 'base again'")
case("one alone keeps upstream's bytes", get, "copy() == 5")
case("the same one twice keeps upstream's bytes", [get, get], "copy[0] is copy[1]")
case("functions of other calls keep upstream's bytes", [make_counter(i)[2] for i in range(3)], "[f() for f in copy] == [0, 1, 2]")
finish()
