"""The pickler behind Apache Beam's copy of cloudpickle, which Beam has changed: it takes a configuration.

Beam's own configuration is followed here. One that asks for what this implementation does not do (ids of classes made otherwise,
paths of files rewritten, code named instead of carried) gets Beam's pickler, as it was.
"""

import collections
import dataclasses
import functools
import io
import sys

from . import cloudpickle as _ours

MODULE = "apache_beam.internal.cloudpickle.cloudpickle"
# of `CloudPickleConfig`, in the releases of Beam that this is written for
_FIELDS = {
    "id_generator",
    "skip_reset_dynamic_type_state",
    "filepath_interceptor",
    "get_code_object_params",
    "pickle_main_by_ref",
}


def is_known(beam):
    """Whether Beam's module is one whose configurations are understood here."""
    config = getattr(beam, "CloudPickleConfig", None)
    return dataclasses.is_dataclass(config) and {field.name for field in dataclasses.fields(config)} <= _FIELDS


def replacements(beam):
    """What goes into Beam's module in place of what it has, by name."""
    theirs, default = beam.CloudPickler, beam.DEFAULT_CONFIG
    keeps_state = functools.partial(beam._class_setstate, skip_reset_dynamic_type_state=True)
    resets_state = functools.partial(beam._class_setstate, skip_reset_dynamic_type_state=False)
    users = {cls: reducer for cls, reducer in theirs._dispatch_table.items() if reducer.__module__ != beam.__name__}

    def is_followed(config):
        paths = sys.modules.get("apache_beam.internal.code_object_pickler")
        return (
            getattr(config, "id_generator", None) is beam.uuid_generator
            and getattr(config, "get_code_object_params", None) is None
            and not getattr(config, "pickle_main_by_ref", False)
            # the function of Beam's own configuration gives the path back as it is
            and getattr(config, "filepath_interceptor", None) in (None, getattr(paths, "get_normalized_path", None))
        )

    class Pickler(_ours.CloudPickler):
        __doc__ = theirs.__doc__
        _reconstructors_module = beam.__name__
        # Beam adds reducers that are not for everybody, of locks for example
        _dispatch_table = users
        dispatch_table = dispatch = collections.ChainMap(users, *_ours.CloudPickler.dispatch_table.maps)

        def __new__(cls, file, protocol=None, buffer_callback=None, config=default):
            if is_followed(config):
                return super().__new__(cls)
            return theirs(file, protocol=protocol, buffer_callback=buffer_callback, config=config)

        def __init__(self, file, protocol=None, buffer_callback=None, config=default):
            super().__init__(file, protocol, buffer_callback)
            self.config = config
            # what the pickler writes in place of `_class_setstate`
            self._class_state_setter = keeps_state if config.skip_reset_dynamic_type_state else resets_state

    def dump(obj, file, protocol=None, buffer_callback=None, config=default):
        Pickler(file, protocol, buffer_callback, config).dump(obj)

    def dumps(obj, protocol=None, buffer_callback=None, config=default):
        file = io.BytesIO()
        Pickler(file, protocol, buffer_callback, config).dump(obj)
        return file.getvalue()

    for value, original in (Pickler, theirs), (dump, beam.dump), (dumps, beam.dumps):
        value.__module__, value.__qualname__, value.__doc__ = beam.__name__, value.__name__, original.__doc__
    return {"CloudPickler": Pickler, "Pickler": Pickler, "dump": dump, "dumps": dumps}
