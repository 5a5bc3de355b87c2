"""Values share memory only when their lives do not meet; plans survive JSON."""

from __future__ import annotations

import json
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.plan import Argument, Call, Plan, dumps, lifetimes, place

lives = st.tuples(st.integers(-1, 20), st.integers(0, 10)).map(lambda t: (t[0], t[0] + t[1]))
values = st.lists(st.tuples(lives, st.integers(1, 1000)), max_size=20)


@given(values)
def test_neighbours_in_memory_never_live_together(drawn: list[tuple[tuple[int, int], int]]) -> None:
    named = {f"v{number}": value for number, value in enumerate(drawn)}
    sizes = {name: size for name, (_, size) in named.items()}
    buffers, places = place(sizes, {name: life for name, (life, _) in named.items()})
    assert places.keys() == named.keys()
    assert all(buffers[places[name]] >= size for name, size in sizes.items())
    assert sum(buffers) <= sum(sizes.values())
    for one, other in combinations(named, 2):
        (birth, death), (later, end) = named[one][0], named[other][0]
        if birth <= end and later <= death:
            assert places[one] != places[other]


def call(node: str, *operands: str) -> Call:
    arguments = (Argument("value", name, (2, 3), "float32") for name in (*operands, node))
    return Call((node,), f"kernel of {node}", tuple(arguments))


def test_a_chain_needs_two_buffers() -> None:
    calls = [call("a", "x"), call("b", "a"), call("c", "b"), call("d", "c")]
    lives = lifetimes(calls, ["x"], ["d"])
    assert lives == {"x": (-1, 0), "a": (0, 1), "b": (1, 2), "c": (2, 3), "d": (3, 4)}
    buffers, places = place(dict.fromkeys(lives, 24), lives)
    assert buffers == (24, 24)
    assert places["x"] == places["b"] == places["d"]


def test_inputs_and_outputs_keep_their_place() -> None:
    """An output that is an input, one that nobody reads, and an input that nobody reads."""
    calls = [call("a", "x"), call("b", "a"), call("c", "b")]
    lives = lifetimes(calls, ["x", "unread"], ["x", "a"])
    assert lives["x"] == (-1, 3)
    assert lives["a"] == (0, 3)
    _, places = place(dict.fromkeys(lives, 8), lives)
    assert len({places[name] for name in ("x", "a", "b")}) == 3
    assert len({places[name] for name in ("x", "unread")}) == 2


def test_a_plan_survives_json() -> None:
    packing = Packing((4, 3), (4, 4), (2, 2, 4), (0, 2, 1), "int16")
    weights = Argument("constant", "w", packing.stored, "int16", packing)
    packed = Call(("a", "b"), "kernel", (weights, *call("b", "a").arguments))
    plan = Plan((call("a", "x"), packed), (64, 128), {"x": 0, "a": 1}, {'y "quoted"': "x"})
    assert Plan.from_json(json.loads(dumps(plan.to_json()))) == plan
    empty = Plan((), (), {}, {})
    assert Plan.from_json(json.loads(dumps(empty.to_json()))) == empty
