"""The Python side of `cargo xtask bench --scan`: `pkl scan` and picklescan on the same folders, in turns.

    scan.py folders FOLDER SEED      writes the folders, the same for the same seed
    scan.py measure PKL FOLDER       measures with what is in a folder and prints, separated by tabs: who, wall time, processor
                                     time, both in seconds and the best of all rounds

picklescan is measured as a command and by its function, in this process, where nothing but the scanning counts. Ours is always a
whole process.
"""

import contextlib
import io
import os
import pathlib
import pickle
import random
import resource
import subprocess
import sys
import sysconfig
import time
import types
import zipfile
from collections import OrderedDict

ROUNDS = 9  # at most
ENOUGH = 20.0  # seconds, after which no further round begins


def named(module, name, bases=(object,), **attributes):
    """A class that pickles name as if it were in a library that is not installed."""
    for end in range(1, module.count(".") + 2):
        package = ".".join(module.split(".")[:end])
        sys.modules.setdefault(package, types.ModuleType(package))
    made = type(name, bases, {"__module__": module, **attributes})
    setattr(sys.modules[module], name, made)
    return made


def function(module, name):
    """A function that pickles name so."""
    made = lambda *args: None  # noqa: E731
    made.__module__, made.__name__, made.__qualname__ = module, name, name
    named(module, "_")
    setattr(sys.modules[module], name, made)
    return made


class Called:
    """What is pickled as a call."""

    def __init__(self, callable, *args):
        self.call = callable, args

    def __reduce__(self):
        return self.call


class Storage:
    """Numbers of a tensor, which PyTorch keeps beside the pickle."""

    def __init__(self, numbers):
        self.numbers = numbers


class TorchPickler(pickle.Pickler):
    def __init__(self, file, storages):
        super().__init__(file, 2)
        self.storages = storages

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages.append(value.numbers)
        return "storage", FLOATS, str(len(self.storages) - 1), "cpu", len(value.numbers) // 4


FLOATS = named("torch", "FloatStorage")
TENSOR = function("torch._utils", "_rebuild_tensor_v2")
LOGISTIC = named("sklearn.linear_model._logistic", "LogisticRegression")
SCALER = named("sklearn.preprocessing._data", "StandardScaler")
PIPELINE = named("sklearn.pipeline", "Pipeline")


def array(made_up, *shape):
    import numpy

    return numpy.frombuffer(made_up.randbytes(8 * numpy.prod(shape)), dtype="int64").reshape(shape).astype("float64")


def state_dict(made_up):
    layers = range(made_up.randrange(1, 4))
    return OrderedDict((f"layers.{at}.{part}", array(made_up, 2, 3)) for at in layers for part in ("weight", "bias"))


def estimator(made_up):
    def of(kind, **state):
        made = kind()
        made.__dict__.update(state, n_features_in_=4, _sklearn_version="1.7.2")
        return made

    import numpy

    scaler = of(SCALER, with_mean=True, with_std=True, copy=True, mean_=array(made_up, 4), scale_=array(made_up, 4))
    model = of(LOGISTIC, C=made_up.random(), penalty="l2", tol=1e-4, max_iter=100, random_state=None, solver="lbfgs")
    model.__dict__.update(classes_=numpy.arange(3), coef_=array(made_up, 3, 4), intercept_=array(made_up, 3), multi_class="auto")
    return of(PIPELINE, steps=[("scale", scaler), ("model", model)], memory=None, verbose=False)


def lambdas(made_up):
    one, other = made_up.random(), made_up.randrange(1000)
    return made_up.choice([lambda x: x * one + other, lambda row: row["a"] > one, lambda *xs: [other, *sorted(xs)]])


def records(made_up, count):
    word = lambda: made_up.randbytes(6).hex()  # noqa: E731
    return [{"id": at, "name": word(), "score": made_up.random(), "tags": [word(), word()]} for at in range(count)]


