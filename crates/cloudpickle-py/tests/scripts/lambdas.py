"""Lambdas."""
# ruff: noqa: E731

import math

from zoo import case, finish

RATE = 3
table = {"a": 1}

case("no arguments", lambda: 7, "copy() == 7", "copy.__name__ == '<lambda>'", "copy.__module__ == '__main__'")
case("one argument", lambda x: x + 1, "copy(1) == 2")
case(
    "all kinds of arguments",
    lambda a, b=2, *c, d, e=5, **f: (a, b, c, d, e, f),
    "copy(1, d=4) == (1, 2, (), 4, 5, {})",
    "copy(1, 2, 3, d=4, g=6) == (1, 2, (3,), 4, 5, {'g': 6})",
)
case("positional only", lambda a, /, b: (a, b), "copy(1, b=2) == (1, 2)", "raises(TypeError, copy, a=1, b=2)")
case("a global", lambda x: x * RATE, "copy(2) == 6", "copy.__globals__['RATE'] == 3")
case("a mutable global", lambda: table, "copy() == {'a': 1}", "copy() is copy()")
case("a module", lambda x: math.sqrt(x), "copy(9) == 3.0")
case("a builtin", lambda x: len(x), "copy('abc') == 3")
case("a lambda in a lambda", lambda x: lambda y: x + y, "copy(1)(2) == 3")
case("a lambda as default", lambda x, f=lambda y: y * 2: f(x), "copy(4) == 8")
case("a conditional", lambda n: "even" if n % 2 == 0 else "odd", "[copy(n) for n in (1, 2)] == ['odd', 'even']")
case(
    "comprehensions",
    lambda n: ([i * RATE for i in range(n)], {i for i in range(n)}, {i: RATE for i in range(n)}, list(i for i in range(n))),
    "copy(2) == ([0, 3], {0, 1}, {0: 3, 1: 3}, [0, 1])",
)
case(
    "constants of every kind",
    lambda: (1, -1, 2**70, 1.5, -0.0, float, 2j, "s", "\u20ac", "\ud800", b"b", None, True, ..., (1, (2, "t")), frozenset({1})),
    "copy() == (1, -1, 2**70, 1.5, -0.0, float, 2j, 's', '\u20ac', "
    "'\\ud800', b'b', None, True, ..., (1, (2, 't')), frozenset({1}))",
)
case("a membership test in a constant set", lambda x: x in {1, 2, 3}, "copy(2) and not copy(4)")
case("a walrus", lambda x: (y := x + 1) * y, "copy(2) == 9")
case("the same lambda twice", (lambda f: [f, f])(lambda: 1), "copy[0] is copy[1]", "copy[0]() == 1")
case("many lambdas", [(lambda x, n=n: x + n) for n in range(20)], "[f(1) for f in copy] == list(range(1, 21))")
case("a dictionary of lambdas", {"up": lambda x: x + 1, "down": lambda x: x - 1}, "copy['up'](1) == 2 and copy['down'](1) == 0")
case("a task", (lambda x, y=0: x + y, (1,), {"y": 2}), "copy[0](*copy[1], **copy[2]) == 3")
case("300 arguments", eval("lambda " + ", ".join(f"a{i}" for i in range(300)) + ": a299"), "copy(*range(300)) == 299")
case(
    "300 constants",
    eval("lambda: [" + ", ".join(f"'{i}!'" for i in range(300)) + "]"),
    "copy()[299] == '299!'",
    "len(copy()) == 300",
)
case("300 names", eval("lambda x: x" + "".join(f".name{i}" for i in range(300))), "copy.__code__.co_names[299] == 'name299'")
finish()
