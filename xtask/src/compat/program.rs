//! [`Program`]: Python functions and classes of `__main__` that are made up from a seed.

use std::fmt;

use cloud_reduce::PythonVersion;
use proptest::{collection::vec, option, prelude::*};

/// A program that leaves a callable `target` and `calls`, a list of tuples of arguments to try it with.
#[derive(Clone, PartialEq)]
pub(super) struct Program {
    pub(super) source: String,
}

/// What the body of every function may name: parameters, variables of an enclosing function, globals.
const HEAD: &str = "\
import collections
import math
import os.path

G0 = 10
G1 = 'text'
LIST = [3, 1, 2]

class Base:
    kind = 'base'

    def __init__(self, *args):
        self.args = args

    def __repr__(self):
        return '%s%r' % (type(self).__name__, self.args)

def helper(x):
    return [x, G0]
";

const CALLS: &str = "calls = [(), (1,), ('s', 2), ([1, 2], 3, 4), (2.5, None)]\n";

const LEAVES: [&str; 14] =
    ["a", "b", "c0", "c1", "G0", "G1", "LIST", "1", "-2.5", "'text'", "None", "(1, 2)", "b'\\x00'", "math.pi"];

/// Expressions of two others, `X` and `Y`, with the version that has their syntax.
const EXPRESSIONS: [(&str, (u8, u8)); 22] = [
    ("(X + Y)", (3, 0)),
    ("[X, Y]", (3, 0)),
    ("(X, Y)", (3, 0)),
    ("{'k': X, 'l': Y}", (3, 0)),
    ("(X if Y else 0)", (3, 0)),
    ("(X and not Y)", (3, 0)),
    ("(X == Y)", (3, 0)),
    ("(X in [Y])", (3, 0)),
    ("str(X)", (3, 0)),
    ("helper(X)", (3, 0)),
    ("[(i, X) for i in LIST if i != Y]", (3, 0)),
    ("{i: X for i in LIST}", (3, 0)),
    ("sorted([i for i in LIST], key=lambda i: (-i, len(str(Y))))", (3, 0)),
    ("(lambda x, y=X: [x, y])(Y)", (3, 0)),
    ("len(str(X))", (3, 0)),
    ("math.floor(len(str(X)))", (3, 0)),
    ("os.path.join('a', str(X))", (3, 0)),
    ("collections.OrderedDict([('k', X)])", (3, 0)),
    ("Base(X, Y)", (3, 0)),
    ("LIST[0]", (3, 0)),
    ("(w := X, w, Y)", (3, 8)),
    ("[*LIST, X]", (3, 5)),
];

// The body of a class names no globals: cloudpickle does not look for those.
/// Statements, each a block of lines, of two expressions, with the version that has their syntax.
const STATEMENTS: [(&str, (u8, u8)); 16] = [
    ("r = X", (3, 0)),
    ("if X:\n    r = Y\nelse:\n    r = (r, 0)", (3, 0)),
    ("for i in range(3):\n    if i == X:\n        continue\n    r = (i, Y)", (3, 0)),
    ("try:\n    r = X\nexcept (TypeError, ValueError) as error:\n    r = str(Y)\nfinally:\n    s = 1", (3, 0)),
    ("def inner(x=X):\n    return (x, a, c0)\nr = inner()", (3, 0)),
    ("def inner():\n    nonlocal r\n    r = (r, X)\ninner()", (3, 0)),
    (
        "class Local(Base):\n    kind = 'local'\n    def method(self):\n        return (super().__repr__(), __class__.__name__, a)\nr = (Local.kind, Local(X, Y).method())",
        (3, 0),
    ),
    ("import json\nr = json.dumps(str(X))", (3, 0)),
    ("from collections import Counter\nr = Counter(str(X)).most_common(1)", (3, 0)),
    ("while r is None:\n    r = X\n    break\nelse:\n    r = (Y, r)", (3, 0)),
    ("def gen():\n    yield X\n    yield from [Y, r]\nr = list(gen())", (3, 0)),
    ("with open(os.devnull) as file:\n    r = (X, file.closed)", (3, 0)),
    ("r = f'{(X)!r:>4} {c0}'", (3, 12)),
    ("match X:\n    case [x, *_]:\n        r = x\n    case {'k': x}:\n        r = (x, Y)\n    case _:\n        r = Y", (3, 10)),
    (
        "try:\n    raise ExceptionGroup('g', [ValueError(1)])\nexcept* ValueError as group:\n    r = (X, len(group.exceptions))",
        (3, 11),
    ),
    ("def typed[T](x: T) -> list[T]:\n    return [x, typed.__type_params__[0].__name__]\nr = typed(X)", (3, 12)),
];

