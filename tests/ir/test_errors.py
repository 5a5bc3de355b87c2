"""The paragraph that a user reads."""

from __future__ import annotations

import pytest

from sightline.ir.errors import UserError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("the kernel is even"), "the kernel is even."),
        (UserError("what is this?"), "what is this?"),
        (UserError("no kernel", fix="Give one."), "no kernel. Give one."),
        (UserError("no kernel", node="c1"), "node 'c1': no kernel."),
        (UserError("no kernel", where="net.py:7"), "net.py:7: no kernel."),
        (
            UserError("no kernel.", fix="Give one.", node="c1", where="net.py:7"),
            "node 'c1' (net.py:7): no kernel. Give one.",
        ),
        (
            UserError("no kernel", node="c1", where="net.onnx, node 'c1'"),
            "net.onnx, node 'c1': no kernel.",
        ),
    ],
)
def test_reads_as_place_problem_and_fix(error: UserError, text: str) -> None:
    assert str(error) == text


def test_at_adds_a_place() -> None:
    error = UserError("no kernel", fix="Give one.").at("c1", "net.py:7")
    assert (error.problem, error.fix) == ("no kernel", "Give one.")
    assert (error.node, error.where) == ("c1", "net.py:7")


def test_the_innermost_place_stands() -> None:
    error = UserError("no kernel", node="c1").at("outer", "net.py:7")
    assert (error.node, error.where) == ("c1", "net.py:7")
