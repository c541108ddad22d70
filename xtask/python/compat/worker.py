"""Does what `cargo xtask compat` asks an interpreter to do. Runs on any Python since 2.7.

Each line of standard input is a request in JSON, `{"do": "MODULE.FUNCTION", ...}`, where the module is one that lies beside this
file; each line of standard output is the answer to it: what the function returned, or `{"error": TRACEBACK}`.
"""

import importlib
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def answer(request):
    module, function = request.pop("do").split(".")
    return getattr(importlib.import_module(module), function)(**{str(key): value for key, value in request.items()})


def main():
    # What a program prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        try:
            told = answer(json.loads(line))
        except BaseException:
            told = {"error": traceback.format_exc()}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
