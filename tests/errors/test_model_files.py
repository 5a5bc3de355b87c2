"""Model files that are missing, damaged, ill-formed, or beyond what Sightline reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests.support.command_line import fails, invoke, succeeds

COMPILE = ("compile", "net.onnx", "-t", "reference", "-o", "out")


def save(
    *nodes: NodeProto, weights: Sequence[int] = (4, 3, 3, 3), opset: int = 17
) -> onnx.ModelProto:
    """Write net.onnx: nodes from `x` [1, 3, 8, 8] to `y`, with weights `w`."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    w = numpy_helper.from_array(np.ones(weights, np.float32), "w")
    graph = helper.make_graph(list(nodes), "net", [x], [y], [w])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    Path("net.onnx").write_bytes(model.SerializeToString())
    return model


def node(
    op: str, inputs: str, output: str = "y", name: str = "middle", **attributes: object
) -> NodeProto:
    return helper.make_node(op, inputs.split(), [output], name=name, **attributes)


def test_what_the_others_are_variations_of() -> None:
    save(node("Conv", "x w", strides=[2, 2]))
    assert succeeds(*COMPILE).startswith("compiled net.onnx for reference into out: 1 nodes")


@pytest.mark.parametrize(
    ("nodes", "weights", "names", "message"),
    [
        ([node("Conv", "x gone")], (4, 3, 3, 3), "middle", r"it reads 'gone'"),
        ([node("Conv", "x w")], (4, 27), "middle", r"\[4, 27\]"),
        ([node("Conv", "x w")], (4, 5, 3, 3), "middle", r"5|3 (input )?maps|channels"),
        ([node("Frobnicate", "x")], (1,), "middle", r"no operator Frobnicate"),
        ([node("Relu", "x", slope=0.5)], (1,), "middle", r"no attribute 'slope'"),
        ([node("Conv", "x w", auto_pad="SIDEWAYS")], (4, 3, 3, 3), "middle", r"SIDEWAYS"),
        ([node("Det", "x")], (1,), "middle", r"Det"),
        (
            [
                node("Add", "x b", "a", "first"),
                node("Relu", "a", "b", "second"),
                node("Relu", "a", "y", "third"),
            ],
            (1,),
            "first",
            r"cycle",
        ),
    ],
)
def test_a_node_is_named(
    nodes: list[NodeProto], weights: Sequence[int], names: str, message: str
) -> None:
    save(*nodes, weights=weights)
    for command in (COMPILE, ("inspect", "net.onnx")):
        found = fails(*command)
        assert found.count(f"'{names}'") == (2 if message == "cycle" else 1), found
        assert re.search(message, found), found


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.6, 0.95])
def test_a_truncated_model(part: float) -> None:
    content = save(node("Conv", "x w"), weights=(4, 3, 9, 9)).SerializeToString()
    Path("net.onnx").write_bytes(content[: int(part * len(content))])
    assert re.match(r"('?net\.onnx|node )", fails(*COMPILE))


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    Path("net.onnx").write_bytes(rng.bytes(int(rng.integers(1, 2000))))
    assert re.match(r"'?net\.onnx", fails(*COMPILE))


def test_changed_bytes_are_a_model_or_an_error_never_a_traceback() -> None:
    content = save(node("Conv", "x w", pads=[1, 1, 1, 1]), weights=(2, 3, 1, 1)).SerializeToString()
    rng = np.random.default_rng(0)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] = int(rng.integers(0, 256))
        Path("net.onnx").write_bytes(changed)
        if changed != content:
            accepted_or_refused("inspect", "net.onnx")


def accepted_or_refused(*command: str) -> None:
    result = invoke(*command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2)


@pytest.mark.parametrize(
    ("name", "tool"), [("net.pt", "torch.onnx.export"), ("net.h5", "tf2onnx"), ("net.txt", "")]
)
def test_files_of_other_kinds(name: str, tool: str) -> None:
    Path(name).write_bytes(b"PK")
    found = fails("inspect", name)
    assert found.startswith(f"'{name}' is no model that Sightline reads. ")
    assert (f"Export it to ONNX with {tool}." if tool else "A model is a .onnx file") in found


def test_a_folder_named_as_a_model() -> None:
    Path("net.onnx").mkdir()
    assert fails("inspect", "net.onnx").startswith("'net.onnx' is no artifact: it has no manifest")


def test_a_name_that_would_disturb_the_terminal() -> None:
    save(node("Frobnicate", "x", name="red\x1b[31m\nnode"))
    found = fails("inspect", "net.onnx")
    assert "\x1b" not in found
    assert "red\\x1b[31m node" in found
