"""What an interpreter says of code objects. Runs on Python 3.6 and newer."""

import dis
import os
import tokenize
import types
import warnings

from values import code_points, to_hex


def code_objects(code):
    """A code object and those of everything that it defines, outermost first."""
    work = [code]
    while work:
        code = work.pop()
        yield code
        work.extend(const for const in code.co_consts if isinstance(const, types.CodeType))


def files():
    """The source files of the standard library."""
    library = os.path.dirname(os.__file__)
    files = []
    for folder, folders, names in os.walk(library):
        folders[:] = sorted(name for name in folders if name not in ("site-packages", "dist-packages", "__pycache__", "lib2to3"))
        files.extend(os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))
    return {"files": [file for file in files if os.path.exists(file)]}  # a link may lead nowhere


def code(file, layout):
    """What this interpreter says of each code object in a file; `layout` has the attributes that are arguments, in order."""
    warnings.simplefilter("ignore")
    try:
        with tokenize.open(file) as opened:
            module = compile(opened.read(), file, "exec", dont_inherit=True)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return {"codes": []}  # there are tests of the compiler among the files
    global_ops = set(dis.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_GLOBAL") if name in dis.opmap)
    codes = []
    for code in code_objects(module):
        instructions, globals_named = [], []
        for instruction in dis.get_instructions(code):
            name = instruction.opname
            if name == "CACHE":
                continue
            jump = instruction.argval if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs else None
            instructions.append([instruction.offset, name, instruction.arg, jump])
            if instruction.opcode in global_ops and instruction.argval not in globals_named:
                globals_named.append(instruction.argval)
        told = {
            "name": code.co_name,
            "firstlineno": code.co_firstlineno,
            "flags": code.co_flags,
            "co_code": to_hex(code.co_code),
            "co_names": [code_points(name) for name in code.co_names],
            "lines": list(dis.findlinestarts(code)),
            "table": to_hex(getattr(code, "co_linetable", None) or code.co_lnotab) if hasattr(code, "co_lnotab") or hasattr(code, "co_linetable") else "",
            "exceptions": to_hex(getattr(code, "co_exceptiontable", b"")),
            "handlers": handlers(code),
            "instructions": instructions,
            "globals": [code_points(name) for name in globals_named],
            "rebuilt": rebuilt(code, layout),
        }
        if hasattr(code, "co_positions"):
            told["positions"] = list(code.co_positions())
        codes.append(told)
    return {"codes": codes}


def handlers(code):
    """The exception table, as `dis` parses it."""
    parse = getattr(dis, "_parse_exception_table", None)
    return [[e.start, e.end, e.target, e.depth, bool(e.lasti)] for e in parse(code)] if parse else []


def rebuilt(code, layout):
    """Makes the code object again from its attributes in the order that is claimed; tells what is wrong with it."""
    try:
        again = type(code)(*[getattr(code, name) for name in layout])
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    for name in dir(code):
        if name.startswith("co_") and name not in ("co_lnotab", "co_lines", "co_positions", "co_branches"):
            if getattr(code, name) != getattr(again, name):
                return "%s is %r, not %r" % (name, getattr(again, name), getattr(code, name))
    return None
