"""Instances of classes of `__main__` that say how they are pickled."""

import collections
import copyreg

import importable
from zoo import case, finish


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Reduces:
    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return Reduces, (self.x + 1,)


class ReducesEx:
    def __init__(self, protocol=None):
        self.protocol = protocol

    def __reduce_ex__(self, protocol):
        return ReducesEx, (protocol,)


class ReducesToCall:
    def __reduce__(self):
        return importable.make_adder(1), (1,)


class Getstate:
    def __init__(self):
        self.kept, self.dropped = "kept", "dropped"

    def __getstate__(self):
        return {"kept": self.kept}


class Setstate:
    def __init__(self, x):
        self.x = x

    def __getstate__(self):
        return ("state", self.x)

    def __setstate__(self, state):
        self.x = state
        self.restored = True


class FalseState:
    def __getstate__(self):
        return 0

    def __setstate__(self, state):
        self.restored = state


class NoneState(FalseState):
    def __getstate__(self):
        return None


class Newargs(tuple):
    def __new__(cls, first, second):
        made = super().__new__(cls, (first, second))
        made.how = "new"
        return made

    def __getnewargs__(self):
        return (self[0], self[1])


class NewargsEx:
    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls)
        made.args, made.kwargs = args, kwargs
        return made

    def __getnewargs_ex__(self):
        return ("positional",), {"keyword": [1]}


class SlotState:
    __slots__ = ("a", "__dict__")

    def __init__(self):
        self.a, self.b = 1, 2


class ByCopyreg:
    def __init__(self, x):
        self.x = x


def make_by_copyreg(x):
    return ByCopyreg(("copyreg", x))


copyreg.pickle(ByCopyreg, lambda obj: (make_by_copyreg, (obj.x,)))


def make_box(*args):
    return Box(*args)


def set_box_state(box, state):
    box.how = "setter", state


class Box:
    """Appends, sets items, has state: what a tuple of six can say."""

    parts = (None, None, None, None)

    def __init__(self, *args):
        self.args, self.items, self.pairs = args, [], {}

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        for item in items:
            self.append(item)

    def __setitem__(self, key, value):
        self.pairs[key] = value

    def __reduce__(self):
        state, items, pairs, setter = self.what
        return (make_box, (1, 2), state, items and iter(items), pairs and iter(pairs), setter)


def box(state=None, items=None, pairs=None, setter=None):
    made = Box()
    made.what = (state, items, pairs, setter)
    return made


class ListWithState(list):
    def __init__(self, items, label):
        super().__init__(items)
        self.label = label


class DictWithState(dict):
    pass


class Counting(collections.Counter):
    pass


class Ordered(collections.OrderedDict):
    pass


class Queue(collections.deque):
    pass


class Defaults(collections.defaultdict):
    pass


class SetWithState(set):
    pass


class FrozenWithState(frozenset):
    pass


class Bytes(bytes):
    pass


class Array(bytearray):
    pass


class Float(float):
    pass


class Complex(complex):
    pass


class Callable:
    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        return self.function(self, *args)


class ReducedSubclass(Reduces):
    pass


loop = Plain(name="loop")
loop.me = loop
loop.list = [loop, {"loop": loop}]
recursive_list = ListWithState([1], "label")
recursive_list.append(recursive_list)
with_state = DictWithState(a=1)
with_state.note = with_state
shared = Plain(x=1)
reducing_cycle = box(state={"later": None})
reducing_cycle.what[0]["later"] = reducing_cycle
callable_cycle = Callable(lambda self, x: (self.factor * x, self))
callable_cycle.factor = 3
set_with_state = SetWithState({1, 2})
set_with_state.note = "note"