const PARAMETERS: [(&str, (u8, u8)); 5] = [
    ("a=1, b=2, *args", (3, 0)),
    ("a=None, b=LIST, *args, k=G0, **kw", (3, 0)),
    ("a: int = 0, b: 'str' = '', *args: float", (3, 0)),
    ("a=1, b=2, /, *args", (3, 8)),
    ("a=(1, 2), *args, b={'x': [1]}", (3, 0)),
];

/// What the target is, around a body `BODY` with parameters `PARAMS`.
const SHAPES: [(&str, (u8, u8)); 11] = [
    (
        "def make(c0, c1):\n    def target(PARAMS):\n        BODY\n        return r\n    return target\ntarget = make(5, [6])",
        (3, 0),
    ),
    ("c0, c1 = 5, [6]\ndef target(PARAMS):\n    'What it does.'\n    BODY\n    return r\ntarget.attribute = {'x': 1}", (3, 0)),
    (
        "c0 = c1 = 7\nclass Target(Base):\n    'A class.'\n    kind = 'target'\n    def __call__(self, PARAMS):\n        BODY\n        return r\n    @property\n    def size(self):\n        return len(self.args)\n    @staticmethod\n    def of(*args):\n        return Target(*args)\ntarget = lambda *args: (Target.of(*args)(*args), Target(1).size)",
        (3, 0),
    ),
    (
        "def make(c0):\n    c1 = [c0]\n    def target(PARAMS):\n        global G1\n        nonlocal c1\n        BODY\n        c1 = (c1, G0)\n        G1 = str(c1)\n        return (r, c1)\n    return target\ntarget = make('cell')",
        (3, 0),
    ),
    (
        "c0 = c1 = None\nimport enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 'b'\n    def shown(self):\n        return self.name.lower()\ndef target(PARAMS):\n    BODY\n    return (r, Colour.RED.shown(), Colour('b') is Colour.BLUE)",
        (3, 0),
    ),
    (
        "c0 = c1 = 0\nclass Meta(type):\n    def __len__(cls):\n        return 3\nclass Target(Base, metaclass=Meta):\n    __slots__ = ('slot',)\n    def __init__(self, PARAMS):\n        BODY\n        self.slot = r\n        self.args = ()\n    def __repr__(self):\n        return repr((self.slot, len(type(self))))\ntarget = Target",
        (3, 0),
    ),
    (
        "c0, c1 = 1, 2\ndef fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\ndef target(PARAMS):\n    BODY\n    return (r, fact(5))",
        (3, 0),
    ),
    (
        "c0, c1 = 1, 2\nimport functools\ndef twice(f):\n    @functools.wraps(f)\n    def wrapper(*args):\n        return (f(*args), f(*args))\n    return wrapper\n@twice\ndef target(PARAMS):\n    BODY\n    return r",
        (3, 0),
    ),
    (
        "c0, c1 = 1, 2\nimport dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n    y: list = dataclasses.field(default_factory=list)\ndef target(PARAMS):\n    BODY\n    return (r, Point(1), Point(2, [3]) == Point(2, [3]))",
        (3, 7),
    ),
    (
        "c0, c1 = 1, 2\nimport asyncio\ndef target(PARAMS):\n    async def run():\n        BODY\n        return r\n    coroutine = run()\n    try:\n        coroutine.send(None)\n    except StopIteration as stop:\n        return stop.value",
        (3, 0),
    ),
    (
        "c0, c1 = 1, 2\nclass Box[T]:\n    def __init__(self, value: T):\n        self.value = value\n    def get(self) -> T:\n        return self.value\ndef target(PARAMS):\n    BODY\n    return Box[int](r).get()",
        (3, 12),
    ),
];

