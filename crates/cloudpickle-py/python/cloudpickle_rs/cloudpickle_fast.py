"""The module that releases 1.2 to 2.2 of cloudpickle named in their pickles."""

from . import cloudpickle


def __getattr__(name):
    return getattr(cloudpickle, name)
