"""`install` and `uninstall`: this implementation behind cloudpickle and its copies, in fresh processes."""

import shutil
import textwrap

import pytest

import upstream

PRELUDE = """
import pickle

def make_counter():
    count = 0
    def up():
        nonlocal count
        count += 1
        return count
    return up, lambda: count

# only this module tells the way to what cannot be pickled: so it shows which of the two wrote a pickle
def is_ours(dumps):
    try:
        with open(__file__, "rb") as file:
            dumps([file])
    except TypeError as error:
        return hasattr(error, "path")
    raise SystemExit("a binary file can be pickled")
"""

USES = {
    "a name taken before": """
        import cloudpickle, cloudpickle_rs, pickle
        from cloudpickle import dumps, CloudPickler
        theirs = dumps, CloudPickler, cloudpickle.loads, pickle.loads
        cloudpickle_rs.install()
        assert dumps is cloudpickle.dumps is cloudpickle.cloudpickle.dumps is cloudpickle_rs.dumps
        assert CloudPickler is cloudpickle.CloudPickler is cloudpickle.Pickler is cloudpickle_rs.CloudPickler
        assert cloudpickle.loads is cloudpickle_rs.loads and pickle.loads is theirs[3]
        cloudpickle_rs.uninstall()
        assert (dumps, CloudPickler, cloudpickle.loads, pickle.loads) == theirs
        assert (cloudpickle.dumps, cloudpickle.CloudPickler) == theirs[:2]
    """,
    "a module that took names before": """
        import helper, cloudpickle_rs
        cloudpickle_rs.install()
        assert helper.ship is cloudpickle_rs.dumps and helper.Base is cloudpickle_rs.CloudPickler
        cloudpickle_rs.uninstall()
        assert helper.ship.__module__ == "cloudpickle.cloudpickle" and type(helper.ship).__name__ == "function"
    """,
    "a partial call that a module has": """
        import helper, cloudpickle_rs
        theirs = helper.ship_4
        cloudpickle_rs.install()
        assert helper.ship_4.func is cloudpickle_rs.dumps and helper.ship_4.keywords == {"protocol": 4}
        cloudpickle_rs.uninstall()
        assert helper.ship_4 is theirs
    """,
    "loky's pickler": """
        import cloudpickle, cloudpickle_rs, copyreg, io, pickle, sys, threading
        lock = type(threading.Lock())
        def ours():
            import loky.backend.reduction as loky
            return issubclass(loky._LokyPickler, cloudpickle_rs.CloudPickler) and loky._LokyPickler
        for _ in range(2):
            cloudpickle_rs.install()
            pickler = ours()
            table = pickler(io.BytesIO()).dispatch_table
            assert type(table) is dict and table == dict(cloudpickle.CloudPickler.dispatch_table)
            assert pickler.dispatch_table is cloudpickle.CloudPickler.dispatch_table and lock not in table
            # what is registered later
            copyreg.pickle(lock, lambda value: (threading.Lock, ()))
            file = io.BytesIO()
            pickler(file).dump([threading.Lock(), make_counter])
            assert type(pickle.loads(file.getvalue())[0]) is lock
            del copyreg.dispatch_table[lock]
            cloudpickle_rs.uninstall()
            assert not ours()
    """,
    "loky's pickler that is chosen later": """
        from loky.backend.reduction import set_loky_pickler
        import cloudpickle_rs, importlib, sys
        from loky.backend import reduction
        # an instance that has no table of its own yet gets one that is soon copied
        def is_quick():
            return type(reduction._LokyPickler.__new__(reduction._LokyPickler).dispatch_table) is dict
        theirs = set_loky_pickler
        cloudpickle_rs.install()
        for imported_after in False, True:
            if imported_after:
                reduction = importlib.reload(reduction)
            for choose in reduction.set_loky_pickler, set_loky_pickler:
                assert is_quick()
                chosen = reduction._LokyPickler
                choose("cloudpickle_rs")
                assert reduction._LokyPickler is not chosen and reduction._loky_pickler_name == "cloudpickle_rs"
        cloudpickle_rs.uninstall()
        assert not is_quick() and set_loky_pickler is theirs
    """,
    "an import after it": """
        import cloudpickle_rs
        cloudpickle_rs.install()
        import cloudpickle, helper
        assert cloudpickle.dumps is helper.ship is cloudpickle_rs.dumps
        assert type(cloudpickle.__spec__.loader) is type(cloudpickle.cloudpickle.__spec__.loader)
        cloudpickle_rs.uninstall()
        assert type(cloudpickle.dumps).__name__ == type(cloudpickle.cloudpickle.dumps).__name__ == "function"
        assert cloudpickle.dumps is cloudpickle.cloudpickle.dumps and cloudpickle.Pickler is cloudpickle.cloudpickle.Pickler
    """,
    "everything as it was": """
        import sys, cloudpickle, cloudpickle_rs, copyvendor.cloudpickle
        def everything():
            own = {}
            for name, module in sys.modules.items():
                if "cloudpickle" in name or name == "__main__":
                    own[name] = {key: id(value) for key, value in vars(module).items() if key not in ("before", "everything")}
            return own, list(sys.meta_path), cloudpickle_rs.dumps.__module__, cloudpickle_rs.Pickler.__module__
        before = everything()
        cloudpickle_rs.install()
        assert everything() != before
        cloudpickle_rs.install()
        cloudpickle_rs.uninstall()
        assert everything() == before
        cloudpickle_rs.uninstall()
        assert everything() == before
    """,
    "functions pickled by either": """
        import cloudpickle, cloudpickle_rs, pickle
        theirs = [cloudpickle.dumps]
        assert not is_ours(cloudpickle.dumps)
        cloudpickle_rs.install()
        assert is_ours(cloudpickle.dumps) and is_ours(cloudpickle.cloudpickle.dumps)
        # the old function, where something else still holds it, uses the new pickler
        assert is_ours(theirs[0]) and theirs[0] is not cloudpickle.dumps
        cloudpickle_rs.uninstall()
        assert not is_ours(cloudpickle.dumps) and not is_ours(theirs[0])
    """,
    "references to cloudpickle's own functions": """
        import cloudpickle, cloudpickle_rs, pickle, pickletools
        before = cloudpickle.dumps([cloudpickle.dumps, cloudpickle.CloudPickler, lambda: cloudpickle.dumps])
        cloudpickle_rs.install()
        for dumps in cloudpickle.dumps, lambda value: pickle.dumps(value, 5):
            data = dumps([cloudpickle.dumps, cloudpickle.CloudPickler, cloudpickle.cloudpickle._make_function])
            assert b"cloudpickle_rs" not in data, data
            assert pickle.loads(data)[0] is cloudpickle.dumps
        assert b"cloudpickle_rs" in cloudpickle.dumps(cloudpickle_rs.Unpickler)
        assert b"cloudpickle_rs" not in cloudpickle.dumps([cloudpickle.dumps, lambda: dumps])
        cloudpickle_rs.uninstall()
        assert b"cloudpickle_rs" in cloudpickle_rs.dumps(cloudpickle_rs.dumps)
    """,
    "a subclass made before": """
        import cloudpickle, cloudpickle_rs, io, pickle
        class Mine(cloudpickle.CloudPickler):
            def persistent_id(self, value):
                return "found" if value == "lost" else None
            def reducer_override(self, value):
                return super().reducer_override(value)
        def dumps(value):
            file = io.BytesIO()
            Mine(file).dump(value)
            return file.getvalue()
        before = dumps(is_ours)
        cloudpickle_rs.install()
        assert dumps(is_ours) == before
        class Later(cloudpickle.CloudPickler):
            pass
        assert issubclass(Later, cloudpickle_rs.CloudPickler) and isinstance(Later(io.BytesIO()), cloudpickle.CloudPickler)
        cloudpickle_rs.uninstall()
        assert dumps(is_ours) == before
    """,
    "modules pickled by value": """
        import cloudpickle, cloudpickle_rs, copyvendor.cloudpickle, helper, textwrap
        cloudpickle.register_pickle_by_value(helper)
        cloudpickle_rs.install()
        modules = cloudpickle.cloudpickle, cloudpickle_rs, copyvendor.cloudpickle.cloudpickle
        lists = [module.list_registry_pickle_by_value for module in modules]
        assert all(it() == {"helper"} for it in lists)
        assert b"marked" in cloudpickle.dumps(helper.marked) and b"CODE" not in cloudpickle.dumps(helper.marked)
        cloudpickle.unregister_pickle_by_value(helper)
        copyvendor.cloudpickle.register_pickle_by_value(textwrap)
        assert all(it() == {"textwrap"} for it in lists)
        cloudpickle_rs.uninstall()
        assert cloudpickle.cloudpickle.list_registry_pickle_by_value() == {"textwrap"}
        assert b"fill" in cloudpickle.dumps(textwrap.fill) and len(cloudpickle.dumps(textwrap.fill)) > 100
    """,
    "one class, whoever loads it": """
        import cloudpickle, cloudpickle_rs, copyvendor.cloudpickle, pickle
        class Early: pass
        data = copyvendor.cloudpickle.dumps(Early)
        cloudpickle_rs.install()
        class Late: pass
        for cls in Early, Late:
            for one in cloudpickle, cloudpickle_rs, copyvendor.cloudpickle:
                for load in one.loads, pickle.loads:
                    assert load(one.dumps(cls)) is cls
        assert cloudpickle_rs.loads(data) is pickle.loads(data) is Early
        late = copyvendor.cloudpickle.dumps(Late)
        cloudpickle_rs.uninstall()
        assert pickle.loads(late) is Late and pickle.loads(copyvendor.cloudpickle.dumps(Early)) is Early
    """,
    "reducers of users": """
        import cloudpickle, cloudpickle_rs, pickle, threading
        lock = type(threading.Lock())
        reentrant = type(threading.RLock())
        cloudpickle.CloudPickler.dispatch[lock] = lambda value: (threading.Lock, ())
        cloudpickle_rs.install()
        cloudpickle.CloudPickler.dispatch[reentrant] = lambda value: (threading.RLock, ())
        assert type(pickle.loads(cloudpickle.dumps(threading.Lock()))) is lock
        cloudpickle_rs.uninstall()
        for value in threading.Lock(), threading.RLock():
            assert type(pickle.loads(cloudpickle.dumps(value))) is type(value)
        try:
            cloudpickle_rs.dumps(threading.Lock())
        except TypeError:
            pass
        else:
            raise SystemExit("the reducer is still there")
    """,
    "a copy in another project": """
        import cloudpickle_rs, pickle, pickletools, io
        import copyvendor.cloudpickle as copy
        theirs, names = [copy.dumps], sorted(vars(copy.cloudpickle))
        cloudpickle_rs.install()
        assert is_ours(copy.dumps) and copy.dumps is copy.cloudpickle.dumps is not theirs[0]
        assert sorted(vars(copy.cloudpickle)) == names
        class Thing:
            def method(self):
                return [cell for cell in (is_ours, names)]
        for value in (is_ours, Thing, make_counter(), [copy.dumps, copy.CloudPickler]):
            for protocol in range(2, 6):
                file = io.BytesIO()
                copy.CloudPickler(file, protocol).dump(value)
                for data in copy.dumps(value, protocol=protocol), file.getvalue():
                    named = {arg.split()[0] for op, arg, _ in pickletools.genops(data) if op.name == "GLOBAL"}
                    named |= {arg for op, arg, _ in pickletools.genops(data) if isinstance(arg, str)}
                    assert not named & {"cloudpickle.cloudpickle", "cloudpickle_rs.cloudpickle"}, named
                    assert "copyvendor.cloudpickle.cloudpickle" in named
                    assert type(copy.loads(data)) is type(value)
        import copyvendor.user
        assert copyvendor.user.dumps is copy.dumps
        cloudpickle_rs.uninstall()
        assert copy.dumps is theirs[0] and not is_ours(copy.dumps)
        cloudpickle_rs.install()
        assert copy.dumps is copyvendor.user.dumps
    """,
    "a copy's bytes": """
        import cloudpickle_rs, pickle
        import copyvendor.cloudpickle as copy
        values = [is_ours, lambda x: x + 1, {"a": [1, 2.5, None]}, {}.keys(), copy]
        before = [copy.dumps(value, protocol) for value in values for protocol in range(2, 6)]
        cloudpickle_rs.install()
        assert [copy.dumps(value, protocol) for value in values for protocol in range(2, 6)] == before
    """,
    "the broadcast variables of PySpark": """
        import cloudpickle_rs, io, pickle, pyspark.core.broadcast as broadcast
        theirs = [broadcast.pickle]
        class Thing: pass
        for _ in range(2):
            cloudpickle_rs.install()
            file = io.BytesIO()
            broadcast.pickle.dump(Thing(), file, 4)
            assert b"pyspark.cloudpickle.cloudpickle" in file.getvalue() and b"__main__" in file.getvalue()
            assert broadcast.pickle.PickleError is pickle.PickleError and broadcast.pickle.load is pickle.load
            cloudpickle_rs.uninstall()
            assert broadcast.pickle is theirs[0] is pickle
    """,
    "threads": """
        import cloudpickle, cloudpickle_rs, pickle, threading
        failures = []
        def work():
            try:
                for _ in range(30):
                    cloudpickle_rs.install()
                    assert pickle.loads(cloudpickle.dumps(is_ours)).__name__ == "is_ours"
                    cloudpickle_rs.uninstall()
            except BaseException as error:
                failures.append(error)
        threads = [threading.Thread(target=work) for _ in range(4)]
        [it.start() for it in threads]
        [it.join() for it in threads]
        assert not failures, failures
        cloudpickle_rs.uninstall()
        assert not is_ours(cloudpickle.dumps)
    """,
}


