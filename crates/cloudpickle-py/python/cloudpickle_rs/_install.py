"""`install` and `uninstall`: this implementation behind `cloudpickle`, and behind its copies inside other projects.

Inside `cloudpickle.cloudpickle` every function that this module has takes the place of its namesake. A copy, such as PySpark's,
keeps the functions that its pickles name, since those are loaded where neither cloudpickle nor this module is installed. Its
picklers, which write the copy's own names, its loaders, its registry and its class tracker are replaced. What other modules took
by `from cloudpickle import ...` is replaced in them too.
"""

import functools
import inspect
import pickle
import sys
import threading
import types
import warnings

from . import _beam, _native
from . import cloudpickle as _ours
from ._importing import FollowedFinder

_MAIN = "cloudpickle.cloudpickle"
_REGISTRY = "_PICKLE_BY_VALUE_MODULES"
_TRACKER = ("_DYNAMIC_CLASS_TRACKER_BY_CLASS", "_DYNAMIC_CLASS_TRACKER_BY_ID", "_DYNAMIC_CLASS_TRACKER_LOCK")
# upstream's are those of `pickle`, which must stay where they are outside of cloudpickle
_LOADERS = ("load", "loads")
_LOKY = "loky.backend.reduction"
_LOKYS = (_LOKY, "joblib.externals." + _LOKY)
# PySpark pickles the values of broadcast variables by `pickle`, and so cannot send instances of classes of `__main__`
_BROADCASTS = ("pyspark.core.broadcast", "pyspark.broadcast")
_PYSPARK = "pyspark.cloudpickle.cloudpickle"

_MISSING = object()
# where this module's functions and picklers say that they are, and which they are
_OWN_MODULE = _ours.dumps.__module__
_OWN = {
    name: value
    for name, value in vars(_ours).items()
    if getattr(_native, name, None) is value and getattr(value, "__module__", None) == _OWN_MODULE
}

_lock = threading.RLock()
_installed = None


def install(*, copies=()):
    """Puts this implementation behind `cloudpickle` in the whole process, until `uninstall` is called.

    From then on `cloudpickle.dumps`, `CloudPickler` and the rest are this module's, also where another module has imported them
    by name, and in modules that are imported later. So are those of the copies of cloudpickle in PySpark, Ray, Beam, Modal and
    (before 1.6) joblib: each writes its own module's names, and its pickles are loaded by processes that have that project alone.
    `copies` are the names of further modules that are such a copy, as `"company.vendor.cloudpickle.cloudpickle"` may be: the
    modules that define the functions, not packages that take them from there. The modules that are registered to be pickled by
    value, the reducers in `CloudPickler.dispatch` (save Beam's) and the tracked classes are the same for all.

    PySpark's broadcast variables, which PySpark pickles by `pickle`, are pickled by its copy of cloudpickle then, so that they
    can be instances of classes of `__main__`.

    A second call changes nothing, save for the copies that it names. What keeps cloudpickle's own code: classes that were
    already derived from its `CloudPickler` (loky's are made again), and functions of cloudpickle that a closure, a default
    argument or an attribute holds; they go on working. A copy that is not of release 3 of cloudpickle, or was changed by its
    project, stays as it is, with a `RuntimeWarning`.
    """
    global _installed
    if isinstance(copies, str):
        raise TypeError(f"copies is to be an iterable of names of modules: [{copies!r}]")
    copies = tuple(copies)
    with _lock:
        if _installed is None:
            _installed = _Installation()
            _installed.begin()
        _installed.follow(copies)


def uninstall():
    """Undoes `install`: every name has again the object that it had. Without an `install` before, it does nothing.

    What was registered meanwhile, modules to be pickled by value and reducers in `CloudPickler.dispatch`, stays registered. A
    module that was imported meanwhile and took names from `cloudpickle` by `from cloudpickle import ...` keeps this
    implementation under them.
    """
    global _installed
    with _lock:
        if _installed is not None:
            _installed.end()
            _installed = None


