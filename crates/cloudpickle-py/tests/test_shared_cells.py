"""Closure cells that functions share, over the ways to dump; what copies do in other processes is in `scripts/shared_cells.py`."""

import io
import pickle

import cloudpickle
import cloudpickle_rs
import pytest
from oracle import first_difference

LOADERS = [pickle.loads, cloudpickle_rs.loads]


def make_counter(n=0):
    def up():
        nonlocal n
        n += 1
        return n

    def get():
        return n

    return up, get


class Reducing(cloudpickle_rs.Pickler):
    def reducer_override(self, obj):
        return super().reducer_override(obj)


class WithIds(cloudpickle_rs.Pickler):
    def persistent_id(self, obj):
        return None


def dumped(pickler_class, obj, protocol):
    file = io.BytesIO()
    pickler_class(file, protocol).dump(obj)
    return file.getvalue()


@pytest.mark.parametrize("loads", LOADERS, ids=["pickle", "ours"])
@pytest.mark.parametrize("pickler_class", [cloudpickle_rs.Pickler, Reducing, WithIds])
def test_functions_share_after_loading(pickler_class, loads, protocol):
    up, get = loads(dumped(pickler_class, make_counter(5), protocol))
    assert (up(), get(), up(), get()) == (6, 6, 7, 7)
    assert up.__closure__[0] is get.__closure__[0]


def test_a_hook_for_persistent_ids_changes_no_bytes(protocol):
    counter = make_counter()
    assert dumped(WithIds, counter, protocol) == dumped(cloudpickle_rs.Pickler, counter, protocol)


def test_a_function_that_shares_with_none_in_the_pickle_has_upstreams_bytes(protocol):
    up, get = make_counter()
    for obj in (up, get, [up, up], [make_counter()[0], make_counter()[0]], [up, up.__closure__[0]]):
        assert first_difference(cloudpickle_rs.dumps(obj, protocol), cloudpickle.dumps(obj, protocol)) is None


def test_functions_of_two_dumps_of_one_pickler_share(protocol):
    file = io.BytesIO()
    pickler = cloudpickle_rs.Pickler(file, protocol)
    up, get = make_counter()
    pickler.dump(up)
    pickler.dump(get)
    for unpickler_class in (pickle.Unpickler, cloudpickle_rs.Unpickler):
        file.seek(0)
        unpickler = unpickler_class(file)
        up = unpickler.load()
        assert (up(), up()) == (1, 2)
        get = unpickler.load()
        assert get() == 2, "the second pickle undid what happened since the first"
        assert (up(), get()) == (3, 3)


def test_a_cleared_memo_is_cleared_of_cells_too(protocol):
    counter = make_counter(1)
    for clear in (cloudpickle_rs.Pickler.clear_memo, lambda pickler: pickler.memo.clear(), lambda pickler: setattr(pickler, "memo", {})):
        file = io.BytesIO()
        pickler = cloudpickle_rs.Pickler(file, protocol)
        pickler.dump(counter)
        clear(pickler)
        start = file.tell()
        pickler.dump(counter)
        up, get = pickle.loads(file.getvalue()[start:])
        assert (up(), get()) == (2, 2)


def test_what_is_called_while_loading_finds_its_cells_filled(protocol):
    class Calls:
        def __init__(self, function):
            self.function = function

        def __reduce__(self):
            return apply, (self.function,)

    up, get = make_counter(7)
    called = Calls(get)

    def keep():
        return up(), called

    for loads in LOADERS:
        assert loads(cloudpickle_rs.dumps(keep, protocol))() == (8, 7)


def apply(function):
    return function()


def test_a_failed_dump_leaves_cells_that_the_next_can_use(protocol):
    file = io.BytesIO()
    pickler = cloudpickle_rs.Pickler(file, protocol)
    up, get = make_counter(3)
    get.lock = (i for i in ())
    with pytest.raises(TypeError):
        pickler.dump([up, get])
    del get.lock
    pickler.clear_memo()
    pickler.dump([up, get])
    copies = pickle.loads(file.getvalue())
    assert (copies[0](), copies[1]()) == (4, 4)


def test_ten_thousand_functions_on_one_cell(protocol):
    n = 1
    functions = [lambda: n for _ in range(10_000)]
    copies = cloudpickle_rs.loads(cloudpickle_rs.dumps(functions, protocol))
    assert len({id(copy.__closure__[0]) for copy in copies}) == 1
    assert copies[-1]() == 1
