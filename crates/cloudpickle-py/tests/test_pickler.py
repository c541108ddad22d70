"""The `Pickler`: its arguments, its memo, its files and its hooks for subclasses."""

import collections
import copyreg
import io
import pickle

import cloudpickle
import cloudpickle_rs
import pytest

import importable
from importable import Pair, Shape, Square
from oracle import first_difference
from same import same

PICKLERS = [cloudpickle.Pickler, cloudpickle_rs.Pickler]


def both(make, objects, protocol, **arguments):
    """What a subclass made by `make(Pickler)` writes for `objects`, one dump after another: ours and upstream's."""
    written = []
    for base in reversed(PICKLERS):
        file = io.BytesIO()
        pickler = make(base)(file, protocol, **arguments)
        for obj in objects:
            pickler.dump(obj)
        written.append(file.getvalue())
    return written


def assert_same(written):
    difference = first_difference(*written)
    assert difference is None, difference


def unchanged(base):
    return base


SQUARE = Square(3)
TEXT = "".join(["sha", "red text"])


@pytest.mark.parametrize(
    "objects",
    [
        [1, 2, 3],
        [TEXT, TEXT, [TEXT]],
        [SQUARE, SQUARE, [SQUARE, Shape]],
        [[SQUARE], {"k": SQUARE}],
        [lambda: SQUARE, SQUARE],
        [(lambda x: x)] * 3,
        [[], [], ()],
        ["x" * 70000, "y", b"z" * 70000, "y"],
    ],
    ids=range(8),
)
def test_many_dumps_on_one_pickler_share_the_memo_as_upstreams_do(objects, protocol):
    assert_same(both(unchanged, objects, protocol))


def test_dumps_on_one_pickler_are_loaded_by_one_unpickler(protocol):
    [ours, _] = both(unchanged, [SQUARE, [SQUARE, TEXT], TEXT], protocol)
    for kind in (cloudpickle_rs.Unpickler, pickle.Unpickler):
        unpickler = kind(io.BytesIO(ours))
        first, [second, text], again = unpickler.load(), unpickler.load(), unpickler.load()
        assert first is second and text is again and first == SQUARE


def test_functions_dumped_on_one_pickler_share_their_globals(protocol):
    space = {"__name__": "some.where", "n": 1}
    exec("def up():\n    global n\n    n += 1\n    return n\ndef read():\n    return n\n", space)
    [ours, theirs] = both(unchanged, [space["up"], space["read"]], protocol)
    assert_same([ours, theirs])
    unpickler = cloudpickle_rs.Unpickler(io.BytesIO(ours))
    up, read = unpickler.load(), unpickler.load()
    assert up.__globals__ is read.__globals__


def test_clear_memo_forgets():
    file = io.BytesIO()
    pickler = cloudpickle_rs.Pickler(file)
    pickler.dump(SQUARE)
    length = file.tell()
    pickler.dump(SQUARE)
    assert file.tell() - length < length, "the second is a reference to the first"
    pickler.clear_memo()
    start = file.tell()
    pickler.dump(SQUARE)
    assert file.getvalue()[start:] == file.getvalue()[:length]


def test_the_default_protocol_is_the_highest():
    assert cloudpickle_rs.DEFAULT_PROTOCOL == pickle.HIGHEST_PROTOCOL == cloudpickle.DEFAULT_PROTOCOL
    assert cloudpickle_rs.dumps(1) == cloudpickle_rs.dumps(1, None) == cloudpickle_rs.dumps(1, protocol=pickle.HIGHEST_PROTOCOL)
    file = io.BytesIO()
    cloudpickle_rs.dump(1, file)
    cloudpickle_rs.dump(1, file, None)
    cloudpickle_rs.dump(1, file=file, protocol=None)
    assert file.getvalue() == 3 * cloudpickle_rs.dumps(1)


def test_a_negative_protocol_is_the_highest():
    assert cloudpickle_rs.dumps([1], -1) == pickle.dumps([1], -1)


