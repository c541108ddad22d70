"""What an interpreter says of code objects. Runs on Python 3.6 and newer.

`code` and `shapes` write records, which `records.rs` reads. All numbers are little-endian; an absent number is the smallest of
its width. A record is

    count of arguments of types.CodeType, co_flags, number of consts               3 x i32
    names, varnames, cellvars, freevars                                            count u32, then texts
    co_code, line table, exception table                                           length u32, then the bytes
    co_firstlineno                                                                 i32
    -- (`shapes` ends here)
    co_name, what is wrong with it when made again in the order of our layout      texts
    number of code objects among its consts, whose records follow, each with its own    u32
    instructions: offset, opcode, whether it has an argument, argument, meaning    count u32, then u32 u8 u8 u32 i64
    lines: start, end, line                                                        count u32, then 3 x i32
    co_positions()                                                                 count u32, then 4 x i32
    exception handlers: start, end, target, depth, lasti                           count u32, then 5 x i32
    names of globals, those of the code objects among its consts behind its own    count u32, then texts

A text is a length u32 and UTF-8. The meaning of an argument is the index of a name, the first index of a variable's name in
varnames, cellvars and freevars together (of two, both), the target of a jump, the index of a comparison in `dis.cmp_op`, or else
the argument itself.
"""

import dis
import itertools
import opcode
import os
import struct
import sys
import types

ABSENT = -(1 << 31)
PYPY = sys.implementation.name == "pypy"
NAMES, COMPARISONS = set(opcode.hasname), set(opcode.hascompare)
JUMPS = set(opcode.hasjrel) | set(opcode.hasjabs)
VARIABLES = set(opcode.haslocal) | set(opcode.hasfree)
GLOBALS = {opcode.opmap[name] for name in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL")}
HAS_TABLES = hasattr(types.CodeType, "co_exceptiontable")
ARGUMENTS = 18 if HAS_TABLES else 16 if hasattr(types.CodeType, "co_posonlyargcount") else 15


def code_objects(code):
    """A code object and those of everything that it defines: each before those among its consts, these in their order."""
    work = [code]
    while work:
        code = work.pop()
        yield code
        work.extend(reversed(nested(code)))


def nested(code):
    return [const for const in code.co_consts if isinstance(const, types.CodeType)]


def files():
    """The source files of the standard library, and the names of opcodes by their numbers."""
    library = os.path.dirname(os.__file__)
    files = []
    for folder, folders, names in os.walk(library):
        folders[:] = sorted(name for name in folders if name not in ("site-packages", "dist-packages", "__pycache__"))
        files.extend(os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))
    return {"files": files, "names": list(dis.opname)}


def compiled(file):
    """The code objects of a file; none where it is no program of this version, or a link to nowhere."""
    try:
        with open(file, "rb") as opened:
            module = compile(opened.read(), file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return []
    return list(code_objects(module))


def shapes(file, into):
    """Writes what each code object of a file is made of."""
    with open(into, "wb") as written:
        for code in compiled(file):
            written.write(b"".join(shape(code)))
    return {}


def code(file, into, layout, with_upstream):
    """Writes what each code object of a file is made of, and what this interpreter says of it.

    `layout` has the attributes that are arguments, in order. Names of globals are as the cloudpickle at hand extracts them, or as
    `dis` tells them.
    """
    codes = compiled(file)
    instructions = {id(code): list(dis.get_instructions(code)) for code in codes}
    extract = extracted_by_upstream(instructions) if with_upstream else lambda code: extracted(code, instructions)
    with open(into, "wb") as written:
        for code in codes:
            written.write(b"".join(shape(code)))
            written.write(b"".join(disassembly(code, instructions[id(code)], layout)))
            written.write(rows(map(text, extract(code))))
    return {}


def extracted_by_upstream(instructions):
    """Upstream's own function, over instructions that are there already."""
    from cloudpickle import cloudpickle

    cloudpickle.dis = types.SimpleNamespace(get_instructions=lambda code: instructions[id(code)])
    return cloudpickle._extract_code_globals


def extracted(code, instructions):
    return {i.argval: None for code in code_objects(code) for i in instructions[id(code)] if i.opcode in GLOBALS}


def meaning(code, variables, instruction):
    number, arg, value = instruction.opcode, instruction.arg, instruction.argval
    if arg is None:
        return 0
    if number in NAMES:
        return code.co_names.index(value)
    if number in JUMPS:
        return value
    if isinstance(value, tuple) and len(value) == 2 and "FAST" in instruction.opname:
        return variables.index(value[0]) << 31 ^ variables.index(value[1])
    if number in VARIABLES:
        return variables.index(value)
    if number in COMPARISONS:
        return opcode.cmp_op.index(value)
    return arg


def lines(code):
    """Where each line starts and ends."""
    if hasattr(code, "co_lines") and not PYPY:
        return code.co_lines()
    starts = list(dis.findlinestarts(code))
    ends = [start for start, _ in starts[1:]] + [len(code.co_code)]
    return [(start, end, line) for (start, line), end in zip(starts, ends)]


def data(bytes):
    return struct.pack("<I", len(bytes)) + bytes


def text(text):
    return data(text.encode("utf-8", "surrogatepass"))


def rows(packed):
    packed = list(packed)
    return struct.pack("<I", len(packed)) + b"".join(packed)


def numbers(table, letters):
    table = list(table)
    return struct.pack("<I", len(table)) + struct.pack("<" + letters * len(table), *itertools.chain(*table))


def absent(row):
    return [ABSENT if number is None else number for number in row]


def shape(code):
    yield struct.pack("<3i", ARGUMENTS, code.co_flags, len(code.co_consts))
    for names in (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars):
        yield rows(map(text, names))
    yield data(code.co_code)
    yield data(code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab)
    yield data(code.co_exceptiontable if HAS_TABLES else b"")
    yield struct.pack("<i", code.co_firstlineno)


def disassembly(code, instructions, layout):
    variables = code.co_varnames + code.co_cellvars + code.co_freevars
    yield text(code.co_name)
    yield text(rebuilt(code, layout))
    yield struct.pack("<I", len(nested(code)))
    yield numbers(((i.offset, i.opcode, i.arg is not None, i.arg or 0, meaning(code, variables, i)) for i in instructions), "IBBIq")
    yield numbers(map(absent, lines(code)), "3i")
    yield numbers(map(absent, code.co_positions()) if hasattr(code, "co_positions") else (), "4i")
    handlers = dis._parse_exception_table(code) if HAS_TABLES else ()
    yield numbers((map(int, handler[:5]) for handler in handlers), "5i")


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
    return ""
