"""Writes what `dis` says of every code object of the running interpreter's standard library, for `cargo xtask stdlib`.

Arguments: the file to write, and, to compile another library and write the records up to the line `--` only, that library's folder.
All numbers are little-endian; an absent number is the smallest of its width. A record is

    argcount of types.CodeType, co_flags, number of consts, names                  4 x i32
    varnames, cellvars, freevars                                                   count u32, then a hash u32 for each name
    co_code, line table, exception table                                           length u32, then the bytes
    co_firstlineno                                                                 i32
    --
    instructions: offset, opcode, whether it has an argument, argument, meaning    count u32, then u32 u8 u8 u32 i64
    the line of each two bytes of co_code                                          count u32, then i32
    co_positions()                                                                 count u32, then 4 x i32
    exception handlers: start, end, target, depth, lasti                           count u32, then 5 x i32
    globals: indices in co_names                                                   count u32, then u32

The meaning of an argument is the index of a name, the hash of a variable's name (of two, both), the target of a jump, the index of
a comparison in `dis.cmp_op`, or else the argument itself.
"""

import dis
import itertools
import opcode
import os
import struct
import sys
import sysconfig
import types
import warnings

ABSENT = -(1 << 31)
PYPY = sys.implementation.name == "pypy"
NAMES, COMPARISONS = set(opcode.hasname), set(opcode.hascompare)
JUMPS = set(opcode.hasjrel) | set(opcode.hasjabs)
VARIABLES = set(opcode.haslocal) | set(opcode.hasfree)
GLOBALS = {opcode.opmap[name] for name in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL")}
HAS_TABLES = hasattr(types.CodeType, "co_exceptiontable")
ARGUMENTS = 18 if HAS_TABLES else 16 if hasattr(types.CodeType, "co_posonlyargcount") else 15


def code_objects(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "site-packages")
        for name in sorted(files):
            if not name.endswith(".py"):
                continue
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    todo = [compile(file.read(), os.path.relpath(path, root), "exec", dont_inherit=True)]
            except (OSError, SyntaxError, ValueError):  # links to nowhere, and files that are wrong on purpose
                continue
            while todo:
                code = todo.pop()
                yield code
                todo.extend(const for const in code.co_consts if isinstance(const, types.CodeType))


hashes = {}


def fnv(name):
    found = hashes.get(name)
    if found is None:
        found = 0x811C9DC5
        for byte in name.encode("utf-8", "surrogatepass"):
            found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
        hashes[name] = found
    return found


def meaning(code, instruction):
    number, arg, value = instruction.opcode, instruction.arg, instruction.argval
    if arg is None:
        return 0
    if number in NAMES:
        return code.co_names.index(value)
    if number in JUMPS:
        return value
    if isinstance(value, tuple) and len(value) == 2 and "FAST" in instruction.opname:
        return fnv(value[0]) << 31 ^ fnv(value[1])
    if number in VARIABLES:
        return fnv(value)
    if number in COMPARISONS:
        return opcode.cmp_op.index(value)
    return arg


def lines(code):
    """The line of each two bytes."""
    if hasattr(code, "co_lines") and not PYPY:
        ranges = code.co_lines()
    else:
        starts = list(dis.findlinestarts(code))
        ends = [start for start, _ in starts[1:]] + [len(code.co_code)]
        ranges = ((start, end, line) for (start, line), end in zip(starts, ends))
    table = [ABSENT] * (len(code.co_code) // 2)
    for start, end, line in ranges:
        table[start // 2 : end // 2] = [ABSENT if line is None else line] * ((end - start) // 2)
    return table


def numbers(rows, letters):
    rows = list(rows)
    return struct.pack("<I", len(rows)) + struct.pack("<" + letters * len(rows), *itertools.chain(*rows))


def data(text):
    return struct.pack("<I", len(text)) + text


def absent(row):
    return tuple(ABSENT if number is None else number for number in row)


def shape(code):
    yield struct.pack("<4i", ARGUMENTS, code.co_flags, len(code.co_consts), len(code.co_names))
    for names in (code.co_varnames, code.co_cellvars, code.co_freevars):
        yield numbers(((fnv(name),) for name in names), "I")
    yield data(code.co_code)
    yield data(code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab)
    yield data(code.co_exceptiontable if HAS_TABLES else b"")
    yield struct.pack("<i", code.co_firstlineno)


def disassembly(code):
    instructions = list(dis.get_instructions(code))
    yield numbers(((i.offset, i.opcode, i.arg is not None, i.arg or 0, meaning(code, i)) for i in instructions), "IBBIq")
    yield numbers(((line,) for line in lines(code)), "i")
    yield numbers(map(absent, code.co_positions()) if hasattr(code, "co_positions") else (), "4i")
    handlers = dis._parse_exception_table(code) if HAS_TABLES else ()
    yield numbers((tuple(map(int, handler[:5])) for handler in handlers), "5i")
    yield numbers(((code.co_names.index(i.argval),) for i in instructions if i.opcode in GLOBALS), "I")


warnings.simplefilter("ignore")
of_another = len(sys.argv) > 2
root = sys.argv[2] if of_another else sysconfig.get_path("stdlib")
with open(sys.argv[1], "wb") as file:
    for code in code_objects(root):
        file.write(b"".join(shape(code)))
        if not of_another:
            file.write(b"".join(disassembly(code)))
