"""Upstream as the oracle: what `cloudpickle` writes for an object is what `cloudpickle_rs` must write."""

import io
import pickletools
import re
import traceback

from upstream import PYPY

TRACKER_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


def mask_tracker_ids(data):
    """`data` with the random ids of dynamic classes replaced by their order of appearance."""
    order = {}
    return TRACKER_ID.sub(lambda match: b"%032d" % order.setdefault(match.group(), len(order)), data)


def listing(data):
    """The lines of pickletools' listing; an unreadable pickle's listing ends with the reason."""
    out = io.StringIO()
    try:
        pickletools.dis(data, out)
    except Exception as error:
        out.write(f"{type(error).__name__}: {error}\n")
    return out.getvalue().splitlines()


def first_difference(ours, theirs):
    """Where two pickles part, told with a few ops of each; `None` for equal ones."""
    ours, theirs = mask_tracker_ids(ours), mask_tracker_ids(theirs)
    if ours == theirs:
        return None
    left, right = listing(ours), listing(theirs)
    essence = [[re.sub(r"^ *\d+: |\d+$|\(.*\)$", "", line) for line in lines] for lines in (left, right)]
    at = next((i for i, (a, b) in enumerate(zip(*essence)) if a != b), None)
    if at is None:  # ops alike, in other frames or memo entries, or one pickle is the other's start
        at = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
    lines = [f"  {line}" for line in right[max(0, at - 6) : at]]
    lines += [f"  upstream: {line}" for line in right[at : at + 4]]
    lines += [f"  ours:     {line}" for line in left[at : at + 4]]
    return "\n".join([f"{len(ours)} bytes, upstream {len(theirs)}; they part at op {at}", *lines])


def outcome(dump, obj, protocol):
    """The bytes that `dump` returns, or the exception that it raises."""
    try:
        return dump(obj, protocol)
    except Exception as error:
        return error


def compare(dumps, upstream_dumps, obj, protocol):
    """`(ours, difference)`: what `dumps` gives for `obj` (bytes or an exception) and how that differs from upstream's, or `None`.

    Upstream goes first and its first result is dropped: pickling a class for the first time fills its caches.
    """
    outcome(upstream_dumps, obj, protocol)
    theirs = outcome(upstream_dumps, obj, protocol)
    ours = outcome(dumps, obj, protocol)
    if PYPY and isinstance(ours, bytes) and isinstance(theirs, TypeError):
        # upstream takes methods of builtin types, which are functions there, for such as have code
        return ours, None
    if PYPY and isinstance(ours, TypeError) and str(ours).startswith("cannot pickle"):
        # upstream pickles locks, weak references and others so that nothing can load them, or fails on something that follows
        return ours, None
    if isinstance(ours, bytes) and isinstance(theirs, bytes):
        return ours, first_difference(ours, theirs)
    if type(ours) is type(theirs) and str(ours) == str(theirs):
        return ours, None
    return ours, f"  upstream: {theirs!r:.300}\n  ours:     {told(ours)}"


def told(outcome):
    """An outcome, an exception with the lines that raised it."""
    if isinstance(outcome, bytes):
        return f"{len(outcome)} bytes"
    return "".join(traceback.format_exception(type(outcome), outcome, outcome.__traceback__, limit=-3))
