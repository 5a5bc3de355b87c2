"""The peer onnxruntime computes what we do, in every form; its integers are near ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from sightline.backends import reference
from sightline.frontend import nn
from sightline.frontend.model import Model
from sightline.frontend.onnx import to_onnx
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.models.lenet import lenet5
from sightline.models.mobilenet import mobilenet
from sightline.models.scene import scene
from sightline.peers import onnx_runtime
from sightline.peers.onnx_runtime import PEER, quantized, session
from sightline.peers.peer import Subject
from sightline.simulating import Request, frames_for
from tests.support.onnxruntime import assert_close

NETWORKS: dict[str, tuple[Callable[[], nn.Network], list[str]]] = {
    "lenet5": (lenet5, ["dense", "split"]),
    "scene": (lambda: scene(height=32, width=48), ["dense", "split"]),
    "mobilenet": (lambda: mobilenet(height=32, width=32, classes=10), [""]),
}


def network(name: str) -> tuple[Model, list[str], list[dict[str, Any]]]:
    make, forms = NETWORKS[name]
    model = trace(make())
    return model, forms, frames_for(model, Request(frames=3))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_form_computes_what_the_reference_does(name: str) -> None:
    model, names, frames = network(name)
    forms = PEER.prepare(Subject(model, 2, frames))
    assert [form.name for form in forms] == names
    expected = reference.run(model.graph, **frames[0])
    for form in forms:
        found = form.run(frames[0])
        assert list(found) == list(expected)
        for label, y in expected.items():
            assert_close(np.asarray(found[label]), y)


@pytest.mark.parametrize("name", NETWORKS)
def test_its_integers_are_near(name: str) -> None:
    model, names, frames = network(name)
    forms = PEER.prepare(Subject(model, 2, frames, integers=True))
    assert [form.name for form in forms] == names
    expected = reference.run(model.graph, **frames[0])["scores"]
    for form in forms:
        off = np.asarray(form.run(frames[0])["scores"]) - expected
        assert 0 < off.std() < 0.5 * expected.std()


def test_what_it_quantizes_are_all_filter_banks_by_bytes() -> None:
    model, _, frames = network("scene")
    proto = quantized(to_onnx(model, dense=True), frames)
    assert all(node.domain == "" for node in proto.graph.node), "functions are written out"
    made = {node.output[0]: node for node in proto.graph.node}
    banks = [node for node in proto.graph.node if node.op_type == "Conv"]
    learned = [node for node in banks if "features" in node.name or "classifier" in node.name]
    assert len(learned) == 10
    for bank in learned:
        assert [made[name].op_type for name in bank.input[:2]] == ["DequantizeLinear"] * 2
        weights = next(
            each for each in proto.graph.initializer if each.name == made[bank.input[1]].input[0]
        )
        assert weights.data_type == onnx.TensorProto.INT8


def test_dense_and_split_are_told_apart_by_tables_alone() -> None:
    class Plain(nn.Network):
        name, inputs = "plain", {"x": (1, 4, 6, 6)}

        def __init__(self) -> None:
            self.bank = nn.Conv2d(4, 4, 3, groups=2)

        def forward(self, x: nn.Tensor) -> Any:
            return self.bank(x)

    (form,) = PEER.prepare(Subject(trace(Plain()), 1, []))
    assert form.name == ""


def test_a_refusal_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: Model, *, dense: bool) -> onnx.ModelProto:
        proto = to_onnx(model, dense=dense)
        proto.graph.node[0].op_type = "NoSuchOp"
        return proto

    monkeypatch.setattr(onnx_runtime, "to_onnx", broken)
    with pytest.raises(UserError, match=r"^onnxruntime refuses the network: .*NoSuchOp") as error:
        PEER.prepare(Subject(trace(lenet5()), 1, []))
    assert "\n" not in error.value.problem


def test_a_refusal_of_the_first_frame_is_told_too(capfd: pytest.CaptureFixture[str]) -> None:
    wrong = {"image": np.zeros((1, 1, 8, 8), np.float32)}
    with pytest.raises(UserError, match=r"^onnxruntime refuses the network: .*dimensions"):
        PEER.prepare(Subject(trace(lenet5()), 1, [wrong]))
    assert capfd.readouterr().err == "", "it logs nothing beside"


def test_threads_are_those_asked_for() -> None:
    proto = to_onnx(trace(lenet5()))
    frame = {"image": np.zeros((1, 1, 32, 32), np.float32)}
    one, two = session(proto, 1)(frame), session(proto, 2)(frame)
    np.testing.assert_allclose(one["scores"], two["scores"], rtol=1e-5)
