"""Stands in for our module, so that the demo's first process writes its pickles with the original."""

from cloudpickle import *  # noqa: F403
