"""What the module offers: its names, signatures, stubs, and the names that it answers for."""

import ast
import importlib
import inspect
import pickle
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import cloudpickle
import cloudpickle_rs
import pytest
from oracle import first_difference
from upstream import PYPY

NAMES = [
    "CloudPickler",
    "DEFAULT_PROTOCOL",
    "Pickler",
    "PicklingError",
    "Unpickler",
    "UnpicklingError",
    "__version__",
    "dump",
    "dumps",
    "load",
    "loads",
]
FOLDER = Path(cloudpickle_rs.__file__).parent


def test_its_names_are_there_and_documented():
    for name in NAMES:
        value = getattr(cloudpickle_rs, name)
        assert not callable(value) or inspect.getdoc(value), f"{name} has no doc"
        assert name == "__version__" or name in cloudpickle_rs.__all__, name
    assert cloudpickle_rs.__doc__
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", cloudpickle_rs.__version__)


def test_the_version_is_the_distributions():
    from importlib.metadata import PackageNotFoundError, version

    try:
        assert version("cloudpickle_rs") == cloudpickle_rs.__version__
    except PackageNotFoundError:
        pytest.fail("the module is not installed as a distribution")


def test_it_is_typed():
    assert (FOLDER / "py.typed").is_file()
    stub = ast.parse((FOLDER / "__init__.pyi").read_text(encoding="utf-8"))
    told = {node.name for node in ast.walk(stub) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    told |= {node.target.id for node in ast.walk(stub) if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    told |= {
        alias.asname or alias.name
        for node in ast.walk(stub)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    told |= {
        target.id
        for node in ast.walk(stub)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert set(NAMES) <= told, set(NAMES) - told


# what makes the interpreter another one, and what importing the module without a native part for it then says
UNSUPPORTED = {
    "not built": ("", "was not built for this interpreter"),
    "free-threaded": ("import sysconfig; sysconfig.get_config_var = lambda name: 1", "does not support free-threaded Python yet"),
    "too old": ("import sys; sys.version_info = (3, 8, 0)", "is for CPython from 3.9 on"),
    "another PyPy": ("import sys; sys.implementation.name = 'pypy'; sys.version_info = (3, 10, 0)", "and PyPy 3.11; this is"),
    "another implementation": ("import sys; sys.implementation.name = 'graalpy'", "and PyPy 3.11; this is"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_interpreter_without_a_native_part_is_told_why(name, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "cloudpickle_rs", ignore=shutil.ignore_patterns("_native.*", "__pycache__"))
    prelude, words = UNSUPPORTED[name]
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{prelude}\nimport cloudpickle_rs"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ") and words in last, result.stderr


TWO_INTERPRETERS = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
run = getattr(interpreters, "exec", None) or interpreters.run_string
create = lambda: interpreters.create(*["legacy"] if hasattr(interpreters, "exec") else [], **HOW)
program = '''
try:
    import sys
    sys.path[:] = PATH
    import cloudpickle_rs
    print(cloudpickle_rs.loads(cloudpickle_rs.dumps(lambda: 4))())
except ImportError as error:
    print(error)
'''
for _ in range(2):
    interpreter = create()
    run(interpreter, program.replace("PATH", repr(sys.path)))
    interpreters.destroy(interpreter)
"""


@pytest.mark.skipif(PYPY, reason="PyPy has one interpreter in a process")
def test_one_interpreter_of_a_process_has_the_module_and_any_other_is_told_so():
    how = {"isolated": False} if (3, 10) <= sys.version_info < (3, 13) else {}
    program = f"import sys\nsys.path[:] = {sys.path!r}\nHOW = {how!r}\n{TWO_INTERPRETERS}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "4" and second.startswith("cloudpickle_rs works in one interpreter of a process"), done.stdout


MODULES = {
    cloudpickle_rs: cloudpickle,
    cloudpickle_rs.cloudpickle: cloudpickle.cloudpickle,
    importlib.import_module("cloudpickle_rs.cloudpickle_fast"): importlib.import_module("cloudpickle.cloudpickle_fast"),
}
# on PyPy, picklers are written in Python and have all their parts as attributes
CLASSES = {} if PYPY else {cloudpickle_rs.Pickler: cloudpickle.Pickler, cloudpickle_rs.Unpickler: pickle.Unpickler}
# what loops of upstream's leave behind, what the import system notes of a module, and what a class that is written in Python has
NOT_OFFERED = {"k", "v", "__cached__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"}


@pytest.mark.parametrize(("ours", "theirs"), {**MODULES, **CLASSES}.items(), ids=lambda owner: owner.__name__)
def test_each_name_that_upstream_has_is_there_with_its_kind_and_value(ours, theirs):
    for name in set(dir(theirs)) - NOT_OFFERED - set(dir(object)):
        value, expected = getattr(ours, name), getattr(theirs, name)
        assert callable(value) or not callable(expected), name
        if inspect.ismodule(expected) and not expected.__name__.startswith("cloudpickle"):
            assert value is expected, name
        elif name == "PYPY":  # upstream that works on PyPy is told that it is not there
            assert value is PYPY
        elif isinstance(expected, (bool, int, tuple)) or (isinstance(expected, dict) and name.isupper()):
            assert value == expected, name


def told(function):
    """The names, kinds and defaults of a function's parameters but for its `self`; `None` for one that has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [(p.name, p.kind, p.default) for p in parameters if p.name != "self"]


FUNCTIONS = sorted(
    name
    for name, value in vars(cloudpickle.cloudpickle).items()
    # on PyPy, parameters of `pickle` have other names and defaults
    if inspect.isroutine(value) and not (PYPY and value in (pickle.load, pickle.loads))
)
METHODS = {
    cloudpickle_rs.Pickler: [
        *("__init__", "dump", "clear_memo", "persistent_id", "reducer_override"),
        *("_function_reduce", "_function_getnewargs", "_dynamic_function_reduce"),
    ],
    cloudpickle_rs.Unpickler: ["__init__", "load", "find_class", "persistent_load"],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_signature_of_each_function_is_upstreams(name):
    ours, theirs = (getattr(module, name) for module in (cloudpickle_rs.cloudpickle, cloudpickle.cloudpickle))
    if name == "_make_cell":  # no signature of a builtin function can have its default
        ours, theirs = ([part[:2] for part in told(function)] for function in (ours, theirs))
        assert ours == theirs
        return
    extra = [("allow", inspect.Parameter.KEYWORD_ONLY, None)] if name == "loads" else []
    assert told(theirs) is None or told(ours) == told(theirs) + extra


@pytest.mark.parametrize(("ours", "theirs"), CLASSES.items(), ids=lambda owner: owner.__name__)
def test_the_signatures_of_classes_and_their_methods_are_upstreams(ours, theirs):
    assert told(ours) == told(theirs)
    assert told(type("Sub", (ours,), {})) == told(type("Sub", (theirs,), {}))
    for name in METHODS[ours]:
        # of some, older versions have no signature, or no method on the class
        assert told(getattr(theirs, name, None)) in (None, told(getattr(ours, name))), name


def test_importing_it_beside_upstream_changes_nothing_of_upstream(processes, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import cloudpickle, cloudpickle.cloudpickle as inner\n"
        "before = dict(vars(inner)), cloudpickle.__file__\n"
        "import cloudpickle_rs, pickle, sys\n"
        "assert (dict(vars(inner)), cloudpickle.__file__) == before\n"
        "assert sys.modules['cloudpickle.cloudpickle'] is inner\n"
        "assert pickle.loads(cloudpickle.dumps(lambda: 1))() == 1\n"
    )
    processes.run(script)


def test_upstream_can_be_imported_after_it(processes, tmp_path):
    """Where upstream is installed its names are its own, whichever is imported first."""
    script = tmp_path / "script.py"
    script.write_text(
        "import cloudpickle_rs, pickle\n"
        "data = cloudpickle_rs.dumps(lambda x: x + 1)\n"
        "assert pickle.loads(data)(1) == 2\n"
        "import cloudpickle\n"
        "assert cloudpickle.__version__ == '3.1.2', cloudpickle\n"
        "assert pickle.loads(cloudpickle.dumps(lambda: 1))() == 1\n"
        "assert cloudpickle_rs.loads(cloudpickle.dumps(lambda: 1))() == 1\n"
    )
    processes.run(script)


def test_without_it_and_without_upstream_a_pickle_names_what_is_missing(processes, tmp_path):
    (tmp_path / "pickle").write_bytes(cloudpickle_rs.dumps(lambda: 1))
    script = tmp_path / "script.py"
    script.write_text(
        "import pickle\n"
        f"data = open({str(tmp_path / 'pickle')!r}, 'rb').read()\n"
        "try:\n    pickle.loads(data)\n"
        "except ModuleNotFoundError as error:\n    assert error.name == 'cloudpickle', error.name\n"
        "else:\n    raise SystemExit('it loads')\n"
        "import cloudpickle_rs\n"
        "assert pickle.loads(data)() == 1\n"
    )
    processes.run(script, packages=["cloudpickle_rs"])


def test_the_standard_pickler_is_not_asked(processes, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "sys.modules['_pickle'] = None\n"
        "import cloudpickle_rs\n"
        "assert cloudpickle_rs.loads(cloudpickle_rs.dumps([lambda: 1, {'a': 1}]))[0]() == 1\n"
    )
    processes.run(script, packages=["cloudpickle_rs"])


def test_it_needs_no_other_distribution():
    from importlib.metadata import requires

    assert not requires("cloudpickle_rs")


def test_threads_dump_and_load_at_once():
    wrong = []

    def work(n):
        for i in range(200):
            copy = cloudpickle_rs.loads(
                cloudpickle_rs.dumps([lambda x, n=n: x + n, {"i": i, "n": n}, type("Local", (), {"n": n})])
            )
            if (copy[0](i), copy[1], copy[2].n) != (i + n, {"i": i, "n": n}, n):
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_class_loaded_twice_is_one_class():
    local = type("Local", (), {"x": 1})
    data = cloudpickle_rs.dumps(local)
    assert cloudpickle_rs.loads(data) is cloudpickle_rs.loads(data) is local


def test_a_class_that_was_dumped_before_upstream_is_imported_is_known_to_upstream(processes, tmp_path):
    """What imports it is `pickle.loads`, in the midst of a pickle."""
    script = tmp_path / "script.py"
    script.write_text(
        "import cloudpickle_rs, enum, pickle, sys, typing\n"
        "class Local: pass\n"
        "class Shade(enum.Enum): DARK = 1\n"
        "T = typing.TypeVar('T')\n"
        "data = cloudpickle_rs.dumps([Local(), Shade.DARK, T])\n"
        "assert 'cloudpickle' not in sys.modules\n"
        "instance, shade, variable = pickle.loads(data)\n"
        "assert type(instance) is Local and shade is Shade.DARK and variable is T\n"
        "import cloudpickle\n"
        "assert type(cloudpickle.dumps).__name__ == 'function', 'this is not upstream'\n"
        "assert cloudpickle_rs.loads(cloudpickle.dumps(Local)) is Local\n"
    )
    processes.run(script)


def test_an_installed_upstream_is_found_as_it_is(processes, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import cloudpickle_rs, importlib.util, inspect, linecache, pkgutil, sys\n"
        "spec = importlib.util.find_spec('cloudpickle.cloudpickle')\n"
        "assert 'def dumps' in spec.loader.get_source('cloudpickle.cloudpickle')\n"
        "import cloudpickle\n"
        "for module in cloudpickle, cloudpickle.cloudpickle:\n"
        "    assert type(module.__loader__) is type(module.__spec__.loader) is type(inspect.__loader__), module\n"
    )
    processes.run(script)


@pytest.mark.parametrize("imported", ["", "import cloudpickle\n"], ids=["alone", "beside upstream"])
def test_the_modules_own_functions_are_cloudpickles_where_they_do_not_say(processes, tmp_path, imported):
    script = tmp_path / "script.py"
    script.write_text(
        f"{imported}import cloudpickle_rs\n"
        "from cloudpickle_rs.cloudpickle import _whichmodule\n"
        "cloudpickle_rs.dumps.__module__ = None\n"
        "print(_whichmodule(cloudpickle_rs.dumps, 'dumps'))\n"
    )
    expected = "cloudpickle_rs.cloudpickle" if imported else "cloudpickle.cloudpickle"
    assert processes.run(script).stdout.strip() == expected


def test_functions_that_use_the_module_itself_are_pickled_by_reference_to_it(processes, tmp_path):
    names = ["dumps", "loads", "dump", "load", "Pickler", "Unpickler", "PicklingError", "register_pickle_by_value"]
    objects = [getattr(cloudpickle_rs, name) for name in names] + [cloudpickle_rs, lambda x: cloudpickle_rs.dumps(x)]
    for protocol in range(6):
        ours, theirs = cloudpickle_rs.dumps(objects, protocol), cloudpickle.dumps(objects, protocol)
        assert first_difference(ours, theirs) is None, first_difference(ours, theirs)
    (tmp_path / "pickle").write_bytes(cloudpickle_rs.dumps(objects))
    script = tmp_path / "script.py"
    script.write_text(
        "import cloudpickle_rs\n"
        f"*objects, module, function = cloudpickle_rs.loads(open({str(tmp_path / 'pickle')!r}, 'rb').read())\n"
        f"assert objects == [getattr(cloudpickle_rs, name) for name in {names!r}]\n"
        "assert module is cloudpickle_rs and function(1) == cloudpickle_rs.dumps(1)\n"
    )
    processes.run(script, packages=["cloudpickle_rs"])
