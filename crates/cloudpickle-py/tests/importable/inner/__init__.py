"""A package in a package."""


def call(function, *args):
    """What `function` returns."""
    return function(*args)
