"""Whether two objects are the same value: same types, same bits, same order, shared and cyclic in the same places."""

import struct

ATOMS = (int, str, bytes, bytearray, complex, bool, type(None), range, slice)


def same(left, right):
    """Compares without recursion, so that depth does not matter; each pair of containers is followed once."""
    partners, todo = {}, [(left, right)]
    while todo:
        a, b = todo.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, float):
            if struct.pack(">d", a) != struct.pack(">d", b):
                return False
        elif isinstance(a, ATOMS) or callable(a):
            if a != b or (isinstance(a, complex) and repr(a) != repr(b)):
                return False
        else:
            if id(a) in partners:
                if partners[id(a)] is not b:
                    return False
                continue
            partners[id(a)] = b
            pairs = parts(a, b)
            if pairs is None:
                return False
            todo += pairs
    return True


def parts(a, b):
    """The pairs that must be the same for containers `a` and `b` to be; `None` when they cannot be."""
    pairs = []
    if hasattr(a, "__dict__"):
        pairs.append((vars(a), vars(b)))
    if isinstance(a, dict):
        if len(a) != len(b):
            return None
        return pairs + list(zip(a.keys(), b.keys())) + list(zip(a.values(), b.values()))
    if isinstance(a, (set, frozenset)):
        if len(a) != len(b):
            return None
        return pairs + list(zip(sorted(a, key=repr), sorted(b, key=repr)))
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return None
        return pairs + list(zip(a, b))
    return pairs if pairs or a == b else None