@pytest.fixture
def folder(processes, tmp_path, monkeypatch):
    """A folder with modules to import: one that uses cloudpickle, and a project that carries a copy of it."""
    (tmp_path / "helper.py").write_text(
        "import functools\nfrom cloudpickle import dumps as ship, CloudPickler as Base\n"
        "ship_4 = functools.partial(ship, protocol=4)\ndef marked():\n    return 1\n"
    )
    loky = tmp_path / "loky" / "backend" / "reduction.py"
    loky.parent.mkdir(parents=True)
    loky.write_text(LOKY)
    package = tmp_path / "copyvendor"
    shutil.copytree(processes.package_folders["cloudpickle"] / "cloudpickle", package / "cloudpickle")
    (package / "__init__.py").touch()
    broadcast = tmp_path / "pyspark" / "core" / "broadcast.py"
    broadcast.parent.mkdir(parents=True)
    broadcast.write_text("import pickle\n")
    (package / "user.py").write_text("from .cloudpickle import dumps\n")
    return tmp_path


# how loky derives its pickler
LOKY = """
def set_loky_pickler(name=None):
    global _LokyPickler, _loky_pickler_name
    from cloudpickle import CloudPickler

    class Derived(CloudPickler):
        def __init__(self, file):
            CloudPickler.__init__(self, file)
            self.dispatch_table = dict(self.dispatch_table)

    _LokyPickler, _loky_pickler_name = Derived, name

set_loky_pickler()
"""