class _Installation:
    """What one `install` has changed, and how it was before."""

    def __init__(self):
        # (namespace, name, what it was, what it is), in the order of the changes
        self.changes = []
        # cloudpickle's module and its copies, as far as they are imported
        self.modules = []
        # the types that had a reducer here, the reducers that users gave to a copy's pickler, and the tables of those
        self.reducible = set(_ours.CloudPickler._dispatch_table)
        self.reducers = {}
        self.tables = []
        # the registries and trackers that were in place, to be kept up to date at the end
        self.registries = []
        self.trackers = []
        self.finder = FollowedFinder((), self.executed)
        self.ended = False

    def begin(self):
        sys.meta_path.insert(0, self.finder)
        self.follow((*_native._DIALECT_MODULES, *_BROADCASTS))
        _remake_loky_picklers()
        # after cloudpickle, since loky's pickler is derived from cloudpickle's
        self.follow(_LOKYS)

    def follow(self, names):
        """Takes modules over: those that are imported now, the others as soon as they are."""
        new = [name for name in names if name not in self.finder.names]
        self.finder.names = self.finder.names.union(new)
        for name in new:
            module = sys.modules.get(name)
            if isinstance(module, types.ModuleType):
                self.take(module)

    def end(self):
        if self.finder in sys.meta_path:
            sys.meta_path.remove(self.finder)
        self.ended = True
        for registry in self.registries:
            registry.clear()
            registry.update(getattr(_ours, _REGISTRY))
        shared = self.tracker()
        for by_class, by_id, _ in self.trackers:
            by_class.update(shared[0])
            by_id.update(shared[1])
        table = _ours.CloudPickler._dispatch_table
        for cls, reducer in list(table.items()):
            if self.reducers.get(cls) is reducer:
                del table[cls]
            elif cls not in self.reducible:
                for theirs in self.tables:
                    theirs.setdefault(cls, reducer)
        for namespace, name, old, new in reversed(self.changes):
            if namespace.get(name, _MISSING) is new:
                namespace[name] = old
        for module in self.modules:
            self.restore_package(module)
        _say_module(_OWN_MODULE, _OWN)
        _remake_loky_picklers()

    def executed(self, module):
        """Takes a module over that is imported while this lasts."""
        with _lock:
            if not self.ended:
                self.take(module)

    def take(self, module):
        """Puts this implementation into cloudpickle's module, into a copy of it, or behind PySpark's broadcast variables.

        loky has it by then: it derives its pickler from cloudpickle's. Here that becomes quicker, now and when another is chosen.
        """
        if module.__name__ in _LOKYS:
            _quicken_loky_pickler(module)
            choose = vars(module).get("set_loky_pickler")
            if choose is not None:
                self.rebind({id(choose): (choose, _quickening(module, choose))})
            return
        if module.__name__ in _BROADCASTS:
            if vars(module).get("pickle") is pickle:
                self.change(vars(module), "pickle", _pickle_for_broadcasts())
            return
        refusal = _refusal(module)
        if refusal:
            warnings.warn(f"cloudpickle_rs leaves {module.__name__} as it is: {refusal}", RuntimeWarning, stacklevel=3)
            return
        new = _replacements(module)
        old = {name: vars(module)[name] for name in new}
        self.share_registry(module)
        self.share_reducers(module)
        if module not in self.modules:
            self.modules.append(module)
        self.share_tracker()
        for name in new:
            self.change(vars(module), name, new[name])
        package = sys.modules.get(module.__name__.rpartition(".")[0])
        for name in set(_LOADERS) & set(new):
            if package is not None and vars(package).get(name) is old[name]:
                self.change(vars(package), name, new[name])
        moved = [name for name in new if name not in _LOADERS and old[name] is not new[name]]
        self.rebind({id(old[name]): (old[name], new[name]) for name in moved})
        if module.__name__ == _MAIN:
            _say_module(_MAIN, new)

    def change(self, namespace, name, new):
        self.changes.append((namespace, name, namespace[name], new))
        namespace[name] = new

    def rebind(self, by_identity):
        """Replaces objects in every module that has them under some name."""
        for module in list(sys.modules.values()):
            if not isinstance(module, types.ModuleType):
                continue
            namespace = vars(module)
            for name, value in list(namespace.items()):
                old, new = by_identity.get(id(value), (_MISSING, None))
                if old is value:
                    self.change(namespace, name, new)
                elif type(value) is functools.partial and id(value.func) in by_identity:
                    # such as `dask.multiprocessing` has
                    _, new = by_identity[id(value.func)]
                    self.change(namespace, name, functools.partial(new, *value.args, **value.keywords))

    def restore_package(self, module):
        """Gives a package back what its module has again; it may have been imported after `install`."""
        package = sys.modules.get(module.__name__.rpartition(".")[0])
        if package is None:
            return
        for _, name, old, new in [change for change in self.changes if change[0] is vars(module)]:
            if vars(package).get(name, _MISSING) is new:
                vars(package)[name] = old

    def share_registry(self, module):
        """Makes the modules that are pickled by value the same ones here and there."""
        theirs, ours = vars(module).get(_REGISTRY), getattr(_ours, _REGISTRY)
        if isinstance(theirs, set) and theirs is not ours:
            ours.update(theirs)
            self.registries.append(theirs)
            self.change(vars(module), _REGISTRY, ours)

    def share_reducers(self, module):
        """Takes over the reducers that users have given to a copy's pickler."""
        theirs, ours = getattr(module.CloudPickler, "_dispatch_table", None), _ours.CloudPickler._dispatch_table
        if not isinstance(theirs, dict) or theirs is ours or module.__name__ == _beam.MODULE:
            return
        self.tables.append(theirs)
        for cls, reducer in theirs.items():
            if cls not in ours and getattr(reducer, "__module__", None) != module.__name__:
                ours[cls] = self.reducers[cls] = reducer

    def tracker(self):
        """The tracker of classes that this implementation uses: cloudpickle's where it is imported."""
        main = sys.modules.get(_MAIN)
        place = main if main is not None and all(hasattr(main, name) for name in _TRACKER) else _ours
        return [getattr(place, name) for name in _TRACKER]

    def share_tracker(self):
        """Makes all copies track classes in one place, so that a class has one id whichever of them meets it."""
        shared = self.tracker()
        for module in self.modules:
            theirs = [vars(module).get(name) for name in _TRACKER]
            if module.__name__ == _MAIN or theirs[0] is shared[0] or None in theirs:
                continue
            shared[0].update(theirs[0])
            shared[1].update(theirs[1])
            if not any(theirs[0] is known[0] for known in self.trackers) and theirs[0] is not getattr(_ours, _TRACKER[0]):
                self.trackers.append(theirs)
            # Beam's lock is taken again by whoever has it, which this one cannot be
            for name, part in zip(_TRACKER[:2] if module.__name__ == _beam.MODULE else _TRACKER, shared):
                self.change(vars(module), name, part)


