"""Reading text: what the grammar forgives, and what it refuses, with the line and the reason."""

from __future__ import annotations

import contextlib
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pooling import LPPool
from sightline.ir.parse import parse
from sightline.ir.table import Table
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Int, Quant, TensorType
from sightline.ir.window import Window
from tests.support.examples import examples
from tests.support.strange_graphs import graphs

VALID = """
graph net
x = input : f32[1,2,4,4]
w = const [0.5, -1, 2e-3, 1.0, 0.0, 0.0, 0.0, 3] : f32[2,2,2]
c = conv(x, w, kernel=[2, 2], maps=[2, 2], groups=2) : f32[1,2,3,3] in "features.0"
p = pad(c, pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="edge") : f32[1,2,5,5]
q = input : quant(i8,0x1.8p-3,-7)[3]
return scores=p, "raw codes"=q
"""


def parse_node(line: str, **constants: Constant) -> Graph:
    """A graph of an input and this one line, which is the third."""
    return parse(f"graph g\nx = input : f32[1,2,4,4]\n{line}\nreturn y=y\n", constants)


def test_reads_a_graph() -> None:
    graph = parse(VALID)
    assert graph.name == "net"
    assert [node.name for node in graph.nodes] == ["x", "w", "c", "p", "q"]
    assert graph["c"].op == Conv(Window((2, 2)), Table.grouped(2, 2, 2))
    assert graph["c"].inputs == ("x", "w")
    assert graph["c"].instance == "features.0"
    assert graph["q"].type == TensorType((3,), Quant(Int(8), 0.1875, -7))
    assert [(out.label, out.node) for out in graph.outputs] == [("scores", "p"), ("raw codes", "q")]


def test_forgives_spacing_and_blank_lines() -> None:
    loose = VALID.replace(", ", " ,\t").replace(" = ", "=").replace("\n", "  \n\n")
    assert parse(loose) == parse(VALID)


def test_whole_numbers_do_for_floats() -> None:
    assert parse_node("y = lp_pool(x, kernel=[2, 2], p=3) : f32[1,2,3,3]")["y"].op == LPPool(
        Window((2, 2)), 3.0
    )


def test_reads_constants_by_hash() -> None:
    constant = Constant(np.arange(40, dtype=np.int32))
    line = f"y = const @{constant.key} : i32[40]"
    assert parse_node(line, **{constant.key: constant})["y"].op == Const(constant)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("y", "expected '=', found the end of the line."),
        ("y = relu", "expected '(', found the end of the line."),
        ("y = relu(x", "expected ',', found the end of the line."),
        ("y = relu(x : f32[1]", "expected ',', found ':'."),
        ("y = relu(x) f32[1]", "expected ':', found 'f32'."),
        ("y = relu(x) : f32", "expected '[', found the end of the line."),
        ("y = relu(x) : f32[1,2", "expected something, found the end of the line."),
        ("y = relu(x) : f32[1,2] now", "did not expect 'now'."),
        ("y = relu(x) : f33[1]", "'f33' is no element type."),
        ("y = relu(x) : i65[1]", "an integer has 1 to 64 bits, not 65."),
        ("y = relu(x) : f32[1,b]", "expected a whole number, found 'b'."),
        ("y = relu(x) : f32[1,0]", "every size of a shape is at least 1, not [1, 0]."),
        (
            "y = relu(x) : f32[99999999999]",
            "a value of shape [99999999999] has 99999999999 elements, and the most that are "
            "supported is 2147483648.",
        ),
        ("y = rellu(x) : f32[1]", "no op is named 'rellu'."),
        ("y = relu([) : f32[1]", "expected a name, found '['."),
        ("y = relu(x) : f32[1] in (", "expected a name, found '('."),
        ("y = relu(x, slope=1) : f32[1]", "relu has no attribute slope."),
        ("y = clip(x, low=1, low=2) : f32[1]", "the attribute low is given twice."),
        ('y = clip(x, low="1") : f32[1]', "clip cannot have low='1'."),
        ("y = clip(x, low=true) : f32[1]", "clip cannot have low=True."),
        ("y = clip(x, low=abc) : f32[1]", "could not convert string to float: 'abc'."),
        ("y = gather(x, axis=1.0, indices=[0]) : f32[1]", "gather cannot have axis=1.0."),
        ("y = gather(x, axis=1, indices=[[0]]) : f32[1]", "gather cannot have indices=((0,),)."),
        ("y = gather(x, axis=1) : f32[1]", "gather lacks the attribute indices."),
        ("y = max_pool(x) : f32[1]", "a window lacks its kernel."),
        ("y = max_pool(x, kernel=2) : f32[1]", "kernel 2 is no list of whole numbers."),
        ("y = conv(x, x, kernel=[1]) : f32[1]", "a table is maps, and groups or block and "
         "inputs: found {}."),
        (
            "y = conv(x, x, kernel=[1], maps=[1]) : f32[1]",
            "not enough values to unpack (expected 2, got 1).",
        ),
        (
            "y = conv(x, x, kernel=[1], maps=[1000000000000, 1]) : f32[1]",
            "a filter bank of 1000000000000 input and 1 output maps is too large: 1048576 are "
            "supported.",
        ),
        ("y = const [1] : f32[2]", "the listed elements do not fill f32[2]."),
        ("y = const 1 : f32[1]", "the listed elements do not fill f32[1]."),
        ("y = const [1.5] : i8[1]", "1.5 is no element of i8[1]."),
        ("y = const [8] : i4[1]", "8 is no element of i4[1]."),
        ("y = const [1e39] : f32[1]", "1e+39 is no element of f32[1]."),
        ("y = const [true] : f32[1]", "True is no element of f32[1]."),
        ('y = const ["1"] : f32[1]', "'1' is no element of f32[1]."),
        ("y = const [[1]] : f32[1]", "(1,) is no element of f32[1]."),
        ("y = const [[[1]]] : f32[1]", "lists go two deep, and this one goes deeper."),
        ("y = const @abc : f32[1]", "the constant @abc is not among those given."),
        ("y = input : quant(f32,0x1p0,0)[1]", "'f32' is no element type."),
        ("y = input : quant(i8,fast,0)[1]", "'fast' is no hexadecimal number of double precision."),
        (
            "y = input : quant(i8,0x1p99999,0)[1]",
            "'0x1p99999' is no hexadecimal number of double precision.",
        ),
        ("y = input : quant(i8,0x0p0,0)[1]", "a scale is a positive finite number, not 0.0."),
        ("y = input : quant(i8,0x1p0,200)[1]", "zero point 200 lies outside i8."),
        ("y = input : f32[1] # comment", "column 20 holds '#'."),
        ('y = pad(x, mode="edge) : f32[1]', "column 17 holds '\"'."),
        (r'"\x" = input : f32[1]', r"Invalid \escape: line 1 column 2 (char 1)."),
    ],
)  # fmt: skip
def test_refuses_a_line_with_its_number_and_reason(line: str, reason: str) -> None:
    where = f"graph text, line 3: cannot read {line!r}: {reason}"
    with pytest.raises(UserError, match=f"^{re.escape(where)}$"):
        parse_node(line)


