"""Does what `cargo xtask compat` asks an interpreter to do. Runs on any Python since 2.7.

Each line of standard input is a request in JSON, `{"do": NAME, ...}`; each line of standard output is the answer to it: what the
function `do_NAME` returned, or `{"error": TRACEBACK}`.
"""

from __future__ import print_function

import binascii
import io
import json
import os
import pickle
import pickletools
import struct
import sys
import traceback
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compat_cases

PYTHON_2 = sys.version_info[0] == 2
TEXT = type(u"")
INTS = (int, long) if PYTHON_2 else (int,)  # noqa: F821
HIGHEST = pickle.HIGHEST_PROTOCOL


def to_hex(data):
    return binascii.hexlify(bytes(data)).decode("ascii")


def from_hex(text):
    return binascii.unhexlify(text)


def character(code_point):
    return ("\\U%08x" % code_point).encode("ascii").decode("unicode-escape") if PYTHON_2 else chr(code_point)


def code_points(text):
    if PYTHON_2:
        units = struct.unpack("<%dI" % (len(text.encode("utf-32-le")) // 4), text.encode("utf-32-le"))
        return list(units)
    return [ord(c) for c in text]


# -- Values ------------------------------------------------------------------------------------------------------------------


def build(nodes, root):
    """Makes the value that a list of nodes tells. Lists, dicts and instances may hold any node, others only earlier ones."""
    made = [None] * len(nodes)
    for index, (kind, content) in enumerate(nodes):
        if kind == "list":
            made[index] = []
        elif kind == "dict":
            made[index] = {}
        elif kind == "record":
            made[index] = compat_cases.Record()
    for index, (kind, content) in enumerate(nodes):
        if kind == "none":
            made[index] = None
        elif kind == "bool":
            made[index] = content
        elif kind == "int":
            made[index] = int(content)
        elif kind == "float":
            made[index] = struct.unpack(">d", from_hex(content))[0]
        elif kind == "str":
            made[index] = u"".join(map(character, content))
        elif kind == "bytes":
            made[index] = from_hex(content)
        elif kind == "bytearray":
            made[index] = bytearray(from_hex(content))
        elif kind == "tuple":
            made[index] = tuple([made[item] for item in content])
        elif kind == "set":
            made[index] = set([made[item] for item in content])
        elif kind == "frozenset":
            made[index] = frozenset([made[item] for item in content])
        elif kind == "global":
            module, name = content
            __import__(module)
            made[index] = getattr(sys.modules[module], name)
        elif kind == "eval":
            # Standard objects that pickle by a reduction of their own.
            import collections, datetime, decimal, fractions, uuid  # noqa: E401

            made[index] = eval(content, {m.__name__: m for m in (collections, datetime, decimal, fractions, uuid)})
    for index, (kind, content) in enumerate(nodes):
        if kind == "list":
            made[index].extend([made[item] for item in content])
        elif kind == "dict":
            for key, value in content:
                made[index][made[key]] = made[value]
        elif kind == "record":
            for name, value in content:
                setattr(made[index], name, made[value])
    return made[root]


def describe(value):
    """A text that is the same for equal values of equal types and equal sharing, and that `describe.rs` gives too."""
    parts, names, work = [], {}, [value]
    while work:
        item = work.pop()
        if isinstance(item, Literally):
            parts.append(item.text)
            continue
        text = scalar(item)
        if text is not None:
            parts.append(text)
            continue
        shared = isinstance(item, (list, dict, compat_cases.Record))
        if shared:
            if id(item) in names:
                parts.append("*%d " % names[id(item)][0])
                continue
            names[id(item)] = (len(names), item)
        if isinstance(item, list):
            parts.append("[ ")
            work.append(Literally("] "))
            work.extend(reversed(item))
        elif isinstance(item, tuple):
            parts.append("( ")
            work.append(Literally(") "))
            work.extend(reversed(item))
        elif isinstance(item, dict) and type(item) is dict:
            push_items(parts, work, "{ ", item)
        elif isinstance(item, compat_cases.Record):
            push_items(parts, work, "Record{ ", dict((TEXT(name), value) for name, value in vars(item).items()))
        else:
            parts.append("%s:%r " % (type(item).__name__, item))
    return "".join(parts)


class Literally(object):
    def __init__(self, text):
        self.text = text


def push_items(parts, work, opening, items):
    parts.append(opening)
    work.append(Literally("} "))
    # A key is a scalar or a tuple of scalars.
    for text, value in sorted(((describe(key), value) for key, value in items.items()), reverse=True, key=lambda item: item[0]):
        work.append(value)
        work.append(Literally(text))


def scalar(item):
    """The description of what holds nothing that could be shared."""
    if item is None:
        return "None "
    if isinstance(item, bool):
        return "%s " % item
    if type(item) in INTS:
        return "int:%d " % item
    if type(item) is float:
        return "float:%s " % to_hex(struct.pack(">d", item))
    if type(item) is TEXT:
        return "str:%s " % ".".join("%x" % c for c in code_points(item))
    if type(item) is bytes:
        return "bytes:%s " % to_hex(item)
    if type(item) is bytearray:
        return "bytearray:%s " % to_hex(item)
    if type(item) in (set, frozenset):
        return "%s< %s> " % (type(item).__name__, "".join(sorted(describe(element) for element in item)))
    if isinstance(item, (type, types.BuiltinFunctionType, types.FunctionType)):
        return "global:%s " % item.__name__
    return None


def dumps_by_python(value, protocol):
    """What the pure-Python pickler writes, which is not everywhere what the C pickler writes."""
    pickler = getattr(pickle, "_Pickler", pickle.Pickler)
    file = io.BytesIO()
    pickler(file, protocol).dump(value)
    return file.getvalue()


def dumps(value, protocol):
    if PYTHON_2:
        import cPickle

        return cPickle.dumps(value, protocol)
    return pickle.dumps(value, protocol)


def loads(data, **options):
    if PYTHON_2:
        import cPickle

        return cPickle.loads(data)
    return pickle.loads(data, **options)


def do_make(nodes, root, protocols):
    value = build(nodes, root)
    protocols = [p for p in protocols if p <= HIGHEST]
    return {
        "described": describe(value),
        "pickles": [to_hex(dumps(value, p)) for p in protocols],
        "by_python": [to_hex(dumps_by_python(value, p)) for p in protocols],
    }


def do_load(pickles, writer_is_python_2=False, by_us=False):
    if by_us:
        from cloudpickle_rs import loads as load
    else:
        load = loads
    options = {"encoding": "bytes"} if writer_is_python_2 and not PYTHON_2 else {}
    return {"described": [describe(load(from_hex(data), **options)) for data in pickles]}


# -- The wire format ---------------------------------------------------------------------------------------------------------


def do_opcodes():
    """Every opcode that `pickletools` knows."""
    rows = []
    for op in pickletools.opcodes:
        rows.append({
            "name": op.name,
            "byte": ord(op.code),
            "arg": op.arg and op.arg.name,
            "before": [item.name for item in op.stack_before],
            "after": [item.name for item in op.stack_after],
            "protocol": op.proto,
        })
    return {"opcodes": rows}


def do_list(pickles, annotate=0):
    listings = []
    for data in pickles:
        out = io.BytesIO() if PYTHON_2 else io.StringIO()
        pickletools.dis(from_hex(data), out, annotate=annotate)
        listings.append(out.getvalue())
    return {"listings": listings, "optimized": [to_hex(pickletools.optimize(from_hex(data))) for data in pickles]}


# -- Code --------------------------------------------------------------------------------------------------------------------


def code_objects(code):
    """A code object and those of everything that it defines, outermost first."""
    work = [code]
    while work:
        code = work.pop()
        yield code
        work.extend(const for const in code.co_consts if isinstance(const, types.CodeType))


def do_files():
    """The source files of the standard library."""
    library = os.path.dirname(os.__file__)
    files = []
    for folder, folders, names in os.walk(library):
        folders[:] = sorted(name for name in folders if name not in ("site-packages", "dist-packages", "__pycache__", "lib2to3"))
        files.extend(os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))
    return {"files": [file for file in files if os.path.exists(file)]}  # a link may lead nowhere


def do_code(file, layout):
    """What this interpreter says of each code object in a file; `layout` has the attributes that are arguments, in order."""
    import dis
    import tokenize
    import warnings

    warnings.simplefilter("ignore")
    try:
        with tokenize.open(file) as opened:
            module = compile(opened.read(), file, "exec", dont_inherit=True)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return {"codes": []}  # there are tests of the compiler among the files
    global_ops = set(dis.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_GLOBAL") if name in dis.opmap)
    codes = []
    for code in code_objects(module):
        instructions, globals_named = [], []
        for instruction in dis.get_instructions(code):
            name = instruction.opname
            if name == "CACHE":
                continue
            jump = instruction.argval if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs else None
            instructions.append([instruction.offset, name, instruction.arg, jump])
            if instruction.opcode in global_ops and instruction.argval not in globals_named:
                globals_named.append(instruction.argval)
        told = {
            "name": code.co_name,
            "firstlineno": code.co_firstlineno,
            "flags": code.co_flags,
            "co_code": to_hex(code.co_code),
            "co_names": [code_points(name) for name in code.co_names],
            "lines": list(dis.findlinestarts(code)),
            "table": to_hex(getattr(code, "co_linetable", None) or code.co_lnotab) if hasattr(code, "co_lnotab") or hasattr(code, "co_linetable") else "",
            "exceptions": to_hex(getattr(code, "co_exceptiontable", b"")),
            "handlers": handlers(code),
            "instructions": instructions,
            "globals": [code_points(name) for name in globals_named],
            "rebuilt": rebuilt(code, layout),
        }
        if hasattr(code, "co_positions"):
            told["positions"] = list(code.co_positions())
        codes.append(told)
    return {"codes": codes}


def handlers(code):
    """The exception table, as `dis` parses it."""
    import dis

    parse = getattr(dis, "_parse_exception_table", None)
    return [[e.start, e.end, e.target, e.depth, bool(e.lasti)] for e in parse(code)] if parse else []


def rebuilt(code, layout):
    """Makes the code object again from its attributes in the order that is claimed; tells what is wrong with it."""
    try:
        again = type(code)(*[getattr(code, name) for name in layout])
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    for name in dir(code):
        if name.startswith("co_") and name not in ("co_lnotab", "co_lines", "co_positions", "co_branches"):
            if getattr(code, name) != getattr(again, name):
                return "%s is %r, not %r" % (name, getattr(again, name), getattr(code, name))
    return None


# -- Functions and classes ---------------------------------------------------------------------------------------------------


def define(source):
    """Runs a program as `__main__` would; what it calls `target` is the case, and `calls` are the arguments to try."""
    import linecache

    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(source, "<program>", "exec", dont_inherit=True), namespace)
    linecache.clearcache()
    return namespace["target"], namespace["calls"]


def outcomes(target, calls):
    """What the calls give, as far as it is the same in every process."""
    import re

    told = []
    for args in calls:
        try:
            result = repr(target(*args))
        except Exception as error:
            result = "%s: %s" % (type(error).__name__, error)
        told.append(re.sub(r"0x[0-9a-f]+", "0x", result))
    return told


def to_text(value):
    return None if value is None else code_points(value)


def function_facts(function):
    """What the interpreter says of a function."""
    code = function.__code__
    import dis

    names = []
    for nested in code_objects(code):
        for instruction in dis.get_instructions(nested):
            if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_GLOBAL"):
                names.append(instruction.argval)
    cells = []
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        try:
            cell.cell_contents
            cells.append([name, True])
        except ValueError:
            cells.append([name, False])
    return {
        "name": function.__name__,
        "qualname": function.__qualname__,
        "module": function.__module__,
        "doc": function.__doc__,
        "globals": sorted(name for name in set(names) if name in function.__globals__),
        "defaults": len(function.__defaults__ or ()),
        "kwdefaults": sorted(function.__kwdefaults__ or {}),
        "dict": sorted(vars(function)),
        "closure": cells,
        "numbers": [code.co_argcount, getattr(code, "co_posonlyargcount", 0), code.co_kwonlyargcount, code.co_nlocals,
                    code.co_stacksize, code.co_flags, code.co_firstlineno, len(code.co_consts)],
        "varnames": list(code.co_varnames),
        "names": list(code.co_names),
        "co_code": to_hex(code.co_code),
    }


def do_pickle(source, protocol):
    """Pickles a program's target with the cloudpickle at hand."""
    import cloudpickle

    target, calls = define(source)
    pickled = cloudpickle.dumps(target, protocol)
    return {
        "class": target.__name__ if isinstance(target, type) else None,
        "pickle": to_hex(pickled),
        "calls": to_hex(pickle.dumps(calls, 2)),
    }


def do_call(pickled, calls, by_us=False, with_upstream=True):
    """Loads a function or class and calls it, in a process that has none of the definitions.

    By plain `pickle`, or by our `loads`; with upstream at hand, or in a process to which only our module answers.
    """
    if by_us or not with_upstream:
        import cloudpickle_rs
    else:
        import cloudpickle  # noqa: F401
    if not with_upstream:
        refuse_upstream()
    load = cloudpickle_rs.loads if by_us else pickle.loads
    try:
        target = load(from_hex(pickled))
    except Exception as error:
        return {"failed": "%s: %s" % (type(error).__name__, error)}
    facts = function_facts(target) if isinstance(target, types.FunctionType) else None
    return {"loaded": {"outcomes": outcomes(target, pickle.loads(from_hex(calls))), "facts": facts}}


def refuse_upstream():
    """Fails if upstream itself is in the process, whatever answers to its name."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if os.path.basename(os.path.dirname(file)) == "cloudpickle":
            raise RuntimeError("upstream is in a process that is to be without it: %s" % file)


def do_dump_both(source, protocols):
    """What upstream and our module write for the same object, in the same process."""
    import cloudpickle
    import cloudpickle_rs

    target, calls = define(source)
    pairs = [[to_hex(module.dumps(target, protocol)) for module in (cloudpickle, cloudpickle_rs)] for protocol in protocols]
    return {"pairs": pairs, "calls": to_hex(pickle.dumps(calls, 2)), "outcomes": outcomes(target, calls)}


def do_dump_values(nodes, root, protocols):
    """What upstream and our module write for a value, and what our module loads from what upstream wrote."""
    import cloudpickle
    import cloudpickle_rs

    value = build(nodes, root)
    pairs = [[to_hex(module.dumps(value, protocol)) for module in (cloudpickle, cloudpickle_rs)] for protocol in protocols]
    return {
        "pairs": pairs,
        "described": describe(value),
        "loaded": [describe(cloudpickle_rs.loads(from_hex(upstream))) for upstream, _ in pairs],
    }


def answer(request):
    name = request.pop("do")
    return globals()["do_" + name](**{str(key): value for key, value in request.items()})


def main():
    # What a program prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        try:
            told = answer(json.loads(line))
        except BaseException:
            told = {"error": traceback.format_exc()}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
