"""Upstream on PyPy, where release 3.1.2 cannot be imported.

There it changes what `pickle.Pickler` dispatches on, as could be done before PyPy 8, where that was written in Python. It works
when it is made to believe that it is imported by a CPython whose `pickle.Pickler` is the one in Python, and is the oracle on PyPy
too: for bytes, not for the words of errors, which are those of the pickler in C here.
"""

import compileall
import pickle
import platform
from pathlib import Path

PYPY = platform.python_implementation() == "PyPy"

# PyPy's own cannot read the infinities that PyPy writes, and reads a memo that was never filled and text that is no UTF-8.
plain_loads = pickle._loads if PYPY else pickle.loads


class CsPickler(pickle._Pickler):
    """The pickler in Python, where it differs from the one in C made the same."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # upstream has an attribute of this name in its class, for something else
        self.dispatch = pickle._Pickler.dispatch

    def memoize(self, obj):
        super().memoize(obj)
        self.memoized = obj

    def save_reduce(self, func, args, state=None, listitems=None, dictitems=None, state_setter=None, *, obj=None):
        super().save_reduce(func, args, obj=obj)
        if obj is not None and self.memoized is not obj:
            # its own arguments led to it: it has its state already
            return
        if listitems is not None:
            self._batch_appends(listitems)
        if dictitems is not None:
            self._batch_setitems(dictitems)
        if state is not None and state_setter is None:
            self.save(state)
            self.write(pickle.BUILD)
        elif state is not None:
            for part in (state_setter, obj, state):
                self.save(part)
            self.write(pickle.TUPLE2 + pickle.REDUCE + pickle.POP)


_own = pickle.Pickler, platform.python_implementation


def before_import():
    """Makes this process one that upstream can be imported in."""
    if PYPY:
        pickle.Pickler, platform.python_implementation = CsPickler, lambda: "CPython"


def after_import():
    """Undoes that."""
    pickle.Pickler, platform.python_implementation = _own


def load():
    """Imports upstream into this process."""
    before_import()
    try:
        import cloudpickle  # noqa: F401  (it is there from now on)
    finally:
        after_import()


def mend(package):
    """Makes a copy of upstream, the package in the folder `package`, one that can be imported."""
    if PYPY:
        path = Path(package, "__init__.py")
        text = path.read_text(encoding="utf-8")
        path.write_text(f"import upstream\n\nupstream.before_import()\n{text}\nupstream.after_import()\ndel upstream\n")
        # equal names in a module are one string only where it was loaded from a compiled file
        compileall.compile_dir(package, quiet=1)
