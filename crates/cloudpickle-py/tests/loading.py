"""Loads what a script of the zoo dumped, in a fresh process, and checks each copy.

    loading.py WAY PICKLES    writes {case: {protocol: what went wrong}} to PICKLES.WAY.json

The ways:

* `plain`: `pickle.loads`, with upstream there and our module absent
* `hosted`: `pickle.loads`, with upstream absent, after `import cloudpickle_rs`
* `ours`: `cloudpickle_rs.loads`, with upstream absent
* `beside`: `cloudpickle_rs.loads`, with upstream there; the copies are then dumped again by both and compared
"""

import asyncio
import functools
import importlib
import json
import pickle
import sys
import traceback
from pathlib import Path

MODULES = "abc collections dataclasses enum inspect io itertools math operator pickle sys types typing weakref".split()


def raises(exception, call, *args, **kwargs):
    """Whether the call raises `exception`."""
    try:
        call(*args, **kwargs)
    except exception:
        return True
    return False


def run(coroutine):
    """What a coroutine returns."""
    return asyncio.run(coroutine)


async def collect(items):
    """The list of what an asynchronous generator yields."""
    return [item async for item in items]


NAMES = {**{name: importlib.import_module(name) for name in MODULES}, "raises": raises, "run": run, "collect": collect}


def main(way, path):
    packages = ("cloudpickle", "cloudpickle_rs")
    present = {name for name in packages if any(Path(entry, name).is_dir() for entry in sys.path)}
    assert present == {"plain": {"cloudpickle"}, "hosted": {"cloudpickle_rs"}, "ours": {"cloudpickle_rs"}}.get(
        way, {"cloudpickle", "cloudpickle_rs"}
    ), f"{way} sees {present}"
    if way == "plain":
        loads = pickle.loads
    else:
        import cloudpickle_rs

        loads = pickle.loads if way == "hosted" else cloudpickle_rs.loads
    with open(path, "rb") as file:
        cases = pickle.load(file)
    wrong = {}
    for name, checks, shares, by_protocol in cases:
        for protocol, data in by_protocol.items():
            problem = check(loads, data, checks)
            if problem is None and way == "beside" and not shares:
                problem = again(loads(data), protocol)
            if problem:
                wrong.setdefault(name, {})[protocol] = problem
    with open(f"{path}.{way}.json", "w", encoding="utf-8") as file:
        json.dump(wrong, file)


def check(loads, data, checks):
    """What is wrong with the copy that `data` holds, or `None`."""
    try:
        copy = loads(data)
    except Exception:
        return "it does not load:\n" + traceback.format_exc(limit=-4)
    for expression in checks:
        try:
            if not eval(expression, dict(NAMES, copy=copy, load=functools.partial(loads, data))):
                return f"not true of {copy!r:.200}: {expression}"
        except Exception:
            return f"{expression}\n{traceback.format_exc(limit=-3)}"
    return None


def again(copy, protocol):
    """What is wrong with a second dump, of the copy."""
    import cloudpickle
    import cloudpickle_rs

    from oracle import compare

    _, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, copy, protocol)
    return difference and f"the copy's own pickle differs from upstream's:\n{difference}"


if __name__ == "__main__":
    main(*sys.argv[1:])
