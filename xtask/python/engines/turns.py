"""What the checks of all engines share: timing both implementations in turns, and telling `cargo xtask engines` what came out."""

import time

import cloudpickle_rs

ROUNDS = 3


def tell(key, value):
    """Prints a line for `cargo xtask engines`."""
    print(f"{key}\t{value}", flush=True)


def distinct_functions(count):
    """As many lambdas, no two of which are the same."""
    return [lambda value, number=number: value + number for number in range(count)]


class Share:
    """Times every call of a function that callers find as an attribute of a module, while it is entered."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __enter__(self):
        self.times = []
        self.function = function = getattr(self.module, self.name)

        def timed(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.times.append(time.perf_counter() - start)
            return result

        setattr(self.module, self.name, timed)
        return self

    def __exit__(self, *_):
        setattr(self.module, self.name, self.function)

    @property
    def seconds(self):
        """The time of all calls, the slowest tenth left out: in those another thread had the interpreter."""
        kept = sorted(self.times)[: -(len(self.times) // 10) or None]
        return sum(kept)


def in_turns(tasks, measure, rounds=ROUNDS):
    """Runs `measure`, which returns the seconds of the whole and of the pickling in it, with upstream and with ours in turns.

    Tells tasks per second with each, how many times smaller the pickling became, and how much of the whole it was.
    """
    measure()
    upstream, ours = [], []
    for _ in range(rounds):
        for seconds, begin in (upstream, cloudpickle_rs.uninstall), (ours, cloudpickle_rs.install):
            begin()
            seconds.append(measure())
    cloudpickle_rs.uninstall()
    (upstream_wall, upstream_pickling), (ours_wall, ours_pickling) = (
        [min(column) for column in zip(*seconds)] for seconds in (upstream, ours)
    )
    tell("upstream", f"{tasks / upstream_wall:.0f}")
    tell("ours", f"{tasks / ours_wall:.0f}")
    tell("pickling", f"{upstream_pickling / ours_pickling:.1f}")
    tell("share", f"{upstream_pickling / upstream_wall:.3f}")