def run(processes, folder, code, packages, prelude=""):
    script = folder / "script.py"
    script.write_text(prelude + PRELUDE + textwrap.dedent(code))
    processes.run(script, packages=packages)


# The known copies are those of real projects; here one more is known.
KNOWN = "from cloudpickle_rs import _native\n_native._DIALECT_MODULES += ('copyvendor.cloudpickle.cloudpickle',)\n"


# Nobody can make a subclass on PyPy before this module is imported: see `test_pypy.py`.
IMPOSSIBLE = {"a subclass made before"} if upstream.PYPY else set()


@pytest.mark.parametrize("use", [use for use in USES if use not in IMPOSSIBLE])
def test_it_is_behind_cloudpickle(processes, folder, use):
    run(processes, folder, USES[use], ["cloudpickle", "cloudpickle_rs"], KNOWN)


@pytest.mark.parametrize("use", ["a copy in another project", "a copy's bytes"])
def test_a_copy_needs_no_cloudpickle(processes, folder, use):
    run(processes, folder, USES[use], ["cloudpickle_rs"], KNOWN)


def test_a_process_with_the_copy_alone_loads_what_the_copy_pickles(processes, folder):
    code = f"""
        import cloudpickle_rs
        cloudpickle_rs.install()
        import copyvendor.cloudpickle as copy
        class Thing:
            def method(self, n):
                return [n, is_ours.__name__]
        with open({str(folder / "pickle")!r}, "wb") as file:
            copy.dump([Thing(), make_counter], file)
    """
    run(processes, folder, code, ["cloudpickle_rs"], KNOWN)
    code = f"""
        thing, make = pickle.load(open({str(folder / "pickle")!r}, "rb"))
        assert thing.method(3) == [3, "is_ours"] and make()[0]() == 1
        import sys
        assert "copyvendor.cloudpickle.cloudpickle" in sys.modules and "cloudpickle" not in sys.modules
    """
    run(processes, folder, code, [])


