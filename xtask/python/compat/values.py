"""Data: made from what `value.rs` tells, described, pickled and loaded. Runs on any Python since 2.7."""

import binascii
import io
import pickle
import struct
import sys
import types

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


def make(nodes, root, protocols):
    """What a value is, and what both picklers write for it, where they write the same one pickle."""
    value = build(nodes, root)
    pickles = []
    for dump in (dumps, dumps_by_python):
        for protocol in protocols:
            pickled = dump(value, protocol) if protocol <= HIGHEST else None
            if pickled is not None and pickled not in pickles:
                pickles.append(pickled)
    return {"described": describe(value), "pickles": [to_hex(pickled) for pickled in pickles]}


def load(pickles, writer_is_python_2=False, by_us=False):
    if by_us:
        from cloudpickle_rs import loads as load
    else:
        load = loads
    options = {"encoding": "bytes"} if writer_is_python_2 and not PYTHON_2 else {}
    return {"described": [describe(load(from_hex(data), **options)) for data in pickles]}


def dumped(module, value, protocol):
    """What a module writes, or what it raises."""
    try:
        return to_hex(module.dumps(value, protocol))
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


def dump_values(nodes, root, protocols):
    """What upstream and our module write for a value, and what our module loads from what upstream wrote."""
    import cloudpickle
    import cloudpickle_rs

    value = build(nodes, root)
    pairs = [[to_hex(cloudpickle.dumps(value, p)), dumped(cloudpickle_rs, value, p)] for p in protocols]
    return {
        "pairs": pairs,
        "described": describe(value),
        "loaded": [describe(cloudpickle_rs.loads(from_hex(upstream))) for upstream, _ in pairs],
    }
