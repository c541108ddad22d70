"""What README.md says of the module beyond its bytes: a function for each, which `claims.rs` names beside the words.

They fail with `Differs`, which has what is and what should be. Runs where the module is installed.
"""

import base64
import inspect as source
import io
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
import threading

NOTES = sys.version_info >= (3, 11)


class Differs(Exception):
    """What is, and what should be."""


def same(is_so, should_be):
    if is_so != should_be:
        raise Differs(repr(is_so), repr(should_be))


def holds(condition, is_so, should_be):
    if not condition:
        raise Differs(str(is_so), should_be)


def raised(kind, call, *args, **options):
    """The exception that a call must raise."""
    try:
        result = call(*args, **options)
    except kind as error:
        return error
    except Exception as error:
        raise Differs("%s: %s" % (type(error).__name__, error), kind.__name__) from error
    raise Differs(repr(result), kind.__name__)


def show(name, alone):
    """Runs one of the functions below; `alone` is a folder that has the module and nothing else."""
    global ALONE
    ALONE = alone
    case = "%s\n%s" % (name, source.getsource(globals()[name]))
    try:
        globals()[name]()
    except Differs as differs:
        return {"differs": [case] + list(differs.args)}
    return {"differs": None}


def elsewhere(loaded, told, data, with_upstream=True):
    """What an expression about `copy` is in a process that has none of the definitions: `loaded` imports and loads `data`."""
    program = "import base64, sys\ndata = base64.b64decode(sys.argv[1])\n%s\nprint(repr(%s))" % (textwrap.dedent(loaded), told)
    options, path = ([], {}) if with_upstream else (["-S"], {"PYTHONPATH": ALONE})
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment.update(path, PYTHONWARNINGS="ignore")
    run = subprocess.run(
        [sys.executable] + options + ["-c", program, base64.b64encode(data).decode()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env=environment,
    )
    return run.stdout.strip() if run.returncode == 0 else run.stderr.strip()


BY_PICKLE_BESIDE_UPSTREAM = "import pickle; copy = pickle.loads(data)"
BY_PICKLE_ALONE = "import pickle, cloudpickle_rs; copy = pickle.loads(data)"
BY_US_ALONE = "import cloudpickle_rs; copy = cloudpickle_rs.loads(data)"


def main(program):
    """What a program of `__main__` defines."""
    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(textwrap.dedent(program), namespace)
    return namespace


COUNTER = """
    def make_counter():
        n = 0
        def up():
            nonlocal n
            n += 1
            return n
        def down():
            nonlocal n
            n -= 1
            return n
        return up, down
    class Base:
        def size(self):
            return 1
    class Derived(Base):
        def size(self):
            return super().size() + 1
        def name(self):
            return __class__.__name__
    """


def shared_variables():
    import cloudpickle_rs

    counter = main(COUNTER)["make_counter"]()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = cloudpickle_rs.dumps(counter, protocol)
        told = "[copy[0](), copy[0](), copy[1](), copy[0]()]"
        if sys.implementation.name == "cpython":
            same(elsewhere(BY_PICKLE_BESIDE_UPSTREAM, told, data), "[1, 2, 1, 2]")
        same(elsewhere(BY_PICKLE_ALONE, told, data, with_upstream=False), "[1, 2, 1, 2]")
        same(elsewhere(BY_US_ALONE, told, data, with_upstream=False), "[1, 2, 1, 2]")


def upstream_shares_none():
    import cloudpickle

    up, down = pickle.loads(cloudpickle.dumps(main(COUNTER)["make_counter"]()))
    same([up(), up(), down(), up()], [1, 2, -1, 3])


def bytes_where_none_is_shared():
    import cloudpickle
    import cloudpickle_rs

    made = main(COUNTER)
    for alone in (made["make_counter"]()[0], made["Derived"], made["Derived"]()):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            same(cloudpickle_rs.dumps(alone, protocol), cloudpickle.dumps(alone, protocol))


UNHASHABLE = """
    class Equal(type):
        def __eq__(cls, other):
            return cls is other
    made = Equal("Unhashable", (), {"__module__": "__main__", "answer": lambda self: 42})
    """


def unhashable_classes():
    import cloudpickle_rs

    data = cloudpickle_rs.dumps(main(UNHASHABLE)["made"])
    told = "(copy().answer(), type(copy).__hash__)"
    if sys.implementation.name == "cpython":
        same(elsewhere(BY_PICKLE_BESIDE_UPSTREAM, told, data), "(42, None)")
    same(elsewhere(BY_US_ALONE, told, data, with_upstream=False), "(42, None)")


def upstream_refuses_unhashable_classes():
    import cloudpickle

    raised(TypeError, cloudpickle.dumps, main(UNHASHABLE)["made"])


def broken_pickles():
    import cloudpickle_rs

    data = pickle.dumps({"key": [1.5, "text", b"bytes", (None, 1 << 70)]}, 4)
    for length in range(11, len(data)):
        error = raised(pickle.UnpicklingError, cloudpickle_rs.loads, data[:length])
        holds("at byte " in str(error), error, "an error that says at which byte")
    error = raised(pickle.UnpicklingError, cloudpickle_rs.loads, b"\x80\x04]K\x01\xffa.")
    holds("at byte 5" in str(error) and "xff" in str(error), error, "an error that says at byte 5, and what is there")
    error = raised(pickle.UnpicklingError, cloudpickle_rs.loads, b"\x80\x04K\x01a.")
    holds("at byte 4" in str(error) and "APPEND" in str(error), error, "at byte 4, opcode APPEND")


def memory_for_broken_pickles():
    import cloudpickle_rs

    if sys.platform != "linux":
        return
    loaded = """
        import pickle, resource
        import cloudpickle_rs
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
        try:
            cloudpickle_rs.loads(data)
        except pickle.UnpicklingError:
            copy = 'refused'
    """
    for claims in (b"\x8e", b"\x8d", b"\x96"):  # BINBYTES8, BINUNICODE8, BYTEARRAY8 of 2^40 bytes that are not there
        same(elsewhere(loaded, "copy", b"\x80\x05" + claims + (1 << 40).to_bytes(8, "little") + b"x."), "'refused'")
    same(elsewhere(loaded, "copy", b"\x80\x04]r\xff\xff\xff\x7fK\x01aX."), "'refused'")  # a memo index of 2^31


def intact_pickles_that_raise():
    import cloudpickle_rs

    data = b"\x80\x04cbuiltins\nint\n\x8c\x04text\x85R."
    error = raised(ValueError, cloudpickle_rs.loads, data)
    if NOTES:
        notes = " ".join(getattr(error, "__notes__", ()))
        holds("at byte %d" % data.index(b"R.") in notes, notes or "no note", "a note that says at which byte")


UNPICKLABLE = """
    import threading
    class Session:
        def __init__(self):
            self._lock = threading.Lock()
    class Client:
        def __init__(self):
            self.session = Session()
    client = Client()
    made = lambda: client
    """
WAY = "<lambda>.__globals__['client'].session._lock"


def the_way_to_the_culprit():
    import cloudpickle_rs

    error = raised(TypeError, cloudpickle_rs.dumps, main(UNPICKLABLE)["made"])
    same(error.path, WAY)
    if NOTES:
        holds(any(note.startswith(WAY + ": cannot pickle") for note in error.__notes__), error.__notes__, "a note with the way")


def what_cloudpickle_raises():
    import cloudpickle
    import cloudpickle_rs

    def recursive():
        made = []
        for _ in range(100000):
            made = [made]
        return made

    for cannot in (main(UNPICKLABLE)["made"], (i for i in ()), sys._getframe(), threading.Lock(), recursive()):
        ours, theirs = (raised(Exception, module.dumps, cannot) for module in (cloudpickle_rs, cloudpickle))
        same((type(ours), str(ours)), (type(theirs), str(theirs)))


def nothing_is_written():
    import cloudpickle_rs

    file = io.BytesIO()
    raised(TypeError, cloudpickle_rs.dump, ["x" * 200000, main(UNPICKLABLE)["made"]], file)
    same(file.getvalue(), b"")


SYSTEM = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."


def inspected():
    import cloudpickle_rs

    made = main("CONSTANT = 42\ndef add(x, *, times=2):\n    return len(str(x)) + CONSTANT\n")["add"]
    report = cloudpickle_rs.inspect(cloudpickle_rs.dumps(made))
    (function,) = report["functions"]
    same((function["signature"], function["globals"]), ("add(x, *, times=2)", {"CONSTANT": "42"}))
    same((function["needs"]["builtins"], report["findings"], report["error"]), (["len", "str"], [], None))
    with tempfile.TemporaryDirectory() as folder:
        proof = os.path.join(folder, "called")
        data = pickle.dumps(0, 4)[:2] + b"cos\nmkdir\n\x8c" + bytes([len(proof)]) + proof.encode() + b"\x85R."
        findings = cloudpickle_rs.inspect(data)["findings"]
        holds("mkdir" in repr(findings), findings, "a finding about os.mkdir")
        same(os.path.exists(proof), False)


def disallowed():
    import cloudpickle_rs

    error = raised(cloudpickle_rs.DisallowedPickleError, cloudpickle_rs.loads, SYSTEM, allow=["numpy.**"])
    should = "the pickle calls os.system('id') at byte %d, which is not allowed" % SYSTEM.index(b"R.")
    holds(str(error).startswith(should), error, should)
    made = main("def f(x):\n    return x + 1\n")["f"]
    same(cloudpickle_rs.loads(cloudpickle_rs.dumps(made), allow=[])(1), 2)
    import collections

    same(cloudpickle_rs.loads(pickle.dumps(collections.Counter("aa")), allow=["collections.**"]), {"a": 2})


def installed():
    loaded = """
        import cloudpickle, cloudpickle_rs
        from cloudpickle import dumps
        theirs = dumps
        cloudpickle_rs.install()
        during = cloudpickle.dumps is cloudpickle_rs.dumps and dumps is cloudpickle_rs.dumps
        named = b"cloudpickle_rs" in cloudpickle.dumps(lambda: 1)
        cloudpickle_rs.uninstall()
        copy = during, named, cloudpickle.dumps is theirs and dumps is theirs
    """
    same(elsewhere(loaded, "copy", b""), "(True, False, True)")


def named_for_other_libraries():
    import cloudpickle_rs

    data = cloudpickle_rs.dumps(main("def f(x):\n    return x + 1\n")["f"])
    holds(b"cloudpickle.cloudpickle" in data and b"cloudpickle_rs" not in data, data, "names that cloudpickle has")


def lost_as_by_upstream():
    import cloudpickle
    import cloudpickle_rs

    made = main("""
        import enum
        class Outer:
            class Inner:
                pass
        class Enum(enum.Enum):
            A = 1
            def __init__(self, value):
                self.extra = value
        class Slots:
            __slots__ = ("a",)
        made = Outer.Inner, Enum, Slots
        """)["made"]
    data = cloudpickle_rs.dumps(made)
    same(data, cloudpickle.dumps(made))
    told = "(copy[0].__qualname__, hasattr(copy[1].A, 'extra'))"
    same(elsewhere(BY_PICKLE_BESIDE_UPSTREAM, told, data), elsewhere(BY_US_ALONE, told, data, with_upstream=False))


def nested_too_deep():
    for limit in (1000, 100000):
        loaded = """
            import sys, pickle, cloudpickle_rs
            sys.setrecursionlimit(%d)
            deep = []
            for _ in range(1000000):
                deep = [deep]
            try:
                cloudpickle_rs.dumps(deep)
            except (pickle.PicklingError, RecursionError) as error:
                copy = isinstance(error, pickle.PicklingError)
            while deep:
                deep = deep.pop()
        """ % limit
        same(elsewhere(loaded, "copy", b""), "True")


def upstream_answers_by_us():
    loaded = "import cloudpickle_rs, pickle, cloudpickle; copy = pickle.loads(cloudpickle.dumps(lambda: 42))()"
    same(elsewhere(loaded, "copy", b"", with_upstream=False), "42")
