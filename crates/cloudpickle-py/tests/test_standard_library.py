"""Functions and classes of the standard library by value: code that nobody wrote for this suite."""

import importlib
import inspect
import types

import cloudpickle
import pytest
from oracle import compare

import cloudpickle_rs
import upstream

MODULES = [
    "argparse", "ast", "base64", "bisect", "calendar", "cmd", "collections", "colorsys", "concurrent.futures.thread", "configparser",
    "contextlib", "copy", "csv", "dataclasses", "difflib", "email.message", "enum", "fractions", "functools", "getopt", "gettext",
    "heapq", "html.parser", "inspect", "ipaddress", "json.decoder", "json.encoder", "locale", "logging", "mailbox", "numbers",
    "optparse", "pathlib", "pprint", "queue", "random", "shlex", "statistics", "string", "tempfile", "textwrap", "threading", "timeit",
    "traceback", "types", "typing", "urllib.parse", "uuid", "weakref", "xml.dom.minidom", "zipfile",
]  # fmt: skip

if upstream.PYPY:
    # without CPython's accelerators its classes take more of the module along, some of which refuses to be made again
    MODULES.remove("typing")

# They make closures in pairs, which share what they are made of.
SHARING = {"Fraction", "kde", "kde_random"}


@pytest.mark.parametrize("name", MODULES)
def test_functions_and_classes_by_value_have_upstreams_bytes(name):
    module = importlib.import_module(name)
    for pickler in (cloudpickle, cloudpickle_rs):
        pickler.register_pickle_by_value(module)
    different = {}
    try:
        for key, obj in list(vars(module).items()):
            if isinstance(obj, (types.FunctionType, type)) and getattr(obj, "__module__", None) == name:
                ours, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, obj, 5)
                if difference and upstream.PYPY and isinstance(ours, bytes):
                    # where `functools` is in Python, what it decorates are closures that share cells
                    cloudpickle_rs.loads(ours)
                elif difference and key not in SHARING:
                    different[key] = difference
    finally:
        for pickler in (cloudpickle, cloudpickle_rs):
            pickler.unregister_pickle_by_value(module)
    assert not different, "\n\n".join(f"{key}: {difference}" for key, difference in different.items())