def test_refuses_a_constant_of_another_type() -> None:
    constant = Constant(np.zeros(40, np.float32))
    with pytest.raises(
        UserError,
        match=rf"^graph text, line 3: cannot read .*: the constant @{constant.key} is f32\[40\], "
        r"not f32\[20\]\.$",
    ):
        parse_node(f"y = const @{constant.key} : f32[20]", **{constant.key: constant})


@pytest.mark.parametrize("text", ["", "\n\n", "x = input : f32[1]\nreturn x=x\n"])
def test_refuses_a_text_without_title(text: str) -> None:
    with pytest.raises(UserError, match=r"^the text has no line 'graph NAME'\.$"):
        parse(text)


def test_long_lines_are_shortened_in_the_error() -> None:
    with pytest.raises(
        UserError,
        match=r"^graph text, line 3: cannot read 'y = x{85}…': no op is named 'x{283}…\.$",
    ):
        parse_node(f"y = {'x' * 10_000}")


def test_deep_lists_are_refused_not_followed() -> None:
    with pytest.raises(UserError, match=r": lists go two deep, and this one goes deeper\.$"):
        parse_node("y = const " + "[" * 100_000)


PRINTABLE = st.text(string.printable + '"@[]=é\u2028', max_size=5)


@examples(300)
@given(graphs(), st.data())
def test_mutated_text_is_read_or_refused(graph: Graph, data: st.DataObject) -> None:
    text = to_text(graph)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 1, 2, 5, 20]))
        text = text[:start] + data.draw(PRINTABLE) + text[start + length :]
    with contextlib.suppress(UserError):
        parse(text, constants_of(graph))


@examples(200)
@given(st.text(string.ascii_letters[:6] + "0123 \n[](),=:@\"'.-+\\"))
def test_any_text_is_read_or_refused(text: str) -> None:
    for body in (text, f"graph g\n{text}"):
        with contextlib.suppress(UserError):
            parse(body)


TOKENS = re.compile(r'"[^"]*"|[\w.]+|\S')


@examples(300)
@given(st.data())
def test_shuffled_tokens_are_read_or_refused(data: st.DataObject) -> None:
    """Tokens of a valid text in other places reach deeper than random characters do."""
    lines = [TOKENS.findall(line) for line in VALID.strip().splitlines()]
    line = data.draw(st.sampled_from(lines))
    pool = [token for tokens in lines for token in tokens] + ["99999999999999", "nan", "[", "]"]
    for _ in range(data.draw(st.integers(1, 3))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.sampled_from(pool))
    with contextlib.suppress(UserError):
        parse("\n".join(" ".join(tokens) for tokens in lines))
