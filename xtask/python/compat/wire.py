"""What `pickletools` says of pickles. Runs on any Python since 2.7."""

import io
import pickletools

from values import PYTHON_2, from_hex, to_hex


def opcodes():
    """Every opcode that `pickletools` knows."""
    rows = []
    for op in pickletools.opcodes:
        rows.append({
            "name": op.name,
            "byte": ord(op.code),
            "arg": op.arg and op.arg.name,
            "before": [item.name for item in op.stack_before],
            "after": [item.name for item in op.stack_after],
            "protocol": op.proto,
        })
    return {"opcodes": rows}


def listings(pickles, annotate=0):
    listings = []
    for data in pickles:
        out = io.BytesIO() if PYTHON_2 else io.StringIO()
        pickletools.dis(from_hex(data), out, annotate=annotate)
        listings.append(out.getvalue())
    return {"listings": listings, "optimized": [to_hex(pickletools.optimize(from_hex(data))) for data in pickles]}
