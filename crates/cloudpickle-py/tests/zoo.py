"""The zoo: what the files in `scripts/` call to list objects of their `__main__` and what a copy must do.

Such a file is run as `__main__` with a path to write to. There each object is dumped at every protocol and compared
with upstream's bytes; `loading.py` then loads the copies in a process where none of the definitions exist. Where a
number of rounds follows the path, and which part of how many, each object of the part is dumped and loaded so often
instead, to see what that leaves behind.
"""

import functools
import json
import pickle
import sys

import cloudpickle

from leaks import left_by
from oracle import compare

PROTOCOLS = range(6)
_cases = []
_steady = {}


def case(name, obj, *checks, shares=False, grows=False):
    """Lists `obj`; `checks` are expressions that hold in a fresh process, where `copy` is the object loaded.

    With `shares`, functions of `obj` share a closure cell: its bytes are not upstream's, which shares none. With `grows`,
    loading changes what was dumped, so that it has more to it each time, with upstream too: it is dumped and loaded once only.
    """
    assert checks, f"{name}: a copy that is not checked shows nothing"
    _cases.append((name, obj, checks, shares))
    if not grows:
        _steady[name] = obj


def finish():
    """Dumps all cases and writes the pickles and the differences to the file that the command line names."""
    import cloudpickle_rs

    if len(sys.argv) > 2:
        return look_for_leaks(cloudpickle_rs, *map(int, sys.argv[2:]))
    differences, pickles = {}, []
    for name, obj, checks, shares in _cases:
        by_protocol = {}
        for protocol in PROTOCOLS:
            ours, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, obj, protocol)
            if shares and isinstance(ours, bytes):
                difference = None if difference else "the bytes are upstream's, so that nothing is shared"
            if difference:
                differences.setdefault(name, {})[protocol] = difference
            if isinstance(ours, bytes):
                by_protocol[protocol] = ours
        if not by_protocol:
            differences.setdefault(name, {5: "no protocol can pickle it"})
        pickles.append((name, checks, shares, by_protocol))
    assert len(pickles) == len({name for name, *_ in pickles}), "two cases share a name"
    with open(sys.argv[1], "wb") as file:
        pickle.dump(pickles, file)
    with open(sys.argv[1] + ".json", "w", encoding="utf-8") as file:
        json.dump(differences, file)


def look_for_leaks(cloudpickle_rs, rounds, part, parts):
    """Writes to the file that the command line names which cases leave something behind where upstream does not.

    Of so many parts of the cases it looks at one.
    """

    def round_trip(dumps, loads, obj):
        try:
            loads(dumps(obj))
        except (AttributeError, RuntimeError) as error:
            # An enum's names of sums of its flags cannot be set again where the enum is still there, and to ask for annotations
            # changes the namespace that a forward reference holds.
            assert any(words in str(error) for words in ("reassign member", "changed size during iteration"))

    def calls(dumps, loads):
        return {name: functools.partial(round_trip, dumps, loads, obj) for name, obj in [*_steady.items()][part::parts]}

    # what an object collects in each round it collects with upstream too
    ours, theirs = calls(cloudpickle_rs.dumps, cloudpickle_rs.loads), calls(cloudpickle.dumps, pickle.loads)
    left = left_by(ours, rounds, theirs)
    with open(sys.argv[1] + ".json", "w", encoding="utf-8") as file:
        json.dump(left, file)