@pytest.mark.parametrize("bad", [6, 100, "2", [5]])
def test_a_protocol_that_does_not_exist_is_refused_as_upstream_refuses_it(bad):
    with pytest.raises(Exception) as theirs:
        cloudpickle.dumps(1, bad)
    with pytest.raises(theirs.type) as ours:
        cloudpickle_rs.dumps(1, bad)
    if theirs.type is ValueError:
        assert str(ours.value) == str(theirs.value)


def test_a_file_without_write_is_refused():
    with pytest.raises(TypeError, match="file must have a 'write' attribute"):
        cloudpickle_rs.dump(1, object())
    with pytest.raises(TypeError, match="file must have a 'write' attribute"):
        cloudpickle_rs.Pickler(object())


def test_any_object_with_write_is_a_file(protocol):
    class File:
        def __init__(self):
            self.data = b""

        def write(self, data):
            self.data += bytes(data)

    for obj in ([1, "text"], ["x" * 100_000, "y"], [str(i) for i in range(50_000)], SQUARE):
        file = File()
        assert cloudpickle_rs.dump(obj, file, protocol) is None
        assert file.data == cloudpickle_rs.dumps(obj, protocol)


def test_buffers_go_out_of_band_when_they_are_asked_for():
    data = [pickle.PickleBuffer(bytearray(b"mutable")), pickle.PickleBuffer(b"fixed"), "in band"]
    collected = [[], []]
    ours = cloudpickle_rs.dumps(data, buffer_callback=collected[0].append)
    theirs = cloudpickle.dumps(data, buffer_callback=collected[1].append)
    assert ours == theirs
    assert [bytes(buffer) for buffer in collected[0]] == [b"mutable", b"fixed"]
    mutable, fixed, text = cloudpickle_rs.loads(ours, buffers=collected[0])
    assert (bytes(mutable), bytes(fixed), text) == (b"mutable", b"fixed", "in band")
    assert memoryview(fixed).readonly and not memoryview(mutable).readonly
    assert same(cloudpickle_rs.loads(ours, buffers=[bytearray(b"a"), b"b"]), [bytearray(b"a"), b"b", "in band"])


def test_a_buffer_callback_that_says_true_keeps_the_buffer_in_band():
    data = [pickle.PickleBuffer(bytearray(b"one")), pickle.PickleBuffer(b"two")]
    for answer in (True, 1, "yes", None, False, 0):
        ours = cloudpickle_rs.dumps(data, buffer_callback=lambda buffer: answer)
        assert ours == cloudpickle.dumps(data, buffer_callback=lambda buffer: answer)


def test_buffers_need_protocol_5():
    for protocol in range(5):
        with pytest.raises(ValueError, match="buffer_callback needs protocol >= 5"):
            cloudpickle_rs.dumps(1, protocol, buffer_callback=print)
        with pytest.raises(pickle.PicklingError, match="PickleBuffer"):
            cloudpickle_rs.dumps(pickle.PickleBuffer(b"x"), protocol)


def test_a_buffer_in_band_is_bytes_or_a_bytearray():
    data = [pickle.PickleBuffer(b"fixed"), pickle.PickleBuffer(bytearray(b"mutable"))]
    assert cloudpickle_rs.dumps(data) == cloudpickle.dumps(data)
    assert same(cloudpickle_rs.loads(cloudpickle_rs.dumps(data)), [b"fixed", bytearray(b"mutable")])


# Subclasses


def with_persistent_id(base):
    class Persistent(base):
        def persistent_id(self, obj):
            if isinstance(obj, Square):
                return ("square", obj.edge) if self.proto else f"square {obj.edge}"
            return None

    return Persistent


def test_persistent_ids_are_written_as_upstreams_are(protocol):
    assert_same(both(with_persistent_id, [[SQUARE, Shape("s"), {"k": SQUARE}], SQUARE], protocol))


