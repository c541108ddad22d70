"""Runs the classes of CPython's `test.pickletester` over a Pickler and an Unpickler, and prints what failed, in JSON.

    pickletester.py upstream     cloudpickle's Pickler with pickle's Unpickler
    pickletester.py ours         those of cloudpickle_rs
"""

import collections
import io
import json
import pickle
import sys
import unittest
import warnings

from test import pickletester

if sys.argv[1] == "ours":
    import cloudpickle_rs as module

    Unpickler, load, loads = module.Unpickler, module.load, module.loads
else:
    import cloudpickle as module

    Unpickler, load, loads = pickle.Unpickler, pickle.load, pickle.loads
Pickler, dump, dumps = module.Pickler, module.dump, module.dumps


def pickled(pickler, value, *args, **options):
    file = io.BytesIO()
    pickler(file, *args, **options).dump(value)
    return file.getvalue()


class Errors:
    """Which exceptions the tests expect: those of the C implementation."""

    bad_stack_errors = (pickle.UnpicklingError,)
    truncated_errors = (pickle.UnpicklingError, EOFError)
    truncated_data_error = (pickle.UnpicklingError, "truncated")
    size_overflow_error = (OverflowError, "exceeds")


class Classes(Errors):
    pickler, unpickler = Pickler, Unpickler

    def dumps(self, value, protocol=None, **options):
        return pickled(Pickler, value, protocol, **options)

    def loads(self, data, **options):
        return Unpickler(io.BytesIO(data), **options).load()


class Functions(Errors):
    pickler, unpickler = Pickler, Unpickler

    def dumps(self, value, protocol=None, **options):
        return dumps(value, protocol, **options)

    def loads(self, data, **options):
        return loads(data, **options)


class Persistent:
    def dumps(self, value, protocol=None):
        test = self

        class WithId(Pickler):
            def persistent_id(self, obj):
                return test.persistent_id(obj)

        return pickled(WithId, value, protocol)

    def loads(self, data, **options):
        test = self

        class WithLoad(Unpickler):
            def persistent_load(self, pid):
                return test.persistent_load(pid)

        return WithLoad(io.BytesIO(data), **options).load()


class PersistentIdentity(Persistent):
    def persistent_id(self, obj):
        return obj

    def persistent_load(self, pid):
        return pid


class Objects:
    pickler_class, unpickler_class = Pickler, Unpickler


class DispatchTable(Objects):
    def get_dispatch_table(self):
        return pickle.dispatch_table.copy()


class DispatchChainMap(Objects):
    def get_dispatch_table(self):
        return collections.ChainMap({}, pickle.dispatch_table)


class Module:
    dump, dumps, load, loads = map(staticmethod, (dump, dumps, load, loads))
    Pickler, Unpickler = Pickler, Unpickler


# A class of pickletester's, and what it is run over. Not every version has all of them.
SUITES = [
    ("AbstractPickleTests", Classes),
    ("AbstractPickleTests", Functions),
    ("AbstractUnpickleTests", Classes),
    ("AbstractUnpickleTests", Functions),
    ("AbstractPicklingErrorTests", Classes),
    ("AbstractPersistentPicklerTests", Persistent),
    ("AbstractIdentityPersistentPicklerTests", PersistentIdentity),
    ("AbstractPicklerUnpicklerObjectTests", Objects),
    ("AbstractDispatchTableTests", DispatchTable),
    ("AbstractDispatchTableTests", DispatchChainMap),
    ("AbstractCustomPicklerClass", Objects),
    ("AbstractHookTests", Objects),
    ("AbstractPickleModuleTests", Module),
]


class Told(unittest.TestResult):
    """Keeps each failure, with the end of its traceback."""

    def __init__(self):
        super().__init__()
        self.told = {}

    def keep(self, test, error, parameters=""):
        kind, value, _ = error
        self.told.setdefault(test.id().split("__main__.")[-1] + parameters, "%s: %s" % (kind.__name__, value))

    def addError(self, test, error):
        self.keep(test, error)

    def addFailure(self, test, error):
        self.keep(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.keep(test, error)


def main():
    warnings.simplefilter("ignore")
    suite = unittest.TestSuite()
    for name, over in SUITES:
        abstract = getattr(pickletester, name, None)
        if abstract is not None:
            case = type("%s_%s" % (name, over.__name__), (over, abstract, unittest.TestCase), {"__module__": "__main__"})
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    result = Told()
    answers, sys.stdout = sys.stdout, sys.stderr
    suite.run(result)
    print(json.dumps({"run": result.testsRun, "failed": sorted(result.told.items())}), file=answers)


if __name__ == "__main__":
    main()
