"""Functions with every kind of state."""

import collections
import functools
import os.path
import xml.dom.minidom
from typing import List, Optional

import importable
from importable.inner import leaf as the_leaf
from zoo import case, finish

counter = 0
shared = []


def plain(x):
    return x


def documented(x):
    """What this does.

    In two paragraphs.
    """
    return x


def defaults(a, b=2, c=(3, [4]), *, d, e={"five": 5}, f=None):
    return a, b, c, d, e, f


def annotated(a: int, b: Optional[str] = None, *args: "int", c: List[int], **kwargs: importable.Shape) -> collections.OrderedDict:
    local: int = 3
    return local


def with_attributes(x):
    return with_attributes.factor * x


with_attributes.factor = 3
with_attributes.log = ["made"]
with_attributes.__wrapped__ = plain


def renamed():
    return 1


renamed.__name__ = "another"
renamed.__qualname__ = "Some.where.another"
renamed.__doc__ = "Set later."


def homeless():
    return "home"


homeless.__module__ = None


def elsewhere():
    return "elsewhere"


elsewhere.__module__ = "no.such.module"


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def append_to_shared(x):
    shared.append(x)
    return shared


def read_shared():
    return shared


def count():
    global counter
    counter += 1
    return counter


def delete_global():
    global doomed
    doomed = 1
    del doomed
    return "doomed" in globals()


def uses_missing():
    return no_such_name  # noqa: F821


def uses_submodule(*parts):
    return os.path.join(*parts)


def uses_deep_submodule(text):
    return xml.dom.minidom.parseString(text).documentElement.tagName


def uses_package_attribute():
    return importable.inner.leaf.LEAF


def uses_aliases(x):
    return the_leaf.leaf(), importable.double(x)


def imports_inside(x):
    import math as m
    from collections import deque as d

    return m.floor(x), d([x])


def outer(x):
    def middle(y):
        def inner(z):
            return x + y + z + counter

        return inner

    return middle


def nested_with_state():
    def inner(a, b=[1]):
        """Inner doc."""
        return a, b

    inner.mark = "marked"
    return inner


def raising(kind):
    try:
        raise kind("message")
    except (ValueError, KeyError) as error:
        return type(error).__name__
    finally:
        shared.append("finally")


def with_context(lock):
    with lock as held:
        return held


def starred(*args, **kwargs):
    first, *rest = args
    return first, rest, {**kwargs, "more": [*args]}


def formatted(x):
    return f"{x!r:>10} {x:=^{12}} {'nested ' + str(x)}"


def long_jumps(n):
    total = 0
    for i in range(n):
        if i % 2:
            total += i
        else:
            while total > 100:
                total -= 7
        try:
            total += 1 // (i % 5)
        except ZeroDivisionError:
            continue
    return total


def uses_class(x):
    return isinstance(x, Local), Local(x).x


class Local:
    def __init__(self, x):
        self.x = x


def uses_default_class(kind=Local):
    return kind(3).x


def with_many_globals():
    return [g0, g1, g2, g3, g4, plain, documented, counter, collections, shared]


g0, g1, g2, g3, g4 = "text", 1.5, (1, 2), {"k": {1}}, None

exec("def executed(x):\n    return x * g1\n")

own_globals = {"__name__": "made.up", "__package__": "made", "__file__": "/nowhere", "base": 10}
exec("def foreign(x):\n    return x + base\ndef foreign_too():\n    global base\n    base += 1\n    return base\n", own_globals)


class Methods:
    def method(self):
        return type(self).__name__


