"""What no pickler writes, and the interpreter's own unpickler takes or refuses: which of both, its version decides."""

import io
import itertools
import pickle
import re

import cloudpickle_rs
import pytest

import upstream

def frame(length, body):
    return b"\x80\x04\x95" + length.to_bytes(8, "little") + body


NUMBERS = [
    *(b"I%b\n." % text for text in b"0,1,00,01,+0,-0,+1, 0, 1,1 ,001,010,-010,08,0_1,1_0,0x1,0o1,0b1,0x,-, ,1L,_1".split(b",")),
    *(b"L%b\n." % text for text in b"0,0L,00L,010,010L,-010L,08,0x1,0x1L,0o1L,0b1L,0_1L,1__0,12LL,L,0o,1'".split(b",")),
    b"I1\0\n.",
    b"I01\0\n.",
    b"I01\r\n.",
    b"I\n.",
    b"I\xff\n.",
    b"I99999999999999999999\n.",
    b"I0099999999999999999999\n.",
    b"Np0x1\n.",
]
LENGTHS = [b"T\0\0\0\x80", b"T\0\0\0\x80more", b"T\x04\0\0\0....", b"X\0\0\0\x80", b"B\0\0\0\x80", b"\x8b\0\0\0\x80", b"T\0\0\0"]
FRAMES = [
    # that end with an op
    frame(1, b"N."),
    frame(0, b"N."),
    frame(2, b"N."),
    frame(3, b"N.K"),
    frame(0, frame(0, b"N.")[2:]),
    frame(9, frame(2, b"N.")[2:]),
    frame(10, b"N" + frame(2, b"N.")[2:]),
    frame(9, b"\x8e\1" + b"\0" * 7 + b"."),
    frame(1, b"z"),
    # that end in one
    frame(1, b"K\1."),
    frame(6, b"Vhelloworld\n."),
    frame(6, b"X\n\0\0\0helloworld."),
    frame(3, b"C\nhelloworld."),
    frame(9, b"cbuiltins\nprint\n."),
    frame(3, b"\x8e\1" + b"\0" * 7 + b"a."),
    frame(5, b"G" + b"\0" * 8 + b"."),
    frame(2, b"p0\n."),
    frame(2, b"Va"),
    frame(6, b"T\1\0\0\x80a."),
    # in others
    frame(12, b"N" + frame(0, b"NN.")[2:]),
    frame(11, b"N" + frame(1, b"N.")[2:]),
    frame(10, frame(1, b"N.")[2:]),
    frame(4, frame(1, b"N.")[2:]),
    frame(11, frame(1 << 63, b"N.")[2:]),
    # longer than what there is
    frame(3, b"N."),
    frame(1 << 20, b"N."),
    frame(1 << 62, b"N."),
    frame(1 << 63, b"N."),
]
ITEMS = [
    *(b"%b(%b." % pair for pair in itertools.product((b"N", b"K\1", b"]", b"}", b"\x8f", b")", b"(\x91"), (b"e", b"u", b"\x90"))),
    b"N(Ne.",
    b"N(NNu.",
    b"N(N\x90.",
    b"cbuiltins\nlist\n(e.",
]
PATHS = b"pi,spam,log.spam,spam.log,,.,.log,log.a.,<locals>,log.<locals>.a".split(b",")
NAMES = [
    *(b"\x80\x04\x8c\x04math\x8c%c%b\x93." % (len(path), path) for path in PATHS),
    *(b"\x80\x02cmath\n%b\n." % path for path in PATHS),
    b"\x80\x04\x8c\x08builtins\x8c\x09str.upper\x93.",
    b"\x80\x02cbuiltins\nstr.upper\n.",
    b"\x80\x04\x8c\x0bno_such_mod\x8c\x01a\x93.",
]


CASES = NUMBERS + LENGTHS + FRAMES + ITEMS + NAMES


def outcome(load, *args):
    """What `load` gives, or raises."""
    try:
        return repr(load(*args)), None
    except Exception as error:
        return None, error


def words(error):
    """The message, without the place that we add."""
    return re.sub(r" \((\w+ )?at byte \d+\)$", "", str(error))


@pytest.mark.parametrize("data", CASES, ids=repr)
def test_the_answer_is_that_of_the_interpreters_own_unpickler(data):
    theirs, their_error = outcome(pickle.loads, data)
    ours, our_error = outcome(cloudpickle_rs.loads, data)
    if upstream.PYPY:
        # strict in ways of its own, and with words of its own
        assert None in (ours, theirs) or ours == theirs
        assert not isinstance(our_error, SystemError), our_error
        return
    assert ours == theirs, our_error or their_error
    if their_error is not None:
        assert isinstance(our_error, type(their_error))
        assert words(our_error) == words(their_error)
        led_to_ours, led_to_theirs = our_error.__context__, their_error.__context__
        assert (type(led_to_ours), str(led_to_ours)) == (type(led_to_theirs), str(led_to_theirs))


class Unbuffered(io.RawIOBase):
    """Gives as many bytes as are asked for, and shows none before."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._file.readinto(buffer)


FILES = {
    "in memory": io.BytesIO,
    "unbuffered": Unbuffered,
    "buffered": lambda data: io.BufferedReader(io.BytesIO(data)),
    "hardly buffered": lambda data: io.BufferedReader(io.BytesIO(data), 3),
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
@pytest.mark.parametrize("data", CASES, ids=repr)
def test_the_answer_is_the_same_from_a_file(data, file):
    value, error = outcome(cloudpickle_rs.loads, data)
    from_file, file_error = outcome(cloudpickle_rs.load, file(data))
    assert (from_file, type(file_error), str(file_error)) == (value, type(error), str(error))
