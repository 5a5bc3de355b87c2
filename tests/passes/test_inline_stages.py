"""Stages as the ops of their bodies; tests of `fuse` hold that nothing is lost on the way back."""

from __future__ import annotations

import numpy as np

from sightline.backends.reference import run
from sightline.passes.inline_stages import inline_stages
from tests.support.arrays import i8
from tests.support.pass_checks import assert_stays, graph_of

TWICE = """
  x0 = input : i8[2]
  integer_add = integer_add(x0, x0, bits=9) : i9[2] in inner
  last = integer_add(integer_add, integer_add, bits=10) : i10[2]
  return y=last
}
"""


def test_the_result_has_the_name_of_the_stage() -> None:
    graph = graph_of(f"x = input : i8[2]\ny = stage(x) : i10[2] in outer {{{TWICE}return z=y\n")
    flat = inline_stages(graph)
    assert flat == graph_of(
        """x = input : i8[2]
        y.integer_add = integer_add(x, x, bits=9) : i9[2] in inner
        y = integer_add(y.integer_add, y.integer_add, bits=10) : i10[2]
        return z=y"""
    )
    x = i8([3, -128])
    np.testing.assert_array_equal(run(flat, x=x)["z"], run(graph, x=x)["z"], strict=True)


def test_names_do_not_clash() -> None:
    graph = graph_of(
        f"y.integer_add = input : i8[2]\ny = stage(y.integer_add) : i10[2] {{{TWICE}"
        f"z = stage(y.integer_add) : i10[2] {{{TWICE}return y=y, z=z\n"
    )
    names = [node.name for node in inline_stages(graph).nodes]
    assert names == ["y.integer_add", "y.integer_add_1", "y", "z.integer_add", "z"]


def test_what_is_in_no_stage_stays() -> None:
    assert_stays(
        inline_stages,
        graph_of("x = input : i8[2]\ny = integer_add(x, x, bits=9) : i9[2]\nreturn y=y"),
    )
