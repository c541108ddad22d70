"""The Python side of `cargo xtask bench --rust`; `benches/examples/ratios.rs` is the other.

    ratios.py serve PICKLE              reads names of works, a line each, and answers with the seconds that each takes
    ratios.py peak loads PICKLE         loads it once and prints the most memory that it had, in bytes, where the system tells it

The works are `loads` and `dumps` of `pickle`, and `genops` and `dis` of `pickletools`.
"""

import collections
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


def peak():
    """The most memory that this process ever had, in bytes, as Linux counts it. `getrusage` would count the parent's as well."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return "none"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(command, *arguments):
    if command == "serve":
        serve(read(*arguments))
    else:
        data = read(arguments[1])
        if arguments[0] == "loads":
            pickle.loads(data)
        print(peak())


main(*sys.argv[1:])
