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
    """Listings, what cannot be listed ending in `! ` and the reason, and the pickles optimized."""
    listings, optimized = [], []
    for data in map(from_hex, pickles):
        out = io.BytesIO() if PYTHON_2 else io.StringIO()
        try:
            pickletools.dis(data, out, annotate=annotate)
        except ValueError as error:
            listings.append("%s! %s" % (out.getvalue(), error))
            optimized.append("")
        else:
            listings.append(out.getvalue())
            optimized.append(to_hex(pickletools.optimize(data)))
    return {"listings": listings, "optimized": optimized}