case("Plain", Plain(a=1, b=[2], c=None), "vars(copy) == {'a': 1, 'b': [2], 'c': None}")
case(
    "strange attribute names",
    Plain(**{"with space": 1, "\u20ac": 2, "": 3}),
    "vars(copy) == {'with space': 1, '\u20ac': 2, '': 3}",
)
case("many attributes", Plain(**{f"a{i}": i for i in range(2001)}), "copy.a2000 == 2000", "len(vars(copy)) == 2001")
case("Reduces", Reduces(1), "copy.x == 2")
case("ReducesEx", ReducesEx(), "copy.protocol in range(6)")
case("ReducesToCall", ReducesToCall(), "copy == 2")
case("Getstate", Getstate(), "copy.kept == 'kept' and not hasattr(copy, 'dropped')")
case("Setstate", Setstate([1]), "copy.x == ('state', [1]) and copy.restored")
case("FalseState", FalseState(), "getattr(copy, 'restored', 'unset') in (0, 'unset')")
case("NoneState", NoneState(), "not hasattr(copy, 'restored')")
case("Newargs", Newargs(1, 2), "copy == (1, 2)", "copy.how == 'new'")
case("NewargsEx", NewargsEx(), "copy.args in ((), ('positional',))")
case("SlotState", SlotState(), "(copy.a, copy.b) == (1, 2)")
case("ByCopyreg", ByCopyreg(1), "copy.x == ('copyreg', 1)")
case("box: nothing more", box(), "copy.args == (1, 2) and copy.items == [] and copy.pairs == {}")
case("box: state", box(state={"how": "dict"}), "copy.how == 'dict'")
case("box: slot state", box(state=(None, {"how": "slots"})), "copy.how == 'slots'")
case("box: both states", box(state=({"a": 1}, {"b": 2})), "(copy.a, copy.b) == (1, 2)")
case("box: state with a setter", box(state="a state", setter=set_box_state), "copy.how == ('setter', 'a state')")
case("box: no state with a setter", box(setter=set_box_state), "not hasattr(copy, 'how')")
for n in (1, 2, 999, 1000, 1001, 2001):
    case(f"box: {n} items", box(items=range(n)), f"copy.items == list(range({n}))")
    case(f"box: {n} pairs", box(pairs=[(i, -i) for i in range(n)]), f"copy.pairs == {{i: -i for i in range({n})}}")
case("box: all at once", box({"s": 1}, ["i"], [("k", "v")]), "(copy.s, copy.items, copy.pairs) == (1, ['i'], {'k': 'v'})")
case("box: a cycle through its state", reducing_cycle, "copy.later is copy")
case("box: a cycle through its items", (lambda b: (b.what[1].append(b), b)[1])(box(items=[])), "copy.items[0] is copy")
case("ListWithState", ListWithState([1, 2], "label"), "copy == [1, 2] and copy.label == 'label'")
case("a list that holds itself", recursive_list, "copy[1] is copy and copy.label == 'label'")
case("a dictionary whose attribute is itself", with_state, "copy == {'a': 1} and copy.note is copy")
case("SetWithState", set_with_state, "copy == {1, 2} and copy.note == 'note'")
case("FrozenWithState", FrozenWithState([1]), "copy == {1}")
case("Counting", Counting("hello"), "copy['l'] == 2")
case("Ordered", Ordered([("b", 1), ("a", 2)]), "list(copy.items()) == [('b', 1), ('a', 2)]")
case("Queue", Queue([1, 2], 5), "list(copy) == [1, 2] and copy.maxlen == 5")
case("Defaults", Defaults(list, {"a": [1]}), "copy['a'] == [1] and copy['b'] == []")
case("Defaults of a lambda", Defaults(lambda: "new", {}), "copy['any'] == 'new'")
case(
    "Bytes and Array",
    [Bytes(b"b"), Array(b"a")],
    "copy == [b'b', b'a']",
    "[type(c).__name__ for c in copy] == ['Bytes', 'Array']",
)
case(
    "Float and Complex",
    [Float(1.5), Complex(1, 2)],
    "copy == [1.5, 1 + 2j]",
    "[type(c).__name__ for c in copy] == ['Float', 'Complex']",
)
case("an instance that refers to itself", loop, "copy.me is copy and copy.list[0] is copy and copy.list[1]['loop'] is copy")
case("one instance in many places", [shared, (shared, {"s": shared})], "copy[0] is copy[1][0] is copy[1][1]['s']")
case("Callable", Callable(lambda self, x: x + 1), "copy(1) == 2")
case("an instance that holds a function that is given it", callable_cycle, "copy(2) == (6, copy)")
case("ReducedSubclass", ReducedSubclass(1), "type(copy).__name__ == 'Reduces' and copy.x == 2")
case("classes in a mix", [Plain, Plain(x=Plain), Reduces(Reduces and 1)], "copy[1].x is copy[0]")
case("1000 instances", [Plain(i=i) for i in range(1000)], "[o.i for o in copy] == list(range(1000))")
finish()
