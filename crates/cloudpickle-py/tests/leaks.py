"""Whether something that is done again and again leaves anything behind."""

import gc
import os
import sys

# how often twice as many rounds are tried before it is a leak: the interpreter's own caches are full at some time
DOUBLINGS = 6

# No object has so many references: it is one that lives for ever, whose count says nothing (PEP 683).
IMMORTAL = 1 << 29


def blocks():
    """How many blocks of memory Python objects have; on PyPy, which does not tell, how many objects there are."""
    count = getattr(sys, "getallocatedblocks", None)
    for _ in range(1 if count else 4):
        gc.collect()
    return count() if count else len(gc.get_objects())


def references():
    """How many references there are to all objects; 0 on PyPy, which does not count them."""
    if not hasattr(sys, "getrefcount"):
        return 0
    gc.collect()
    tracked = gc.get_objects()
    # what holds no others, as a string, is not tracked, and is found where it is held
    found = {id(obj): obj for objects in (tracked, gc.get_referents(*tracked)) for obj in objects}
    return sum(count for count in map(sys.getrefcount, found.values()) if count < IMMORTAL)


def resident():
    """The bytes of the process that are in memory, those that no Python object has included; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def growth(run, rounds, doublings=DOUBLINGS):
    """What calls of `run` leave behind, told in words.

    `None` if that comes to less than a block and a reference for every other call.
    """
    for _ in range(20):
        run()
    for _ in range(doublings + 1):
        before = references(), blocks(), resident()
        for _ in range(rounds):
            run()
        more_bytes, more_blocks, more_references = resident() - before[2], blocks() - before[1], references() - before[0]
        if max(more_blocks, more_references) < rounds // 2 and more_bytes < (1 << 20) + 16 * rounds:
            return None
        rounds *= 2
    return f"{rounds // 2} rounds leave {more_blocks} blocks, {more_references} references, {more_bytes} bytes"


def left_by(calls, rounds, oracle=None):
    """Which of the calls, which are given by name, leave something behind that those of the oracle do not: `{name: what}`."""

    def run_all():
        for call in calls.values():
            call()

    if growth(run_all, rounds, doublings=0) is None:
        return {}
    left = {}
    for name, call in calls.items():
        if growth(call, rounds, doublings=0) is None or (oracle and growth(oracle[name], rounds, doublings=0)):
            continue
        left[name] = growth(call, rounds)
    return {name: what for name, what in left.items() if what}
