"""Closures."""

from zoo import case, finish

UNIT = 10


def adder(n):
    return lambda x: x + n


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

    return up, down


def many_cells():
    a, b, c, d = 1, [2], {"three": 3}, lambda: 4

    def use():
        return a, b, c["three"], d(), UNIT

    return use


def recursive():
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    return fib


def mutually_recursive():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    return even, odd


def empty_cell():
    if UNIT < 0:
        never = 1

    def use():
        return never

    return use


def half_empty():
    def use(early):
        return here if early else later

    here = "here"
    if UNIT < 0:
        later = "later"
    return use


def three_deep(a):
    def second(b):
        def third(c):
            def fourth(d):
                return a, b, c, d

            return fourth

        return third

    return second


def closure_on_a_class():
    class Local:
        value = 5

        def me(self):
            return Local

    def make():
        return Local()

    return make


def closure_on_itself_through_data():
    box = []

    def look():
        return box

    box.append(look)
    return look


def argument_cells(a, *args, b=1, **kwargs):
    def inner():
        return a, args, b, kwargs

    return inner


def loop_cells():
    return [lambda: i for i in range(3)]  # noqa: B023


def keyword_state():
    secret = "cell"

    def inner(x, y=secret, *, z=(secret, UNIT)):
        """Documented."""
        return x, y, z, secret

    inner.note = secret
    return inner


up, down = make_counter(5)
cell = adder(1).__closure__[0]
case("adder", adder, "copy(1)(2) == 3")
case("adder(5)", adder(5), "copy(1) == 6", "copy.__closure__[0].cell_contents == 5", "copy.__code__.co_freevars == ('n',)")
case("up", up, "copy(2) - copy(1) == -1")
case("make_counter", make_counter, "[f() for f in copy()] == [1, 0]")
case(
    "up and down",
    (up, down),
    "(copy[0](3), copy[1](), copy[0](2)) == (8, 7, 9)",
    "copy[0].__closure__[0] is copy[1].__closure__[0]",
    "load()[1]() == 4",
    shares=True,
)
case("many_cells", many_cells(), "copy() == (1, [2], 3, 4, 10)", "copy()[1] is copy()[1]")
case("recursive", recursive(), "copy(10) == 55", "copy.__closure__[0].cell_contents is copy")
case(
    "mutually_recursive",
    mutually_recursive(),
    "copy[0](10) and copy[1](9)",
    "copy[0].__closure__[0].cell_contents is copy[1]",
    "copy[1].__closure__[0].cell_contents is copy[0]",
)
case("one of two mutually recursive", mutually_recursive()[0], "copy(10) and not copy(9)")
case("empty_cell", empty_cell(), "raises(NameError, copy)", "raises(ValueError, lambda: copy.__closure__[0].cell_contents)")
case("half_empty", half_empty(), "copy(True) == 'here'", "raises(NameError, copy, False)")
case("three_deep", three_deep(1)(2)(3), "copy(4) == (1, 2, 3, 4)")
case("closure_on_a_class", closure_on_a_class(), "copy().value == 5", "copy().me() is type(copy())", shares=True)
case("closure_on_itself_through_data", closure_on_itself_through_data(), "copy()[0] is copy")
case("argument_cells", argument_cells(1, 2, b=3, c=4), "copy() == (1, (2,), 3, {'c': 4})")
case("loop_cells", loop_cells(), "[f() for f in copy] == [2, 2, 2]", "len({id(f.__closure__[0]) for f in copy}) == 1", shares=True)
case(
    "keyword_state",
    keyword_state(),
    "copy(1) == (1, 'cell', ('cell', 10), 'cell')",
    "copy.note == 'cell'",
    "copy.__doc__ == 'Documented.'",
)
case("a closure that holds closures", adder(adder(1)), "copy.__closure__[0].cell_contents(1) == 2")
case(
    "a closure that holds data",
    adder([{"k": (1, 2)}, b"bytes", 2**80]),
    "raises(TypeError, copy, 1)",
    "copy.__closure__[0].cell_contents == [{'k': (1, 2)}, b'bytes', 2**80]",
)
case("the same closure many times", [up] * 5, "all(f is copy[0] for f in copy)")
case("a cell", cell, "copy.cell_contents == 1", "type(copy) is types.CellType")
case("an empty cell", empty_cell().__closure__[0], "raises(ValueError, lambda: copy.cell_contents)")
case(
    "100 cells",
    eval("(lambda " + ", ".join(f"c{i}" for i in range(100)) + ": lambda: [" + ", ".join(f"c{i}" for i in range(100)) + "])")(
        *range(100)
    ),
    "copy() == list(range(100))",
)
finish()