def test_a_copy_that_nobody_knows_is_named(processes, folder):
    shutil.copytree(folder / "copyvendor", folder / "othervendor")
    code = """
        import cloudpickle_rs, sys
        names = ["copyvendor.cloudpickle.cloudpickle", "othervendor.cloudpickle.cloudpickle"]
        import copyvendor.cloudpickle as copy
        theirs = copy.dumps
        cloudpickle_rs.install()
        assert copy.dumps is theirs
        # once more, with names: of a module that is imported, and of one that will be
        for _ in range(2):
            cloudpickle_rs.install(copies=iter(names))
        import othervendor.cloudpickle as other
        for module, name in zip((copy, other), names):
            assert is_ours(module.dumps) and name.encode() in module.dumps(make_counter)
            assert pickle.loads(module.dumps(make_counter))()[0]() == 1
        cloudpickle_rs.uninstall()
        assert copy.dumps is theirs and not is_ours(other.dumps)
        # what was named is forgotten
        cloudpickle_rs.install()
        assert copy.dumps is theirs and not is_ours(other.dumps)
        try:
            cloudpickle_rs.install(copies=names[0])
        except TypeError as error:
            assert repr(names[:1]) in str(error)
        else:
            raise SystemExit("a string is taken for a list of names")
    """
    run(processes, folder, code, ["cloudpickle_rs"])


