"""The Python side of `cargo xtask bench --rust`; `benches/examples/ratios.rs` is the other.

    ratios.py serve PICKLE              reads names of works, a line each, and answers with the seconds that each takes
    ratios.py once WORK PICKLE          does a work once
    ratios.py peak PROGRAM ARGUMENTS    runs a program and prints the most memory that it had at a time, in bytes

The works are `loads` and `dumps` of `pickle`, and `genops` and `dis` of `pickletools`.
"""

import collections
import os
import pickle
import sys
import time

SHORT = 0.02  # seconds: a call that is shorter is measured many times over


class Nowhere:
    """A file that is not kept, so that `dis` pays for what it prints and not for where."""

    def write(self, text):
        pass


def work(name, data):
    """The call of that name, made ready."""
    import pickletools

    if name == "loads":
        return lambda: pickle.loads(data)
    if name == "dumps":
        value = pickle.loads(data)
        protocol = data[1] if data[:1] == pickle.PROTO else 0
        return lambda: pickle.dumps(value, protocol)
    if name == "genops":
        return lambda: collections.deque(pickletools.genops(data), maxlen=0)
    if name == "dis":
        return lambda: pickletools.dis(data, Nowhere())
    raise SystemExit("what is %r?" % name)


def seconds(call):
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    if once >= SHORT:
        return once
    times = int(SHORT / max(once, 1e-8))
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


def serve(data):
    ready = call = None
    for line in sys.stdin:
        name = line.rstrip("\n")
        if name != ready:
            call = None
            ready, call = name, work(name, data)
        print(seconds(call), flush=True)


def peak(command):
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[])
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit("%r ended with %r" % (command, status))
    print(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(arguments):
    if arguments[0] == "serve":
        serve(read(arguments[1]))
    elif arguments[0] == "once":
        data = read(arguments[2])
        if arguments[1] == "loads":
            pickle.loads(data)
    else:
        peak(arguments[1:])


main(sys.argv[1:])