/// For each reducer of cloudpickle, and each kind of function and class: what to make, what to tell of it in the copy (where it is
/// what cloudpickle keeps), and the version that has it.
const FIXED: [(&str, &str, (u8, u8)); 34] = [
    ("", "(lambda x: x + G0)(1)", (3, 0)),
    ("o = helper", "o(1)", (3, 0)),
    ("o = Base(1, 2)", "o", (3, 0)),
    ("o = Base(1).__repr__", "o()", (3, 0)),
    ("class C(Base):\n    @classmethod\n    def of(cls, x):\n        return cls(x)\no = C.of", "o(1)", (3, 0)),
    (
        "class C:\n    a = classmethod(lambda cls: cls.__name__)\n    b = staticmethod(len)\n    c = property(lambda self: 1)\no = C()",
        "(o.a(), o.b('xy'), o.c)",
        (3, 0),
    ),
    ("o = {'a': 1, 'b': 2}.keys()", "(type(o).__name__, list(o))", (3, 0)),
    ("o = {'a': 1, 'b': 2}.values()", "(type(o).__name__, list(o))", (3, 0)),
    ("o = {'a': 1, 'b': 2}.items()", "(type(o).__name__, list(o))", (3, 0)),
    (
        "o = collections.OrderedDict(a=1).keys(), collections.OrderedDict(a=1).values(), collections.OrderedDict(a=1).items()",
        "[(type(v).__name__, list(v)) for v in o]",
        (3, 0),
    ),
    ("import types\no = types.MappingProxyType({'a': 1})", "(type(o).__name__, dict(o))", (3, 0)),
    ("import logging\no = logging.getLogger('name'), logging.getLogger()", "[logger.name for logger in o]", (3, 0)),
    ("o = memoryview(b'abc')", "bytes(o)", (3, 0)),
    ("import weakref\no = weakref.WeakSet([Base]), Base", "[c.__name__ for c in o[0]]", (3, 0)),
    ("import functools\no = functools.partial(helper, 5)", "o()", (3, 0)),
    ("def f(c):\n    return lambda: c\no = f(7).__closure__[0]", "o.cell_contents", (3, 0)),
    ("def f():\n    return empty\n    empty = 1\no = f.__code__", "(o.co_name, o.co_varnames)", (3, 0)),
    ("import types\no = types.ModuleType('made')\no.x = 3", "(o.__name__, o.x)", (3, 0)),
    ("o = type(None), type(NotImplemented), type(...), type(len), int", "[t.__name__ for t in o]", (3, 0)),
    ("o = int.__dict__['real']", "(type(o).__name__, o.__get__(5))", (3, 0)),
    ("o = open(os.devnull)", "(o.read(), o.name == os.devnull)", (3, 0)),
    ("import typing\no = typing.TypeVar('T', bound=int)", "(o.__name__, o.__bound__)", (3, 0)),
    (
        "import typing\nT = typing.TypeVar('T')\nclass C(typing.Generic[T]):\n    x: T\no = C[int]",
        "(o.__args__, o.__origin__.__name__)",
        (3, 7),
    ),
    (
        "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self):\n        pass\nclass B(A):\n    def f(self):\n        return 1\nA.register(Base)\no = A, B",
        "(o[1]().f(), issubclass(Base, o[0]), sorted(o[0].__abstractmethods__))",
        (3, 0),
    ),
    ("import enum\nclass F(enum.IntFlag):\n    A = 1\n    B = 2\no = F.A | F.B", "(int(o), type(o).__name__, o == 3)", (3, 6)),
    (
        "import enum\nclass E(str, enum.Enum):\n    A = 'a'\n    B = 'b'\no = E",
        "(o.A.value, o('a') is o.A, [m.name for m in o])",
        (3, 0),
    ),
    ("o = collections.namedtuple('P', 'x y')", "(o(1, y=2), o._fields)", (3, 0)),
    ("import typing\nclass P(typing.NamedTuple):\n    x: int\n    y: str = 'y'\no = P", "o(1)", (3, 6)),
    ("import typing\nclass D(typing.TypedDict):\n    x: int\no = D", "o(x=1)", (3, 9)),
    ("import typing\nclass P(typing.Protocol):\n    def f(self): ...\no = P", "o.__name__", (3, 8)),
    ("class S:\n    __slots__ = 'a', '__weakref__'\no = S()\no.a = 4", "(o.a, type(o).__name__)", (3, 0)),
    (
        "class M(type):\n    def __prepare__(name, bases, **kw):\n        return {'kw': kw}\n    def __new__(cls, name, bases, ns, **kw):\n        return super().__new__(cls, name, bases, ns)\n    def __init__(cls, name, bases, ns, **kw):\n        super().__init__(name, bases, ns)\nclass C(metaclass=M, x=1):\n    pass\no = C",
        "(o.kw, type(o).__name__)",
        (3, 0),
    ),
    (
        "import functools\n@functools.singledispatch\ndef f(x):\n    return 'any'\n@f.register(int)\ndef _(x):\n    return 'int'\no = f.dispatch(int)",
        "o(1)",
        (3, 0),
    ),
    ("import typing\ntype A = list[int]\ndef f[T: int](x: T) -> T:\n    return x\no = f", "o(1)", (3, 12)),
];

/// A recipe whose numbers are brought into range when the version is known.
#[derive(Clone, Debug)]
enum Expression {
    Leaf(u8),
    Of(u8, Box<[Expression; 2]>),
}

