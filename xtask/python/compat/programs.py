"""Functions and classes: defined from source, pickled, loaded, called and told of. Runs on Python 3.6 and newer."""

import dis
import os
import pickle
import re
import sys
import types

from bytecode import code_objects
from values import dumped, from_hex, to_hex


def define(source):
    """Runs a program as `__main__` would; what it calls `target` is the case, and `calls` are the arguments to try."""
    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(source, "<program>", "exec", dont_inherit=True), namespace)
    return namespace["target"], namespace["calls"]


def outcomes(target, calls):
    """What the calls give, as far as it is the same in every process."""
    told = []
    for args in calls:
        try:
            result = repr(target(*args))
        except Exception as error:
            result = "%s: %s" % (type(error).__name__, error)
        told.append(re.sub(r"0x[0-9a-f]+", "0x", result))
    return told


def function_facts(function):
    """What the interpreter says of a function."""
    code = function.__code__

    names = []
    for nested in code_objects(code):
        for instruction in dis.get_instructions(nested):
            if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_GLOBAL"):
                names.append(instruction.argval)
    cells = []
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        try:
            cell.cell_contents
            cells.append([name, True])
        except ValueError:
            cells.append([name, False])
    return {
        "name": function.__name__,
        "qualname": function.__qualname__,
        "module": function.__module__,
        "doc": function.__doc__,
        "globals": sorted(name for name in set(names) if name in function.__globals__),
        "defaults": len(function.__defaults__ or ()),
        "kwdefaults": sorted(function.__kwdefaults__ or {}),
        "dict": sorted(vars(function)),
        "closure": cells,
        "numbers": [code.co_argcount, getattr(code, "co_posonlyargcount", 0), code.co_kwonlyargcount, code.co_nlocals,
                    code.co_stacksize, code.co_flags, code.co_firstlineno, len(code.co_consts)],
        "varnames": list(code.co_varnames),
        "names": list(code.co_names),
        "co_code": to_hex(code.co_code),
    }


def dump(source, protocol):
    """Pickles a program's target with the cloudpickle at hand."""
    import cloudpickle

    target, calls = define(source)
    try:
        pickled = cloudpickle.dumps(target, protocol)
    except Exception as error:
        return {"failed": "%s: %s" % (type(error).__name__, error)}
    return {
        "class": target.__name__ if isinstance(target, type) else None,
        "pickle": to_hex(pickled),
        "calls": to_hex(pickle.dumps(calls, 2)),
    }


def call(pickled, calls, by_us=False, with_upstream=True):
    """Loads a function or class and calls it, in a process that has none of the definitions.

    By plain `pickle`, or by our `loads`; with upstream at hand, or in a process to which only our module answers.
    """
    if by_us or not with_upstream:
        import cloudpickle_rs
    else:
        import cloudpickle  # noqa: F401
    if not with_upstream:
        refuse_upstream()
    load = cloudpickle_rs.loads if by_us else pickle.loads
    try:
        target = load(from_hex(pickled))
    except Exception as error:
        return {"failed": "%s: %s" % (type(error).__name__, error)}
    facts = function_facts(target) if isinstance(target, types.FunctionType) else None
    return {"loaded": {"outcomes": outcomes(target, pickle.loads(from_hex(calls))), "facts": facts}}


def refuse_upstream():
    """Fails if upstream itself is in the process, whatever answers to its name."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if os.path.basename(os.path.dirname(file)) == "cloudpickle":
            raise RuntimeError("upstream is in a process that is to be without it: %s" % file)


def dump_both(source, protocols):
    """What upstream and our module write for the same object, in the same process."""
    import cloudpickle
    import cloudpickle_rs

    target, calls = define(source)
    pairs = [[to_hex(cloudpickle.dumps(target, p)), dumped(cloudpickle_rs, target, p)] for p in protocols]
    return {"pairs": pairs, "calls": to_hex(pickle.dumps(calls, 2)), "outcomes": outcomes(target, calls)}