def test_persistent_ids_reach_into_functions(protocol):
    assert_same(both(with_persistent_id, [lambda x=SQUARE: x], protocol))


def test_a_subclass_may_ask_the_pickler_for_a_persistent_id(protocol):
    class Asking(cloudpickle_rs.Pickler):
        def persistent_id(self, obj):
            return super().persistent_id(obj)

    data, file = [lambda x=SQUARE: x, SQUARE], io.BytesIO()
    Asking(file, protocol).dump(data)
    assert file.getvalue() == cloudpickle.dumps(data, protocol)


def test_an_instance_may_have_a_persistent_id_of_its_own(protocol):
    file = io.BytesIO()
    pickler = cloudpickle_rs.Pickler(file, protocol)
    pickler.persistent_id = lambda obj: "three" if obj == 3 else None
    pickler.dump([2, 3])
    loader = cloudpickle_rs.Unpickler(io.BytesIO(file.getvalue()))
    loader.persistent_load = str.upper
    assert loader.load() == [2, "THREE"]


def test_persistent_ids_are_loaded_by_persistent_load(protocol):
    class Loader(cloudpickle_rs.Unpickler):
        def persistent_load(self, identifier):
            return "loaded", identifier

    [ours, _] = both(with_persistent_id, [[SQUARE, 1]], protocol)
    assert Loader(io.BytesIO(ours)).load() == [("loaded", ("square", 3) if protocol else "square 3"), 1]


def with_reducer_override(base):
    class Overriding(base):
        def reducer_override(self, obj):
            if isinstance(obj, Square):
                return Pair, ("square", obj.edge)
            return super().reducer_override(obj)

    return Overriding


def test_reducer_override_comes_first_and_its_super_is_upstreams(protocol):
    objects = [[SQUARE, importable.double, Shape("s"), lambda x: SQUARE, type("Local", (), {"a": SQUARE})]]
    assert_same(both(with_reducer_override, objects, protocol))
    [ours, _] = both(with_reducer_override, objects, protocol)
    copy = cloudpickle_rs.loads(ours)
    assert (
        copy[0] == ("square", 3) and copy[1] is importable.double and copy[3](0) == ("square", 3) and copy[4].a == ("square", 3)
    )


def test_reducer_override_without_super_may_say_not_implemented(protocol):
    def make(base):
        class Plain(base):
            def reducer_override(self, obj):
                return (Pair, (1, 2)) if isinstance(obj, Shape) else NotImplemented

        return Plain

    singletons = [type(None), type(...), type(NotImplemented)]
    assert_same(both(make, [[SQUARE, 1, importable.double, {"k": (SQUARE,)}, *singletons, type(None)]], protocol))


def reduce_square(square):
    return Pair, ("table", square.edge)


def test_dispatch_table_of_a_class_is_used(protocol):
    def make(base):
        class Dispatching(base):
            dispatch_table = {**base.dispatch_table, Square: reduce_square}

        return Dispatching

    assert_same(both(make, [[SQUARE, Shape("s"), lambda: SQUARE]], protocol))


def test_dispatch_table_of_an_instance_is_used(protocol):
    def make(base):
        class Dispatching(base):
            def __init__(self, *args, **kwargs):
                self.dispatch_table = {Square: reduce_square}
                super().__init__(*args, **kwargs)

        return Dispatching

    written = both(make, [[SQUARE, Shape("s")]], protocol)
    assert_same(written)
    assert cloudpickle_rs.loads(written[0])[0] == ("table", 3)


class Reducers(collections.UserDict):
    """A mapping that is no dict."""


@pytest.mark.parametrize("own", [{Square: reduce_square}, Reducers({Square: reduce_square}), {}, Reducers()], ids=["dict", "mapping", "empty dict", "empty mapping"])
def test_a_chained_dispatch_table_is_used(own, protocol):
    def make(base):
        class Dispatching(base):
            dispatch_table = collections.ChainMap(own, Reducers(), base.dispatch_table)

        return Dispatching

    written = both(make, [[SQUARE, Shape("s"), lambda: SQUARE, {}.keys()]], protocol)
    assert_same(written)
    assert (cloudpickle_rs.loads(written[0])[0] == ("table", 3)) == bool(own)


