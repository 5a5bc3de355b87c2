"""Precisions are read from words, hold for layers and modules, and are named in errors."""

from __future__ import annotations

import pytest

from sightline.ir.errors import UserError
from sightline.ir.graph import Node
from sightline.passes.precision import FLOAT, INT8, INT16, Q8_8, Precisions
from tests.support.pass_checks import graph_of

NET = graph_of("""
    x = input : f32[2]
    head = relu(x) : f32[2] in features.0
    headless = relu(head) : f32[2] in features.1
    y = relu(headless) : f32[2] in classifier
    return y=y
""")


def test_words_are_a_default_and_layers() -> None:
    assert Precisions.parse("int16") == Precisions(INT16)
    assert Precisions.parse(()) == Precisions(INT8)
    found = Precisions.parse(["head=float", "q8.8", "a=b=int16"])
    assert found == Precisions(Q8_8, (("head", FLOAT), ("a=b", INT16)))
    assert Precisions.parse(str(found).split(",")) == found


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["head=int16"], (INT16, INT8, INT8)),
        (["features=int16"], (INT16, INT16, INT8)),
        (["features.1=int16"], (INT8, INT16, INT8)),
        (["features=int16", "head=float"], (FLOAT, INT16, INT8)),
        (["head=float", "features=int16"], (INT16, INT16, INT8)),
        (["classifier=float", "int16"], (INT16, INT16, FLOAT)),
    ],
    ids=lambda words: ",".join(words) if isinstance(words, list) else "",
)
def test_the_last_that_names_a_layer_or_its_module_holds(
    words: list[str], wanted: tuple[object, ...]
) -> None:
    precisions = Precisions.parse(words)
    precisions.require_layers(NET)
    assert tuple(map(precisions.of, NET.operations)) == wanted


def test_the_beginning_of_a_name_is_no_name() -> None:
    assert Precisions.parse("feat=int16").of(NET["head"]) == INT8
    assert Precisions.parse("head=int16").of(NET["headless"]) == INT8
    inner = Node("head.exact", NET["head"].op, ("x",), NET["head"].type)
    assert Precisions.parse("head=int16").of(inner) == INT16


@pytest.mark.parametrize("word", ["int7", "head=int4", "head=", "=", ""])
def test_an_unknown_precision_is_told_with_those_there_are(word: str) -> None:
    with pytest.raises(UserError, match=r"no precision '.*'.*int8, int16, q8.8, float"):
        Precisions.parse([word])


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("haed", "Did you mean head"),
        ("features.2", "Did you mean features.[01]"),
        ("zzz", "'sight"),
    ],
)
def test_an_unknown_layer_is_told_with_those_of_like_names(name: str, guess: str) -> None:
    with pytest.raises(UserError, match=f"for '{name}', which is no layer of net. {guess}"):
        Precisions.parse([f"{name}=int16"]).require_layers(NET)


def test_inputs_and_constants_are_no_layers() -> None:
    with pytest.raises(UserError, match="'x', which is no layer"):
        Precisions.parse("x=int16").require_layers(NET)