def _refusal(module):
    """Why a module cannot be taken over, or nothing."""
    namespace = vars(module)
    missing = [name for name in (*_native._RECONSTRUCTORS, *_LOADERS, "dumps", "dump", "CloudPickler") if name not in namespace]
    if missing:
        return f"it has no {missing[0]}, and is not of release 3 of cloudpickle"
    if module.__name__ == _beam.MODULE and _beam.is_known(module):
        return None
    for name in ("dumps", "dump"):
        if list(inspect.signature(namespace[name]).parameters) != list(inspect.signature(getattr(_ours, name)).parameters):
            return f"its {name} takes other arguments than cloudpickle's"
    return None


def _replacements(module):
    """What goes into a module in place of what it has, by name."""
    if module.__name__ == _MAIN:
        new = {**_OWN, "CloudPickler": _ours.CloudPickler, "_empty_cell_value": _ours._empty_cell_value}
    elif module.__name__ == _beam.MODULE and _beam.is_known(module):
        new = _beam.replacements(module)
    else:
        new = _for_copy(module.__name__)
    return {name: value for name, value in new.items() if name in vars(module)}


@functools.lru_cache(maxsize=None)
def _for_copy(module_name):
    """The functions and classes that pickle under the names of a copy of cloudpickle."""

    class Pickler(_ours.CloudPickler):
        __doc__ = _ours.CloudPickler.__doc__
        __slots__ = ()
        _reconstructors_module = module_name

    def dumps(obj, protocol=None, buffer_callback=None):
        return _native._dumps_for(module_name, obj, protocol, buffer_callback)

    def dump(obj, file, protocol=None, buffer_callback=None):
        Pickler(file, protocol, buffer_callback).dump(obj)

    dumps.__doc__, dump.__doc__ = _ours.dumps.__doc__, _ours.dump.__doc__
    for value in (Pickler, dumps, dump):
        value.__module__, value.__qualname__ = module_name, value.__name__
    return {
        "CloudPickler": Pickler,
        "Pickler": Pickler,
        "dump": dump,
        "dumps": dumps,
        "load": _ours.load,
        "loads": _ours.loads,
    }


@functools.lru_cache(maxsize=None)
def _pickle_for_broadcasts():
    """The module `pickle` with the `dump` of PySpark's copy of cloudpickle."""
    module = types.ModuleType("pickle", pickle.__doc__)
    module.__dict__.update({**vars(pickle), "dump": _for_copy(_PYSPARK)["dump"]})
    return module


def _say_module(module_name, names):
    """Lets this module's functions and picklers say where they are found.

    While they are cloudpickle's, pickles refer to them by cloudpickle's name, and processes without this module can load them.
    """
    for name in names:
        if name in _OWN:
            _OWN[name].__module__ = module_name


def _remake_loky_picklers():
    """Lets loky derive its pickler from the `CloudPickler` that is there now."""
    for name, module in list(sys.modules.items()):
        if (name == _LOKY or name.endswith("." + _LOKY)) and getattr(module, "_LokyPickler", None) is not None:
            chosen, module._loky_pickler_name = module._loky_pickler_name, None
            module.set_loky_pickler(chosen)
            _quicken_loky_pickler(module)


def _quicken_loky_pickler(module):
    """Gives loky's pickler, if it is derived from ours, a table of reducers that is soon copied."""
    pickler = getattr(module, "_LokyPickler", None)
    if isinstance(pickler, type) and issubclass(pickler, _ours.CloudPickler):
        pickler.dispatch_table = _CopiedTable()


def _quickening(module, choose):
    """loky's `set_loky_pickler`, after which its pickler is quick again."""

    @functools.wraps(choose)
    def set_loky_pickler(*args, **kwargs):
        choose(*args, **kwargs)
        _quicken_loky_pickler(module)

    return set_loky_pickler


class _CopiedTable:
    """`CloudPickler.dispatch_table`, as a dict for instances.

    loky copies the table for every pickle and puts the copy in place of it. To copy a `ChainMap`, which is written in Python,
    takes longer than the pickle.
    """

    def __get__(self, instance, owner=None):
        table = _ours.CloudPickler.dispatch_table
        if instance is None:
            return table
        merged = {}
        for part in reversed(table.maps):
            merged.update(part)
        return merged
