"""The words of a graph's text; tests of `parse` hold how whole lines are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from sightline.ir.errors import UserError
from sightline.ir.tokens import Line, parse_element, read_type
from sightline.ir.types import Element, TensorType
from tests.support.examples import examples
from tests.support.strange_graphs import elements, types


@examples(100)
@given(elements)
def test_any_element_reads_back(element: Element) -> None:
    assert parse_element(str(element)) == element


@examples(100)
@given(types)
def test_any_type_reads_back(type_: TensorType) -> None:
    line = Line(str(type_))
    assert read_type(line) == type_
    line.end()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected something, found the end of the line."),
        ("f64", "'f64' is no element type."),
        ("i8 i8", "did not expect 'i8'."),
        ("i8[3]", "did not expect '['."),
        ("u0", "an integer has 1 to 64 bits, not 0."),
        ("quant(i8,0x1p0,300)", "zero point 300 lies outside i8."),
        ("i8 #", "column 4 holds '#'."),
    ],
)
def test_other_elements_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(reason)}$"):
        parse_element(text)


def test_words_of_a_line_one_by_one() -> None:
    line = Line('y = "a \\"b" (0x1.8p-3, -7) {')
    assert [line.name(), line.take("="), line.name(), line.take()] == ["y", "=", 'a "b', "("]
    assert line.accept("(") is False
    assert [line.take(), line.take(","), line.integer(), line.take(")")] == [
        "0x1.8p-3",
        ",",
        -7,
        ")",
    ]
    assert line.accept("{")
    line.end()
