"""The exceptions of unpickling that are more than `pickle.UnpicklingError`.

`pickle` raises several exceptions for a pickle that is at fault. Each class here is `UnpicklingError` and one of those as well, so
that whoever catches either of them catches it.
"""

from pickle import UnpicklingError


class TruncatedPickleError(UnpicklingError, EOFError):
    """The pickle ends between two opcodes, before its STOP."""

    __module__ = "cloudpickle_rs"


class InvalidPickleValueError(UnpicklingError, ValueError):
    """An opcode's argument is no value that the opcode can have."""

    __module__ = "cloudpickle_rs"


class PickleOverflowError(UnpicklingError, OverflowError):
    """A number in the pickle is larger than this machine can count."""

    __module__ = "cloudpickle_rs"


class InvalidPickleTextError(UnpicklingError, UnicodeDecodeError):
    """The text of an opcode is no UTF-8. `place` tells which opcode, and where it is."""

    __module__ = "cloudpickle_rs"

    place = ""

    def __str__(self):
        return f"{UnicodeDecodeError.__str__(self)} ({self.place})"


class DisallowedPickleError(UnpicklingError):
    """`loads` was told what to allow, and the pickle would do something else. Nothing of it has been loaded.

    `findings` has all that it would do, as `inspect` tells it. It is empty where names turned out to mean another thing in
    this process than what was judged: loading stopped there.
    """

    __module__ = "cloudpickle_rs"

    findings = ()