fn expressions() -> impl Strategy<Value = Expression> + Clone {
    any::<u8>().prop_map(Expression::Leaf).prop_recursive(3, 12, 2, |inner| {
        (any::<u8>(), inner.clone(), inner).prop_map(|(form, x, y)| Expression::Of(form, Box::new([x, y])))
    })
}

/// Programs in the syntax of a version.
pub(super) fn programs(version: PythonVersion) -> impl Strategy<Value = Program> {
    let statement = (any::<u8>(), expressions(), expressions());
    let lambda = option::weighted(0.2, expressions());
    (any::<u8>(), any::<u8>(), vec(statement, 0..4), lambda).prop_map(move |(shape, parameters, body, lambda)| {
        let mut source = HEAD.to_owned();
        if let Some(expression) = lambda {
            let expression = expression.text(version, 0);
            source.push_str(&format!(
                "\ndef make(c0, c1):\n    return lambda a=1, b=2, *args: {expression}\ntarget = make(5, [6])\n"
            ));
        } else {
            let statements: Vec<String> = body.iter().map(|(form, x, y)| statement_text(*form, x, y, version)).collect();
            let mut body = vec!["r = None".to_owned()];
            body.extend(statements);
            let parameters = pick(&PARAMETERS, parameters, version);
            let shape = pick(&SHAPES, shape, version).replace("PARAMS", parameters);
            source.push('\n');
            for line in shape.lines() {
                let indent = &line[..line.len() - line.trim_start().len()];
                if line.trim() == "BODY" {
                    for line in body.iter().flat_map(|block| block.lines()) {
                        source.push_str(&format!("{indent}{line}\n"));
                    }
                } else {
                    source.push_str(&format!("{line}\n"));
                }
            }
        }
        source.push_str(CALLS);
        Program { source }
    })
}

impl Program {
    /// The programs that every run tries, as far as a version has their syntax.
    pub(super) fn fixed(version: PythonVersion) -> Vec<Program> {
        let able = FIXED.iter().filter(|(.., (major, minor))| PythonVersion::new(*major, *minor) <= version);
        able.map(|(made, told, _)| Program {
            source: format!("{HEAD}\n{made}\ndef target():\n    return {told}\ncalls = [()]\n"),
        })
        .collect()
    }
}

/// The form that a number means among those that a version has.
fn pick(forms: &[(&'static str, (u8, u8))], number: u8, version: PythonVersion) -> &'static str {
    let able: Vec<&'static str> =
        forms.iter().filter(|(_, (major, minor))| PythonVersion::new(*major, *minor) <= version).map(|(form, _)| *form).collect();
    able[usize::from(number) % able.len()]
}

fn statement_text(form: u8, x: &Expression, y: &Expression, version: PythonVersion) -> String {
    fill(pick(&STATEMENTS, form, version), &x.text(version, 0), &y.text(version, 0))
}

/// Puts two expressions in the places of `X` and `Y`, which stand alone.
fn fill(form: &str, x: &str, y: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    let mut chars = form.chars().peekable();
    while let Some(c) = chars.next() {
        let alone = !before.is_alphanumeric() && before != '_' && !chars.peek().is_some_and(|c| c.is_alphanumeric() || *c == '_');
        match c {
            'X' if alone => text.push_str(x),
            'Y' if alone => text.push_str(y),
            c => text.push(c),
        }
        before = c;
    }
    text
}

impl Expression {
    /// Its text. A walrus cannot stand in a comprehension's iterable or a class body, so those deeper in are left out.
    fn text(&self, version: PythonVersion, depth: usize) -> String {
        match self {
            Expression::Leaf(number) => LEAVES[usize::from(*number) % LEAVES.len()].to_owned(),
            Expression::Of(form, parts) => {
                let version = if depth == 0 { version } else { version.min(PythonVersion::new(3, 7)) };
                let [x, y] = &**parts;
                fill(pick(&EXPRESSIONS, *form, version), &x.text(version, depth + 1), &y.text(version, depth + 1))
            }
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};

    use super::*;

    #[test]
    fn a_program_has_only_syntax_of_its_version() {
        let mut runner = TestRunner::deterministic();
        for _ in 0..200 {
            let old = programs(PythonVersion::new(3, 6)).new_tree(&mut runner).unwrap().current().source;
            assert!(!old.contains(":=") && !old.contains("match ") && !old.contains("except*") && !old.contains("[T]"), "{old}");
            assert!(old.contains("target"), "{old}");
            assert!(!old.contains("BODY") && !old.contains("PARAMS"), "{old}");
        }
    }
}
