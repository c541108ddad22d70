"""Pickles a zoo of functions and classes of `__main__`, and writes down what the interpreter itself says of them.

Run it in this folder under any Python from 3.6 on, with a release of cloudpickle on the path:

    PYTHONPATH=/path/to/cloudpickle-1.6.0 python3.8 make.py [PROTOCOL [MODULE]]

MODULE is `cloudpickle` or the name under which another package carries its copy, such as `pyspark.cloudpickle`. It writes
`NAME.pkl`, a list of the zoo, and `NAME.facts`, a line for each function, class and enum; the name tells the interpreter, the
release and the protocol. Facts are those of the copy that the interpreter loads, so that they are of what the pickle holds.
"""

import abc
import dis
import enum
import importlib
import pickle
import platform
import sys
import types
import xml.etree.ElementTree

# The path of this file would be a global of every pickled function.
__file__ = "make.py"

CONSTANT = 42
TABLE = {"a": 1}


def documented(a, b=2, *args, c, d=4, **kwargs):
    """Has a bit of everything."""
    global written
    written = [CONSTANT for _ in range(a)]
    return len(written), TABLE, undefined_name  # noqa: F821


documented.attribute = "value"
documented.other = documented


def annotated(a: int, b: "str" = "x") -> float:
    return (lambda: CONSTANT + a)()


def wide(x):
    # More than 256 names, so that arguments need EXTENDED_ARG.
    NAMES
    return CONSTANT


def counter(start):
    count = start

    def up(step=1):
        nonlocal count
        count += step
        return count

    def down():
        nonlocal count
        count -= 1
        return count

    return up, down


def parity():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    return even


def unfilled():
    def uses():
        return late

    return uses
    late = 1


def uses_submodule(text):
    return xml.etree.ElementTree.fromstring(text)


class Base:
    """A class."""

    number = 1

    def __init__(self, value):
        self.value = value

    def method(self):
        return self.number, CONSTANT

    @staticmethod
    def static(x):
        return x

    @classmethod
    def made(cls):
        return cls(0)

    @property
    def prop(self):
        return self.value


class Derived(Base):
    __slots__ = ("extra",)

    def method(self):
        return super().method()


class Meta(type):
    def __len__(cls):
        return 3


class WithMeta(metaclass=Meta):
    pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def required(self):
        """Must be there."""


class Color(enum.Enum):
    RED = 1
    GREEN = 2

    def lower(self):
        return self.name.lower()


def make_wide():
    body = "".join("    name%d\n" % i for i in range(300))
    source = "def wide(x):\n" + body + "    return CONSTANT\n"
    exec(compile(source, "make.py", "exec"), globals())


def zoo():
    make_wide()
    up, down = counter(10)
    return [
        lambda x: x ** 2,
        documented,
        annotated,
        wide,
        up,
        down,
        parity(),
        unfilled(),
        uses_submodule,
        Base,
        Derived,
        WithMeta,
        Abstract,
        Color,
        Derived(5),
        [up, Base],
    ]


def survives(value, cloudpickle, protocol):
    """Whether a release can pickle an object at all; none can do all of the zoo."""
    try:
        pickle.loads(cloudpickle.dumps(value, protocol))
        return True
    except Exception as error:
        print("left out:", value, error)
        return False


def walk_functions(objects):
    """Every function that the zoo leads to, once."""
    seen, found, todo = set(), [], list(objects)
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, types.FunctionType):
            if value.__module__ != "__main__":
                continue
            found.append(value)
            for cell in value.__closure__ or ():
                try:
                    todo.append(cell.cell_contents)
                except ValueError:
                    pass
            todo.extend(value.__dict__.values())
            todo.extend(value.__globals__[name] for name in global_names(value))
        elif isinstance(value, type) and value.__module__ == "__main__":
            todo.extend(vars(value).values())
            todo.append(type(value))
            todo.extend(value.__bases__)
        elif isinstance(value, (staticmethod, classmethod)):
            todo.append(value.__func__)
        elif isinstance(value, property):
            todo.append(value.fget)
        elif isinstance(value, list):
            todo.extend(value)
    return found


def global_names(function):
    names, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        codes.extend(const for const in code.co_consts if isinstance(const, types.CodeType))
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL"):
                names.add(instruction.argval)
    return sorted(names & set(function.__globals__) - {"__builtins__"})


def join(names):
    return ",".join(sorted(names))


def facts(objects):
    for function in walk_functions(objects):
        code = function.__code__
        closure = []
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            try:
                cell.cell_contents
                closure.append(name)
            except ValueError:
                closure.append(name + "?")
        yield [
            "function", function.__name__, function.__qualname__, function.__module__, function.__doc__ or "",
            "globals " + join(global_names(function)),
            "defaults %d" % len(function.__defaults__ or ()),
            "kwdefaults " + join(function.__kwdefaults__ or ()),
            "annotations " + join(function.__annotations__),
            "dict " + join(function.__dict__),
            "closure " + ",".join(closure),
            "code %d %d %d %d %d %d" % (code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_flags,
                                        code.co_firstlineno, len(code.co_code)),
            "names %d" % len(code.co_names), "consts %d" % len(code.co_consts), code.co_filename,
        ]
    for value in objects:
        if not isinstance(value, type):
            continue
        bases = ",".join(base.__name__ for base in value.__bases__)
        functions = join(name for name, item in vars(value).items()
                         if isinstance(item, types.FunctionType) and item.__module__ == "__main__")
        if isinstance(value, enum.EnumMeta):
            yield ["enum", value.__name__, value.__qualname__, value.__module__, "bases " + bases,
                   "members " + ",".join(member.name for member in value), "functions " + functions]
        else:
            yield ["class", value.__name__, value.__module__, "metaclass " + type(value).__name__, "bases " + bases,
                   "functions " + functions]


def main():
    protocol = int(sys.argv[1]) if len(sys.argv) > 1 else pickle.HIGHEST_PROTOCOL
    package = sys.argv[2] if len(sys.argv) > 2 else "cloudpickle"
    cloudpickle = importlib.import_module(package)
    objects = [value for value in zoo() if survives(value, cloudpickle, protocol)]
    data = cloudpickle.dumps(objects, protocol)
    loaded = pickle.loads(data)
    name = "%s-%d.%d-%s-%s-protocol-%d" % (
        platform.python_implementation().lower(), sys.version_info[0], sys.version_info[1], package, cloudpickle.__version__,
        protocol)
    with open(name + ".pkl", "wb") as file:
        file.write(data)
    metaclasses = [type(value) for value in loaded if isinstance(type(value), type) and type(value).__module__ == "__main__"
                   and issubclass(type(value), type)]
    with open(name + ".facts", "w") as file:
        lines = ["\t".join(line) for line in facts(loaded + metaclasses)]
        file.write("\n".join(sorted(lines)) + "\n")
    if package == "cloudpickle" and protocol == pickle.HIGHEST_PROTOCOL and sys.version_info[:2] == (3, 13):
        with open("lambda.pkl", "wb") as file:
            file.write(cloudpickle.dumps(lambda x: x ** 2 + CONSTANT, protocol))
    print(name, len(data))


if main.__code__.co_filename == __file__:
    main()
else:
    # From 3.9 on, the interpreter gives code objects this file's absolute path.
    with open(__file__) as source:
        exec(compile(source.read(), __file__, "exec"))