def set_state_of_class(cls, state):
    cloudpickle_rs.cloudpickle._class_setstate(cls, state).state_set_here = True
    return cls


def test_a_copy_of_cloudpickle_can_set_the_state_of_classes_by_a_function_of_its_own(protocol):
    class Own(cloudpickle_rs.Pickler):
        _class_state_setter = staticmethod(set_state_of_class)

    class Thing:
        attribute = 1

    file = io.BytesIO()
    Own(file, protocol).dump([Thing, lambda: Thing])
    [copy, function] = pickle.loads(file.getvalue())
    assert copy.attribute == 1 and copy.state_set_here and function() is copy


def test_dispatch_table_of_copyreg_is_used(protocol):
    copyreg.pickle(Square, reduce_square)
    try:
        written = both(unchanged, [[SQUARE]], protocol)
    finally:
        del copyreg.dispatch_table[Square]
    assert_same(written)
    assert cloudpickle_rs.loads(written[0]) == [("table", 3)]


def test_extension_codes_are_written_and_read(protocol):
    codes = {"Shape": 1, "Square": 300, "Pair": 70000}
    for name, code in codes.items():
        copyreg.add_extension("importable", name, code)
    try:
        written = both(unchanged, [[Shape, Square, Pair(1, 2), Shape]], protocol)
        assert_same(written)
        assert cloudpickle_rs.loads(written[0]) == [Shape, Square, (1, 2), Shape]
    finally:
        for name, code in codes.items():
            copyreg.remove_extension("importable", name, code)


def cell_is_empty(cell):
    try:
        cell.cell_contents
    except ValueError:
        return True
    return False


def test_the_private_methods_for_functions_return_what_upstreams_do():
    captured = [1]

    def function(value, times=2):
        return [TEXT, captured] * times

    parts = []
    for kind in PICKLERS:
        pickler = kind(io.BytesIO())
        assert pickler._function_reduce(importable.double) is NotImplemented
        reduced = pickler._function_reduce(function)
        arguments = pickler._function_getnewargs(function)
        assert [type(part) for part in reduced[1]] == [type(part) for part in arguments]
        code, namespace, name, defaults, closure = arguments
        # the cells are filled later
        assert code is function.__code__ and [cell_is_empty(cell) for cell in closure] == [True]
        parts.append([reduced[0].__name__, reduced[2], reduced[5].__name__, namespace, name, defaults])
    assert parts[0] == parts[1]


def test_fast_writes_no_memo(protocol):
    written = []
    for kind in reversed(PICKLERS):
        file = io.BytesIO()
        pickler = kind(file, protocol)
        pickler.fast = True
        pickler.dump([TEXT, TEXT, (1, 2), {"k": [1]}])
        written.append(file.getvalue())
    assert_same(written)


def test_fast_ends_where_a_pickler_is_initialized_again():
    written = []
    for kind in reversed(PICKLERS):
        file = io.BytesIO()
        pickler = kind(file)
        pickler.fast = True
        pickler.__init__(file)
        pickler.dump([TEXT, TEXT])
        assert not pickler.fast
        written.append(file.getvalue())
    assert_same(written)


@pytest.mark.parametrize(("file", "protocol"), [(None, 7), (None, 4), (None, 5), (io.BytesIO(), 7), (io.BytesIO(), 4)])
def test_of_several_arguments_that_are_wrong_upstreams_first_is_told(file, protocol):
    for use in (lambda module: module.Pickler(file, protocol, print), lambda module: module.dump(1, file, protocol, print)):
        told = []
        for module in (cloudpickle_rs, cloudpickle):
            with pytest.raises((TypeError, ValueError)) as refused:
                use(module)
            told.append((refused.type, str(refused.value)))
        assert told[0] == told[1]