case(
    "plain",
    plain,
    "copy(1) == 1",
    "copy.__qualname__ == 'plain'",
    "copy.__module__ == '__main__'",
    "copy.__doc__ is None",
    "copy.__code__.co_firstlineno > 1",
    "copy.__code__.co_name == 'plain'",
    "'__builtins__' in copy.__globals__",
)
case("documented", documented, "copy.__doc__.startswith('What this does.')", "inspect.getdoc(copy).endswith('paragraphs.')")
case(
    "defaults",
    defaults,
    "copy(1, d=4) == (1, 2, (3, [4]), 4, {'five': 5}, None)",
    "copy.__kwdefaults__ == {'e': {'five': 5}, 'f': None}",
    "copy.__defaults__ == (2, (3, [4]))",
    "str(inspect.signature(copy)) == \"(a, b=2, c=(3, [4]), *, d, e={'five': 5}, f=None)\"",
)
case(
    "annotated",
    annotated,
    "copy(1, c=[]) == 3",
    "copy.__annotations__['a'] is int",
    "copy.__annotations__['args'] == 'int'",
    "copy.__annotations__['b'] == typing.Optional[str]",
    "copy.__annotations__['c'] == typing.List[int]",
    "copy.__annotations__['kwargs'].__name__ == 'Shape'",
    "copy.__annotations__['return'] is collections.OrderedDict",
    "list(copy.__annotations__) == ['a', 'b', 'args', 'c', 'kwargs', 'return']",
)
case(
    "with_attributes",
    with_attributes,
    "copy(2) == 6",
    "copy.log == ['made']",
    "copy.__wrapped__(5) == 5",
    "copy.__globals__['with_attributes'] is copy",
)
case(
    "renamed",
    renamed,
    "copy.__name__ == 'another'",
    "copy.__qualname__ == 'Some.where.another'",
    "copy.__doc__ == 'Set later.'",
    "copy.__code__.co_name == 'renamed'",
)
case("homeless", homeless, "copy() == 'home'", "copy.__module__ is None")
case("elsewhere", elsewhere, "copy() == 'elsewhere'", "copy.__module__ == 'no.such.module'")
case("factorial", factorial, "copy(10) == 3628800", "copy.__globals__['factorial'] is copy")
case(
    "even",
    even,
    "copy(10) and not copy(11)",
    "copy.__globals__['odd'].__globals__ is copy.__globals__",
    "copy.__globals__['odd'].__globals__['even'] is copy",
)
case("even and odd", [odd, even], "copy[0](3) and copy[1](4)", "copy[0].__globals__ is copy[1].__globals__")
case("shared globals", (append_to_shared, read_shared), "copy[0](1) is copy[1]()", "copy[1]() == [1]")
case("count", count, "[copy(), copy(), copy()] == [1, 2, 3]", "copy.__globals__['counter'] == 3")
case("delete_global", delete_global, "copy() is False")
case("uses_missing", uses_missing, "raises(NameError, copy)")
case("uses_submodule", uses_submodule, "copy('a', 'b').replace(chr(92), '/') == 'a/b'")
case("uses_deep_submodule", uses_deep_submodule, "copy('<a><b/></a>') == 'a'")
case("uses_package_attribute", uses_package_attribute, "copy() == 'leaf'")
case("uses_aliases", uses_aliases, "copy(4) == ('leaf', 8)")
case("imports_inside", imports_inside, "copy(2.5) == (2, collections.deque([2.5]))")
case("outer", outer, "copy(1)(2)(3) == 6", "copy(1).__qualname__ == 'outer.<locals>.middle'")
case("outer's inner", outer(1)(2), "copy(3) == 6", "copy.__qualname__ == 'outer.<locals>.middle.<locals>.inner'")
case("nested_with_state", nested_with_state, "copy().mark == 'marked'", "copy()(0) == (0, [1])")
case(
    "nested_with_state's inner",
    nested_with_state(),
    "copy.mark == 'marked'",
    "copy.__doc__ == 'Inner doc.'",
    "copy(0)[1] is copy(1)[1]",
)
case(
    "raising",
    raising,
    "copy(KeyError) == 'KeyError'",
    "raises(TypeError, copy, TypeError)",
    "copy.__globals__['shared'] == ['finally', 'finally']",
)
case("with_context", with_context, "copy(io.StringIO('x')).closed")
case("starred", starred, "copy(1, 2, k=3) == (1, [2], {'k': 3, 'more': [1, 2]})")
case("formatted", formatted, "copy(5) == '         5 =====5====== nested 5'")
case("long_jumps", long_jumps, "copy(300) > 0")
case("uses_class", uses_class, "copy(3) == (False, 3)")
case("uses_default_class", uses_default_class, "copy() == 3")
case(
    "with_many_globals",
    with_many_globals,
    "copy()[:5] == ['text', 1.5, (1, 2), {'k': {1}}, None]",
    "copy()[5](2) == 2",
    "copy()[8] is collections",
)
case("executed", executed, "copy(2) == 3.0")  # noqa: F821
case(
    "foreign",
    own_globals["foreign"],
    "copy(1) == 11",
    "copy.__globals__['__name__'] == 'made.up'",
    "copy.__globals__['__package__'] == 'made'",
    "copy.__globals__['__file__'] == '/nowhere'",
)
case(
    "functions of two globals",
    [plain, own_globals["foreign"], own_globals["foreign_too"], count],
    "copy[1].__globals__ is copy[2].__globals__",
    "copy[0].__globals__ is copy[3].__globals__",
    "copy[0].__globals__ is not copy[1].__globals__",
    "copy[2]() == 11 and copy[1](1) == 12",
)
case("bound method", Methods().method, "copy() == 'Methods'")
case("function of a class", Methods.method, "copy(3) == 'int'", "copy.__qualname__ == 'Methods.method'")
case("partial of main", functools.partial(defaults, 1, d=4), "copy()[0] == 1", "copy(b=3)[1] == 3", "copy.args == (1,)")
case("local function of an importable module", importable.make_adder(5), "copy(1) == 6", "copy.__module__ == 'importable'")
case(
    "two equal functions",
    [outer(1), outer(1)],
    "copy[0] is not copy[1]",
    "copy[0].__code__ is copy[1].__code__",
    "copy[0](1)(1) == 3",
)
case("a code object", plain.__code__, "types.FunctionType(copy, {})(3) == 3", "copy.co_name == 'plain'")
finish()
