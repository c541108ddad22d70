"""Makes `cloudpickle-VERSION.pickles` in this folder: functions and classes, by the cloudpickle on the path, at protocols 2 and 5; and
`cloudpickle-VERSION.optimized.pickles`, what `pickletools.optimize` makes of them.

    python3.13 make_cloudpickle.py

The files are those of CPython 3.13 with cloudpickle 3.1.2: run this in this folder and with no other. `cargo xtask corpus` does.
"""

import dataclasses
import enum
import pickletools
import sys

import cloudpickle

# The path of this file would be a global of every pickled function.
__file__ = "make_cloudpickle.py"


def functions():
    def counter():
        count = 0

        def up():
            nonlocal_of(count)
            return down

        def down():
            return up, count

        return up, down

    class Meta(type):
        pass

    class Plain(metaclass=Meta):
        """A class."""

        number = 1

        def method(self):
            return Plain

        @property
        def prop(self):
            return self.method()

        @staticmethod
        def static(a, *, b=2):
            return super

        @classmethod
        def made(cls):
            return cls()

    # What `reprlib` wraps around a `__repr__` has the path of the standard library in its code.
    @dataclasses.dataclass(repr=False)
    class Data:
        a: int = 1
        b: list = dataclasses.field(default_factory=list)

    class Color(enum.Enum):
        RED = 1
        BLUE = 2

    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    yield lambda x: x**2
    yield counter()
    yield Plain
    yield Plain()
    yield [Data(), Data(3)]
    yield [Color, Color.RED]
    yield factorial
    yield factorial, (1,), {"a": Plain()}


def nonlocal_of(value):
    return value


def main():
    pickles = [cloudpickle.dumps(value, protocol) for value in functions() for protocol in (2, 5)]
    name = "cloudpickle-%d.%d" % sys.version_info[:2]
    for name, contents in [(name, pickles), (name + ".optimized", map(pickletools.optimize, pickles))]:
        with open(name + ".pickles", "wb") as out:
            out.write(b"".join(contents))


if main.__code__.co_filename == __file__:
    main()
else:
    # From 3.9 on, the interpreter gives code objects this file's absolute path.
    with open(__file__) as source:
        exec(compile(source.read(), __file__, "exec"))