def test_the_memo_can_be_read_and_set():
    file = io.BytesIO()
    pickler = cloudpickle_rs.Pickler(file)
    pickler.dump(SQUARE)
    memo = pickler.memo.copy()
    assert any(entry[1] is SQUARE for entry in memo.values())
    other = cloudpickle_rs.Pickler(io.BytesIO())
    other.memo = pickler.memo
    assert other.memo.copy().keys() == memo.keys()


def test_a_subclass_may_override_dump(protocol):
    def make(base):
        class Counting(base):
            dumped = 0

            def dump(self, obj):
                Counting.dumped += 1
                return super().dump(obj)

        return Counting

    assert_same(both(make, [SQUARE, [SQUARE]], protocol))


def test_what_upstreams_pickler_has_ours_has():
    for name in ("dump", "clear_memo", "memo", "fast", "dispatch_table", "reducer_override", "proto", "globals_ref"):
        assert hasattr(cloudpickle_rs.Pickler(io.BytesIO()), name), name
    assert cloudpickle_rs.CloudPickler is cloudpickle_rs.Pickler


def test_an_object_that_pickles_itself_meanwhile_does_no_harm(protocol):
    class Reentrant:
        def __reduce__(self):
            cloudpickle_rs.dumps([Shape("inner"), lambda: 1])
            return Pair, (1, 2)

    assert cloudpickle_rs.loads(cloudpickle_rs.dumps([Reentrant()] * 3, protocol)) == [(1, 2)] * 3


def mutated(items, protocol):
    """Dumps a list that changes meanwhile: what comes out loads, or, as upstream does since 3.14, the change is told."""
    try:
        cloudpickle_rs.loads(cloudpickle_rs.dumps(items, protocol))
    except RuntimeError as error:
        assert "changed size during iteration" in str(error)


def test_a_list_that_grows_while_it_is_pickled_does_no_harm(protocol):
    class Grows:
        def __reduce__(self):
            if len(items) < 5000:
                items.append("more")
            return Pair, (1, 2)

    items = [Grows() for _ in range(10)]
    mutated(items, protocol)


@pytest.mark.parametrize("shrink", [list.clear, list.pop])
def test_a_list_that_shrinks_while_it_is_pickled_does_no_harm(shrink, protocol):
    class Shrinks:
        def __reduce__(self):
            if items:
                shrink(items)
            return Pair, (1, 2)

    items = [Shrinks() for _ in range(2000)]
    mutated(items, protocol)


def test_a_dict_that_changes_while_it_is_pickled_is_told(protocol):
    class Changes:
        def __reduce__(self):
            mapping[len(mapping)] = 1
            return Pair, (1, 2)

    mapping = {"a": Changes(), "b": 2, "c": 3}
    with pytest.raises(RuntimeError, match="changed size during iteration"):
        cloudpickle_rs.dumps(mapping, protocol)


def test_a_set_that_changes_its_size_is_told_in_pickles_words():
    changing = set()

    class Adds:
        def __reduce__(self):
            changing.add("another")
            return int, ()

    changing.add(Adds())
    with pytest.raises(RuntimeError, match="^set changed size during iteration$"):
        cloudpickle_rs.dumps(changing)


@pytest.mark.parametrize(
    ("class_name", "use", "error"),
    [
        ("Pickler", lambda pickler: pickler.dump(1), pickle.PicklingError),
        ("Unpickler", lambda unpickler: unpickler.load(), pickle.UnpicklingError),
    ],
    ids=["Pickler", "Unpickler"],
)
def test_a_subclass_that_starts_nothing_is_told_so(class_name, use, error):
    sub = type("Sub", (getattr(cloudpickle_rs, class_name),), {"__init__": lambda self: None})
    with pytest.raises(error, match=rf"^{class_name}\.__init__\(\) was not called by Sub\.__init__\(\)$"):
        use(sub())
