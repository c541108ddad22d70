"""Pickles objects that change what is being pickled, raise, or call the picklers again, in a process of its own.

    disturbing.py SEED COUNT

Whatever comes out, the process goes on, and at the end it pickles as it did at the start.
"""

import collections
import gc
import io
import random
import signal
import sys
import threading
import types

import cloudpickle_rs

PLAIN = [{"a": [1, (2, "three")], "b": {4.5}}, lambda x, y=[1]: (x, y)]


class Disturbed(Exception):
    """What a disturbance raises."""


class Disturbance:
    """One thread's objects: they know what is being pickled, and do something to it where Python code of theirs runs."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.targets = []
        self.picklers = []
        self.depth = 0
        self.classes = self.make_classes()

    def disturb(self):
        """Does something to an object that may be halfway through being pickled."""
        if not self.targets:
            return
        target, what = self.chance.choice(self.targets), self.chance.randrange(9)
        if what == 0 and self.chance.random() < 0.1:
            raise Disturbed
        try:
            if what == 1:
                gc.collect(0)
            elif what == 2 and self.depth < 3:
                self.depth += 1
                try:
                    cloudpickle_rs.loads(cloudpickle_rs.dumps(target))
                finally:
                    self.depth -= 1
            elif what == 3 and self.picklers:
                pickler = self.chance.choice(self.picklers)
                self.chance.choice([pickler.clear_memo, lambda: pickler.__init__(io.BytesIO()), lambda: pickler.dump(target)])()
            elif what < 6:
                self.empty(target)
            else:
                self.fill(target)
        except Disturbed:
            raise
        except Exception:
            pass

    def empty(self, target):
        if isinstance(target, (list, dict, set)):
            target.clear()
        elif isinstance(target, types.CellType):
            del target.cell_contents
        elif isinstance(target, type):
            for name in [name for name in vars(target) if not name.startswith("__")]:
                delattr(target, name)
        elif isinstance(target, types.FunctionType):
            target.__defaults__ = target.__kwdefaults__ = None
            target.__dict__.clear()

    def fill(self, target):
        if isinstance(target, list):
            target.extend(range(50))
        elif isinstance(target, dict):
            target.update((object(), 1) for _ in range(20))
        elif isinstance(target, set):
            target.update(range(50))
        elif isinstance(target, types.CellType):
            target.cell_contents = [object()]
        elif isinstance(target, type):
            target.more = []
        elif isinstance(target, types.FunctionType):
            target.__defaults__, target.__kwdefaults__ = ([], []), {"k": []}
            target.__code__ = target.__code__.replace(co_consts=(None, "other"))

    def make_classes(self):
        """Classes whose instances disturb from each place that runs code of theirs."""
        disturb, chance, targets = self.disturb, self.chance, self.targets

        class Reduces:
            def __reduce_ex__(self, protocol):
                disturb()
                return Reduces, (), {"state": chance.choice(targets) if targets and chance.random() < 0.3 else 1}

        class HasState:
            def __getstate__(self):
                disturb()
                return {"state": [1]}

            def __setstate__(self, state):
                disturb()

        class Hashes:
            def __hash__(self):
                disturb()
                return 1

            def __eq__(self, other):
                disturb()
                return False

        class Gets:
            def __getattr__(self, name):
                disturb()
                raise AttributeError(name)

        class Dies:
            def __del__(self):
                try:
                    disturb()
                except Disturbed:
                    pass

        class Iterates:
            def __reduce_ex__(self, protocol):
                def items():
                    for index in range(5):
                        disturb()
                        yield Dies(), index

                return (list, (), None, items()) if chance.random() < 0.5 else (dict, (), None, None, items())

        class Meta(type):
            # PyPy's C API asks for attributes of a class that it sees for the first time. If code that runs then raises, or comes to
            # the class by that API again, the process ends: in an extension of twenty lines as well as here.
            if sys.implementation.name != "pypy":

                def __getattribute__(cls, name):
                    if chance.random() < 0.05:
                        disturb()
                    return type.__getattribute__(cls, name)

        self.meta = Meta
        return [Reduces, HasState, Hashes, Gets, Dies, Iterates]

    def make(self, depth=0):
        """An object that holds others, and disturbing ones among them."""
        chance = self.chance

        def part():
            return self.make(depth + 1) if depth < 4 else chance.choice([1, "text", None, chance.choice(self.classes)()])

        kind = chance.randrange(12)
        if kind < 3:
            made = [part() for _ in range(chance.randrange(5))]
        elif kind < 5:
            made = {chance.choice(["a", "b", 1]): part() for _ in range(chance.randrange(5))}
        elif kind == 5:
            made = tuple(part() for _ in range(chance.randrange(5)))
        elif kind == 6:
            made = self.make_function(part(), part(), part())
        elif kind == 7:
            metaclass = self.meta if chance.random() < 0.5 else type
            made = metaclass("Local", (), {"part": part(), "method": lambda self: part, "__module__": "__main__"})
        elif kind == 8:
            made = types.CellType(part())
        elif kind == 9:
            made = collections.OrderedDict(part=part())
        else:
            made = chance.choice(self.classes)()
        if chance.random() < 0.5:
            self.targets.append(made)
            del self.targets[:-30]
        return made

    def make_function(self, first, second, third):
        def function(argument=first, *, k=second):
            return first, second, argument, k

        function.__module__ = "__main__"
        function.attribute = third
        self.targets.extend(function.__closure__)
        return function

    def pickle(self, made):
        """Pickles an object in one of several ways, with hooks that disturb too, and loads what came out."""
        disturb, protocol = self.disturb, self.chance.randrange(6)

        class Hooked(cloudpickle_rs.Pickler):
            def reducer_override(self, obj):
                disturb()
                return super().reducer_override(obj)

        class Asking(cloudpickle_rs.Pickler):
            def persistent_id(self, obj):
                disturb()

        class File(io.BytesIO):
            def write(self, data):
                disturb()
                return super().write(data)

        file = File()
        pickler = self.chance.choice([cloudpickle_rs.Pickler, Hooked, Asking])(file, protocol)
        pickler.fast = self.chance.random() < 0.1
        self.picklers.append(pickler)
        del self.picklers[:-5]
        pickler.dump(made)
        pickler.dump([made, made])
        cloudpickle_rs.loads(file.getvalue())

    def run(self, count):
        for _ in range(count):
            try:
                self.pickle(self.make())
            except Exception as error:
                assert not isinstance(error, SystemError), repr(error)


def main(seed, count):
    if hasattr(signal, "alarm"):
        signal.alarm(100)
    sys.setswitchinterval(1e-5)
    before = cloudpickle_rs.dumps(PLAIN)
    failures = []

    def work(seed):
        try:
            Disturbance(seed).run(count)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (seed, seed + 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert cloudpickle_rs.dumps(PLAIN) == before
    print(f"tried {count * len(threads)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