def test_without_cloudpickle_its_names_are_ours(processes, folder):
    code = """
        import cloudpickle_rs
        cloudpickle_rs.install()
        import helper, cloudpickle
        assert is_ours(helper.ship) and cloudpickle.dumps is cloudpickle_rs.dumps
        cloudpickle_rs.uninstall()
        assert is_ours(cloudpickle.dumps)
    """
    run(processes, folder, code, ["cloudpickle_rs"])


def test_a_copy_of_another_release_stays_and_is_told(processes, folder):
    path = folder / "copyvendor/cloudpickle/cloudpickle.py"
    code = """
        import cloudpickle_rs, warnings
        for later in True, False:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                if later:
                    cloudpickle_rs.install()
                import copyvendor.cloudpickle as copy
                cloudpickle_rs.install()
            [warning] = told
            assert warning.category is RuntimeWarning and "copyvendor" in str(warning.message), warning
            assert not is_ours(copy.dumps)
            cloudpickle_rs.uninstall()
    """
    source = path.read_text(encoding="utf-8")
    for old, new in [
        ("def _get_dataclass_field_type_sentinel(", "def _other("),
        ("def dumps(obj, protocol=None, buffer_callback=None", "def dumps(obj, protocol=None, buffer_callback=None, config=None"),
    ]:
        assert old in source
        path.write_text(source.replace(old, new), encoding="utf-8")
        run(processes, folder, code, ["cloudpickle", "cloudpickle_rs"], KNOWN)
