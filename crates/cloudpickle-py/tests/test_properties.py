"""Generated object graphs, compared with upstream's bytes and with what `pickle` makes of them."""

import pickle
import types

import cloudpickle
import pytest
from oracle import compare

import cloudpickle_rs
import upstream

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

# The same examples in every run: a failure is shown with the recipe that leads to it.
checked = hypothesis.settings(
    max_examples=400,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-300, 300),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.binary(max_size=300),
    st.sampled_from(["name", "value", "self", "\ud800", 2**31, len, int, ...]),
)
# A node: its kind, atoms for it to hold, and which nodes made before it, by their numbers, it holds too.
kinds = ["list", "tuple", "dict", "set", "frozenset", "instance", "function", "class", "method", "cell"]
nodes = st.tuples(st.sampled_from(kinds), st.lists(atoms, max_size=4), st.lists(st.integers(0, 30), max_size=4))
recipes = st.lists(nodes, min_size=1, max_size=12)
# pairs of nodes of which the first, where it can change, comes to hold the second
cycles = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5)
protocols = st.integers(0, 5)


def make_function(held, module):
    c0, c1 = (held + [None, None])[:2]
    names = {"__name__": module}

    def function(a=held, *, k=None):
        """Generated."""
        return c0, c1, g0, g1, a, k  # noqa: F821

    code = function.__code__.replace(co_name=f"function{len(held)}")
    names.update(g0=held[:1], g1=held[-1:], unused=object())
    made = types.FunctionType(code, names, code.co_name, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = {"k": tuple(held)}
    made.note = held
    return made


def make(kind, held, made):
    """An object of a kind that holds what it is given, as far as it can."""
    if kind in ("set", "frozenset"):
        return {"set": set, "frozenset": frozenset}[kind](item for item in held if not hasattr(type(item), "__dict__") and hashable(item))
    if kind == "dict":
        return {index if index % 2 else f"key{index}": item for index, item in enumerate(held)}
    if kind == "function":
        return make_function(held, "generated")
    if kind == "class":
        names = {f"attribute{index}": item for index, item in enumerate(held)}
        return type(f"Class{len(made)}", (), dict(names, __module__="generated", method=make_function([len(held)], "generated")))
    if kind == "instance":
        classes = [one for one in made if isinstance(one, type)] or [make("class", [], made)]
        instance = object.__new__(classes[-1])
        vars(instance).update((f"field{index}", item) for index, item in enumerate(held))
        return instance
    if kind == "method":
        return types.MethodType(make_function([], "generated"), held[0] if held and held[0] is not None else 1)
    if kind == "cell":
        return types.CellType(*held[:1])
    return {"list": list, "tuple": tuple}[kind](held)


def hashable(item):
    try:
        hash(item)
    except TypeError:
        return False
    return True


def build(recipe, links):
    """The list of the objects that a recipe tells to make."""
    made = []
    for kind, own, others in recipe:
        made.append(make(kind, own + [made[number % len(made)] for number in others if made], made))
    for number, other in links:
        holder, item = made[number % len(made)], made[other % len(made)]
        if isinstance(holder, list):
            holder.append(item)
        elif isinstance(holder, dict):
            holder["link"] = item
        elif isinstance(holder, types.FunctionType):
            holder.link = item
    return made


def described(root):
    """A description of a graph that is equal for equal graphs, shared and cyclic in the same places."""
    numbers, queue, lines = {}, [root], []

    def ref(item):
        if item is None or isinstance(item, (bool, int, float, str, bytes, types.BuiltinFunctionType, type(...))) or item is int:
            return repr(item)
        if id(item) not in numbers:
            numbers[id(item)] = len(numbers)
            queue.append(item)
        return numbers[id(item)]

    numbers[id(root)] = 0
    for item in queue:
        kind = type(item)
        if isinstance(item, type):
            own = {name: value for name, value in vars(item).items() if name not in ("__dict__", "__weakref__", "__doc__")}
            parts = [item.__name__, *((name, ref(own[name])) for name in sorted(own) if not name.startswith("__static"))]
        elif kind in (list, tuple):
            parts = [ref(part) for part in item]
        elif kind in (set, frozenset):
            parts = sorted(map(repr, item))
        elif kind is dict:
            parts = [(repr(key), ref(value)) for key, value in item.items()]
        elif kind is types.FunctionType:
            names = item.__globals__
            parts = [item.__code__.co_name, item.__code__.co_code, item.__doc__, item.__module__]
            parts += [ref(part) for part in (item.__defaults__, item.__kwdefaults__, vars(item), names.get("g0"), names.get("g1"))]
            parts += [ref(cell.cell_contents) for cell in item.__closure__ or ()]
        elif kind is types.MethodType:
            parts = [ref(item.__func__), ref(item.__self__)]
        elif kind is types.CellType:
            try:
                parts = [ref(item.cell_contents)]
            except ValueError:
                parts = ["empty"]
        else:
            parts = [ref(kind), ref(vars(item))]
        lines.append((kind.__name__, parts))
    return lines


@checked
@hypothesis.given(recipes, cycles, protocols)
def test_graphs_have_upstreams_bytes_and_their_copies_are_the_same(recipe, links, protocol):
    made = build(recipe, links)
    ours, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, made, protocol)
    assert difference is None, difference
    if isinstance(ours, bytes):
        # before they are loaded: classes are tracked, so that the copies' are the very ones, with what the copies hold
        original = described(made)
        assert described(cloudpickle_rs.loads(ours)) == original
        assert described(pickle.loads(ours)) == original


@checked
@hypothesis.given(st.recursive(atoms, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=60), protocols)
def test_plain_data_is_what_pickle_makes_of_it(value, protocol):
    data = cloudpickle_rs.dumps(value, protocol)
    # PyPy's own pickler has another form for large ints
    assert upstream.PYPY or data == pickle.dumps(value, protocol)
    assert described([cloudpickle_rs.loads(data)]) == described([pickle.loads(data)]) == described([value])


@checked
@hypothesis.given(st.binary(max_size=60), protocols)
def test_noise_raises_no_other_error_than_pickle_may(noise, protocol):
    """What is written before the noise gives it a stack and a memo to work on."""
    start = cloudpickle_rs.dumps([1, "text", {"k": (2, 3)}], protocol)[:-1]
    try:
        cloudpickle_rs.loads(start + noise)
    except Exception as error:
        assert not isinstance(error, (SystemError, MemoryError)), repr(error)
