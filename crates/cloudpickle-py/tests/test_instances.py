"""Instances that `object.__reduce_ex__` reduces: the second of a class is pickled by what the first one showed of the class."""

import copyreg
import pickle
import sys
import types

import cloudpickle
import pytest

import cloudpickle_rs


class Point:
    def __init__(self, x=1, y="two"):
        self.x, self.y = x, y


class Slots:
    __slots__ = ("x", "y")

    def __init__(self, x=1):
        self.x = x


class SlotsAndDict(Point):
    __slots__ = ("z",)


class OwnState:
    __slots__ = ("x",)

    def __init__(self, x=1):
        self.x = x

    def __getstate__(self):
        return self.x, "own"

    def __setstate__(self, state):
        self.x, _ = state


class OwnStateAndDict(Point):
    def __getstate__(self):
        return {"x": self.x, "own": True}


class Empty:
    pass


class List(list):
    def __init__(self):
        super().__init__("ab")
        self.extra = self


class Meta(type):
    pass


class WithMeta(Point, metaclass=Meta):
    pass


KINDS = [Point, Slots, SlotsAndDict, OwnState, OwnStateAndDict, Empty, List, WithMeta]


def fresh(base):
    """A new class like `base`, importable under a name of its own, of which nothing is known."""
    name = f"fresh_{len(vars(sys.modules[__name__]))}"
    made = types.new_class(name, (base,), {"metaclass": type(base)}, lambda namespace: namespace.update(__module__=__name__))
    setattr(sys.modules[__name__], name, made)
    return made


def assert_same(objects):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for _ in range(2):
            assert outcome(cloudpickle_rs.dumps, objects, protocol) == outcome(cloudpickle.dumps, objects, protocol)


def outcome(dumps, objects, protocol):
    try:
        return dumps(objects, protocol)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_many_instances_are_pickled_as_upstream_does(kind):
    objects = [kind() for _ in range(5)]
    objects.append(objects[0])
    if hasattr(objects[0], "__dict__"):
        objects[1].itself = objects[1]
        objects[2].first = objects[0]
        objects[3].__dict__.clear()
    assert_same(objects)
    assert_same([fresh(kind)() for _ in range(2)])


@pytest.mark.parametrize("name", ["__reduce_ex__", "__reduce__", "__getnewargs__", "__getnewargs_ex__", "__getstate__"])
@pytest.mark.parametrize("kind", [Point, OwnStateAndDict, SlotsAndDict], ids=lambda kind: kind.__name__)
def test_what_an_instance_has_in_place_of_its_class_is_asked(kind, name):
    answers = {
        "__reduce_ex__": lambda protocol: (complex, (1, 2)),
        "__reduce__": lambda: (complex, (1, 2)),
        "__getnewargs__": lambda: (),
        "__getnewargs_ex__": lambda: ((), {}),
        "__getstate__": lambda: {"other": 1},
    }
    known, other = kind(), kind()
    assert_same([known])
    # what answers is pickled too, as an attribute
    other.__dict__[name] = Answer(answers[name])
    assert_same([known, other, known])