def archive(path, made_up, tensors, numbers):
    """As `torch.save` writes it."""
    strides = (numbers // 4, 1)
    state = OrderedDict()
    for at in range(tensors):
        storage = Storage(made_up.randbytes(4 * numbers))
        state[f"layers.{at}.weight"] = Called(TENSOR, storage, 0, (4, numbers // 4), strides, False, OrderedDict())
    file, storages = io.BytesIO(), []
    TorchPickler(file, storages).dump(state)
    with zipfile.ZipFile(path, "w") as out:
        members = [("data.pkl", file.getvalue()), ("byteorder", b"little")]
        members += [(f"data/{at}", storage) for at, storage in enumerate(storages)]
        for name, content in [*members, ("version", b"3\n")]:
            out.writestr(zipfile.ZipInfo(f"archive/{name}"), content)


def folders(folder, seed):
    import cloudpickle

    made_up = random.Random(seed)

    def fresh(name):
        made = folder / name
        made.mkdir(parents=True)
        return made

    tiny = {"state dicts": state_dict, "functions": lambdas, "estimators": estimator}
    for name, make in tiny.items():
        made = fresh(f"3,000 {name}")
        for at in range(3000):
            (made / f"{at}.pkl").write_bytes(cloudpickle.dumps(make(made_up)))
    made = fresh("3,000 of all three")
    for at in range(3000):
        make = list(tiny.values())[at % 3]
        (made / f"{at}.pkl").write_bytes(cloudpickle.dumps(make(made_up)))
    made = fresh("6 large files")
    numbers = [made_up.random() for _ in range(500_000)]
    large = [records(made_up, 40_000), numbers, [int(1e6 * number) for number in numbers], array(made_up, 1000, 1000)]
    large += [{str(number): number for number in numbers[:200_000]}, [estimator(made_up) for _ in range(10_000)]]
    for at, value in enumerate(large):
        (made / f"{at}.pkl").write_bytes(pickle.dumps(value, 4))
    made = fresh("300 archives (.pt)")
    for at in range(300):
        archive(made / f"{at}.pt", made_up, made_up.randrange(10, 40), 64)
    made = fresh("4 large archives (.pt)")
    for at in range(4):
        archive(made / f"{at}.pt", made_up, 100, 40_000)


def spent(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def command(*args):
    def run():
        with open(os.devnull, "w") as nowhere:
            ended = subprocess.run(args, stdout=nowhere, stderr=nowhere)
        if ended.returncode not in (0, 1):
            raise SystemExit("%s ended with %d" % (args[0], ended.returncode))

    return run, resource.RUSAGE_CHILDREN


def function_of_picklescan(folder):
    import logging

    from picklescan.scanner import scan_directory_path

    logging.disable()

    def run():
        with contextlib.redirect_stdout(io.StringIO()):
            scan_directory_path(folder)

    return run, resource.RUSAGE_SELF


def measure(pkl, folder):
    scripts = pathlib.Path(sysconfig.get_path("scripts"))
    runs = {
        "pkl scan": command(pkl, "scan", folder),
        "picklescan, command": command(scripts / "picklescan", "-p", folder),
        "picklescan, function": function_of_picklescan(folder),
    }
    best = {}
    start = time.perf_counter()
    for _ in range(ROUNDS):
        for name, (run, who) in runs.items():
            # ours takes so little that chance has a part in a single run
            for _ in range(5 if name == "pkl scan" else 1):
                before, began = spent(who), time.perf_counter()
                run()
                took = time.perf_counter() - began, spent(who) - before
                best[name] = tuple(map(min, best.get(name, took), took))
        if time.perf_counter() - start > ENOUGH:
            break
    for name, (wall, processor) in best.items():
        print(name, wall, processor, sep="\t")


if __name__ == "__main__":
    what, *args = sys.argv[1:]
    if what == "folders":
        folders(pathlib.Path(args[0]), int(args[1]))
    else:
        measure(*args)