class Answer:
    """Calls a function, and is pickled as a string."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        return self.function(*args)

    def __reduce__(self):
        return str, ("an answer",)


def set_on_class(name, value):
    return lambda kind: setattr(kind, name, value)


def set_on_base(name, value):
    def change(kind):
        setattr(kind.__bases__[0], name, value)

    return change


def register(kind):
    copyreg.pickle(kind, lambda instance: (complex, (3, 4)))


CHANGES = {
    "reduce_ex": set_on_class("__reduce_ex__", lambda self, protocol: (complex, (protocol, 2))),
    "reduce": set_on_class("__reduce__", lambda self: (complex, (1, 2))),
    "getnewargs": set_on_class("__getnewargs__", lambda self: ()),
    "getnewargs_ex": set_on_class("__getnewargs_ex__", lambda self: ((), {})),
    "getstate": set_on_class("__getstate__", lambda self: "state"),
    "slots": set_on_class("__slotnames__", ["x"]),
    "getattribute": set_on_class("__getattribute__", lambda self, name: object.__getattribute__(self, name)),
    "getattr": set_on_class("__getattr__", lambda self, name: (lambda: ()) if name == "__getnewargs__" else getattr([], name)),
    "base": set_on_base("__reduce__", lambda self: (complex, (5, 6))),
    "registered": register,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", [Point, OwnState, Slots], ids=lambda kind: kind.__name__)
def test_a_class_that_changes_is_looked_at_again(kind, change):
    known = fresh(fresh(kind))
    objects = [known() for _ in range(3)]
    assert_same(objects)
    try:
        CHANGES[change](known)
        assert_same(objects)
    finally:
        copyreg.dispatch_table.pop(known, None)


def test_a_class_that_becomes_one_of_another_metaclass_is_looked_at_again():
    class Other(Meta):
        def __getattribute__(cls, name):
            if name == "__reduce__":
                return "not that of object"
            return super().__getattribute__(name)

    kind = fresh(WithMeta)
    objects = [kind(), kind()]
    assert_same(objects)
    kind.__reduce__ = lambda self: (complex, (7, 8))
    assert_same(objects)
    del kind.__reduce__
    assert_same(objects)
    kind.__class__ = Other
    assert_same(objects)


def test_an_instance_that_becomes_one_of_another_class_is_pickled_as_one_of_that():
    first, other = fresh(Point), fresh(OwnStateAndDict)
    objects = [first(), first()]
    assert_same(objects)
    objects[0].__class__ = other
    assert_same(objects)


def test_a_state_that_raises_is_told_as_it_was():
    class Raises(Exception):
        pass

    def raises(self):
        raise Raises

    kind = fresh(OwnState)
    objects = [kind(), kind()]
    assert_same(objects)
    kind.__getstate__ = raises
    with pytest.raises(Raises):
        cloudpickle_rs.dumps(objects)


def answering_for_classes(answer):
    class Other(Meta):
        @property
        def __reduce__(cls):
            return answer

    return Other


@pytest.mark.parametrize("answer", ["not that of object", object.__reduce__], ids=["another", "the same"])
def test_a_metaclass_that_says_what_the_reducer_of_a_class_is_is_asked(answer):
    kind = fresh(types.new_class("Base", (Point,), {"metaclass": answering_for_classes(answer)}))
    assert_same([kind(), kind()])
    other = fresh(WithMeta)
    objects = [other(), other()]
    assert_same(objects)
    type(other).__reduce__ = property(lambda cls: answer)
    try:
        assert_same(objects)
    finally:
        del type(other).__reduce__


@pytest.mark.parametrize("attributes", [{"y": 2}, (), (1,), 3, None], ids=repr)
@pytest.mark.parametrize("slots", [{}, {"__slots__": ()}], ids=["attributes", "slots"])
def test_what_stands_in_for_the_attributes_of_an_instance_is_its_state(slots, attributes):
    namespace = {"__dict__": property(lambda self: attributes), **slots}
    standing_in = types.new_class("StandingIn", (Slots,), {}, lambda made: made.update(namespace))
    kind = fresh(types.new_class("Below", (standing_in,), {}, lambda made: made.update(slots)))
    objects = [kind(), kind(), kind()]
    objects[0].x = "another"
    if not slots:
        setattr(objects[1], "__getstate__", Answer(lambda: {"other": 1}))
    assert_same(objects)


@pytest.mark.parametrize("name", ["__reduce_ex__", "__getnewargs_ex__", "__getnewargs__", "__getstate__"])
@pytest.mark.parametrize("kind", [Point, property, types.ModuleType], ids=lambda kind: kind.__name__)
def test_an_instance_that_answers_for_itself_shows_nothing_of_the_others(kind, name):
    answer = {"__reduce_ex__": (complex, (1, 2)), "__getnewargs_ex__": ((), {})}.get(name, ())
    kind = fresh(kind)
    arguments = ("name",) if issubclass(kind, types.ModuleType) else ()
    first, other = kind(*arguments), kind(*arguments)
    first.__dict__[name] = Answer(lambda *_: answer)
    assert_same([first])
    assert_same([first, other])


def test_an_instance_that_becomes_one_of_another_class_while_its_state_is_asked_for_is_refused():
    class Turning(Slots):
        __slots__ = ()
        turns = False

        def __getstate__(self):
            if Turning.turns:
                self.__class__ = other
            return "state"

    kind = fresh(Turning)
    other = fresh(Turning)
    assert_same([kind(), kind()])
    Turning.turns = True
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        by_upstream = outcome(cloudpickle.dumps, kind(), protocol)
        assert outcome(cloudpickle_rs.dumps, kind(), protocol) == by_upstream
        assert by_upstream[0] is pickle.PicklingError
