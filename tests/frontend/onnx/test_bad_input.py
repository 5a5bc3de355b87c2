"""Files that are damaged, hostile, or hold what is not supported: one clear paragraph for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from sightline.frontend.onnx import read
from sightline.frontend.onnx.reader import read_proto
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const
from sightline.ir.types import Array
from sightline.ir.verify import verify
from tests.support.examples import examples
from tests.support.onnx_models import model_of, node, one_node, refused

IMAGE = (1, 2, 6, 6)


def ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def good() -> onnx.ModelProto:
    """A small network with a bit of everything."""
    nodes = [
        node("Conv", "x w b", "c", pads=[1, 1, 1, 1], name="c1"),
        node("Relu", "c", "r"),
        node("MaxPool", "r", "m", kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", "m", "s"),
        node("Constant", "", "i", value_ints=[0]),
        node("Gather", "s i", "n"),
        node("Concat", "n rest", "t", axis=0),
        node("Reshape", "m t", "f"),
        node("Gemm", "f g", "y", transB=1),
    ]
    constants = {"w": ones(3, 2, 3, 3), "b": ones(3), "rest": np.array([-1]), "g": ones(4, 27)}
    return model_of(nodes, {"x": IMAGE}, constants)


# What the path leads to


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^there is no file '.*absent\.onnx'\. Check the path\.$"):
        read(tmp_path / "absent.onnx")
    with pytest.raises(UserError, match=r"^'.*' is a folder\. Name the \.onnx file in it\.$"):
        read(tmp_path)
    with pytest.raises(UserError, match=r"^'/dev/null' is no regular file"):
        read(Path("/dev/null"))
    with pytest.raises(UserError, match=r"^cannot read "):
        read(tmp_path / ("x" * 5000))


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff" * 50, b"PK\x03\x04 not a model at all", b"\x3a\x00"]
)
def test_bytes_that_are_no_model(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"is no ONNX model|names no opset"):
        read(path)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    data = good().SerializeToString()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(
        UserError, match=r"^'.*net\.onnx' \(\d+ bytes\) is no ONNX model, or is dam"
    ):
        read(path)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "loop.onnx"
    path.symlink_to(path)
    with pytest.raises(UserError, match=r"^(cannot read|there is no file) '.*loop\.onnx'"):
        read(path)


# The whole model


def test_opsets_too_old_and_too_new() -> None:
    newest = onnx.defs.onnx_opset_version()
    for opset in (6, newest + 1):
        refused(
            one_node("Relu", IMAGE, opset=opset),
            rf"^net\.onnx: the model is of opset {opset}, but opsets 7 to {newest} are read\. Exp",
        )
    model = good()
    del model.opset_import[:]
    refused(
        model, r"^net\.onnx: the model names no opset of the standard operators\. Export it for"
    )
    model.opset_import.add(domain="sightline", version=9)
    model.opset_import.add(domain="", version=13)
    refused(model, r"^net\.onnx: the model uses version 9 of the operators of Sightline, but this")


def empty(model: onnx.ModelProto) -> None:
    del model.graph.node[:]


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def unknown_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "z"


def output_twice(model: onnx.ModelProto) -> None:
    model.graph.output.append(model.graph.output[0])


def input_twice(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])


def initializer_twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def missing_weight(model: onnx.ModelProto) -> None:
    del model.graph.initializer[0]


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "m"


def value_twice(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = "c"


def value_of_an_input(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = "x"


def training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.name = "w2"


def classes(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"sightline.classes": "[1, 2]"})


def deep_classes(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"sightline.classes": "[" * 200_000})


def picture(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"sightline.picture": "{}"})


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (
            empty,
            r"^net\.onnx: the file holds no graph with nodes: it is no ONNX model, or an empty",
        ),
        (no_outputs, r"^net\.onnx: the graph has no outputs"),
        (unknown_output, r"^net\.onnx: the output 'z' is computed by no node"),
        (output_twice, r"^net\.onnx: the output 'y' is listed twice"),
        (input_twice, r"^net\.onnx, input 'x': two inputs have that name"),
        (initializer_twice, r"^net\.onnx: an initializer is named 'w': nothing, or the name of a"),
        (
            missing_weight,
            r"^net\.onnx, node 'c1' \(Conv\): it reads 'w', which is no input, no ini",
        ),
        (cycle, r"^net\.onnx: the nodes 'c1' -> 'r' -> 'm' -> 'c1' form a cycle"),
        (
            value_twice,
            r"^net\.onnx, node 'c' \(Relu\): it computes 'c', a value that node 'c1' \(C",
        ),
        (
            value_of_an_input,
            r"^net\.onnx, node 'x' \(Relu\): it computes 'x', a value that the gra",
        ),
        (training, r"^net\.onnx: the model holds training_info"),
        (sparse, r"^net\.onnx: the initializer 'w2' is sparse, which is not supported"),
        (classes, r"^net\.onnx: the metadata 'sightline\.classes' is no JSON list of names"),
        (deep_classes, r"^net\.onnx: the metadata 'sightline\.classes' is no JSON list of names"),
        (picture, r"^net\.onnx: the description of the picture '\{\}' is broken"),
    ],
)
def test_models_that_are_wired_wrongly(
    damage: Callable[[onnx.ModelProto], None], pattern: str
) -> None:
    model = good()
    damage(model)
    refused(model, pattern)


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ((1, 2, "H", 6), r"axis 2 \('H'\) of the input has no size, and shapes are static here"),
        ((1, None, 6, 6), r"axis 1 of the input has no size"),
        ((1, 2, 0, 6), r"axis 2 of the input has no size"),
        ((-1, 2, 6, 6), r"axis 0 of the input has no size"),
        ((1 << 20, 1 << 20), r"the result f32\[1048576,1048576\] has|a value of shape \[1048576"),
    ],
)
def test_shapes_that_are_not_static(shape: tuple[int | str | None, ...], pattern: str) -> None:
    refused(one_node("Relu", shape), rf"^net\.onnx, input 'x': ({pattern})")


def test_inputs_that_are_no_float_tensors() -> None:
    model = one_node("Relu", IMAGE)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    refused(model, r"^net\.onnx, input 'x': an input must be a tensor of FLOAT, but this is DOUBLE")
    model.graph.input[0].type.Clear()
    refused(model, r"^net\.onnx, input 'x': an input must be a tensor of FLOAT, but this is no te")
    model = one_node("Relu", IMAGE)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    refused(model, r"^net\.onnx, input 'x': the input has no shape, and shapes are static here")


@pytest.mark.parametrize("name", [b"Relu", b"net", b"first", b"attr", b"open"])
def test_names_that_are_no_text(name: bytes) -> None:
    nodes = [node("Relu", "x", "r", name="first"), node("Softmax", "r", attr=1)]
    data = model_of(nodes, {"x": ("open", 2)}).SerializeToString()
    assert name in data
    model = onnx.ModelProto.FromString(data.replace(name, b"\xff" * len(name)))
    refused(model, r"^net\.onnx: a name in the file is no UTF-8: the file is damaged")


# Tensors


def with_tensor(tensor: TensorProto) -> onnx.ModelProto:
    model = model_of([node("Add", "x w")], {"x": (1, 4)})
    model.graph.initializer.append(tensor)
    return model


def tensor(data_type: int = TensorProto.FLOAT, **fields: Any) -> TensorProto:
    return TensorProto(name="w", data_type=data_type, **{"dims": [4], **fields})


@pytest.mark.parametrize(
    ("damaged", "pattern"),
    [
        (tensor(raw_data=b"1234"), r"of shape \[4\] needs 16 bytes, but has 4"),
        (tensor(dims=[1 << 40, 1 << 40], raw_data=b"1234"), r"of shape .* needs \d+ bytes, but h"),
        (
            tensor(dims=[1 << 40], float_data=[1.0]),
            r"of shape .* needs 1099511627776 elements, but",
        ),
        (tensor(dims=[-4], raw_data=b""), r"of shape \[-4\] is malformed"),
        (tensor(0), r"holds elements of type UNDEFINED, which are not supported"),
        (tensor(99), r"holds elements of type number 99, which are not supported"),
        (tensor(TensorProto.BFLOAT16, raw_data=bytes(8)), r"holds elements of type BFLOAT16"),
        (tensor(TensorProto.STRING), r"holds elements of type STRING"),
        (tensor(TensorProto.INT8, int32_data=[1, 2, 3, 400]), r"lists numbers outside INT8"),
    ],
)
def test_tensors_that_do_not_hold_what_they_claim(damaged: TensorProto, pattern: str) -> None:
    refused(with_tensor(damaged), rf"^net\.onnx: the tensor 'w' {pattern}")


def external(location: str, **entries: str) -> onnx.ModelProto:
    stored = tensor(data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **entries}.items():
        stored.external_data.add(key=key, value=value)
    return with_tensor(stored)


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(bytes(8) + ones(4).tobytes() + bytes(8))
    onnx.save(external("data/w.bin", offset="8", length="16"), tmp_path / "net.onnx")
    assert read(tmp_path / "net.onnx").graph["w"].op == Const(Constant(ones(4)))


@pytest.mark.parametrize(
    ("location", "entries", "pattern"),
    [
        (
            "../secret",
            {},
            r"'\.\./secret' of the tensor 'w' is not a path within the model's folde",
        ),
        ("a/../../secret", {}, r"'a/\.\./\.\./secret' of the tensor 'w' is not a path within"),
        (
            "/etc/passwd",
            {},
            r"'/etc/passwd' of the tensor 'w' is not a path within the model's fol",
        ),
        ("C:\\secret", {}, r"'C:\\secret' of the tensor 'w' is not a path within"),
        ("\\\\host\\secret", {}, r"'\\\\host\\secret' of the tensor 'w' is not a path within"),
        ("", {}, r"'' of the tensor 'w' is not a path within"),
        ("nul\0", {}, r"'nul\0' of the tensor 'w' is not a path within"),
        ("link", {}, r"'link' of the tensor 'w' is a link that leads out of the model's folder"),
        ("absent", {}, r"'absent' of the tensor 'w' is not a file in '.*'\. Copy it there"),
        ("inner", {}, r"'inner' of the tensor 'w' is not a file in"),
    ],
)
def test_external_data_must_lie_within_the_folder(
    tmp_path: Path, location: str, entries: dict[str, str], pattern: str
) -> None:
    (tmp_path / "secret").write_bytes(bytes(64))
    folder = tmp_path / "model"
    (folder / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "net.onnx").write_bytes(external(location, **entries).SerializeToString())
    with pytest.raises(UserError, match=rf"^net\.onnx: the external data {pattern}"):
        read(folder / "net.onnx")


@pytest.mark.parametrize(
    ("entries", "pattern"),
    [
        ({}, r"needs bytes 0 to 16 of its external data 'w\.bin', which has 12"),
        ({"offset": "99999999"}, r"needs bytes 99999999 to 100000015 of its external data"),
        ({"offset": "-4"}, r"has offset '-4', which is no whole number"),
        ({"offset": "9" * 400}, r"has offset '9{40}', which is no whole number"),
        ({"length": "12"}, r"of shape \[4\] needs 16 bytes, but its external data has length 12"),
    ],
)
def test_external_data_that_is_too_short(
    tmp_path: Path, entries: dict[str, str], pattern: str
) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(12))
    (tmp_path / "net.onnx").write_bytes(external("w.bin", **entries).SerializeToString())
    with pytest.raises(
        UserError, match=rf"^net\.onnx: the (tensor|external data of .*) ?{pattern}|{pattern}"
    ):
        read(tmp_path / "net.onnx")


# Anything at all

GOOD = good().SerializeToString()


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """The good file with bytes changed, cut out, doubled, or all but the beginning gone."""
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        how = draw(st.sampled_from(["flip", "set", "cut", "double", "truncate"]))
        length = draw(st.integers(1, 40))
        if how == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at : at + length]
        elif how == "double":
            data[at:at] = data[at : at + length]
        elif at > 0:
            del data[at:]
        if not data:
            break
    return bytes(data)


@examples(400, suppress_health_check=list(HealthCheck))
@given(mutations() | st.binary(max_size=200))
@example(GOOD)
def test_a_damaged_file_is_read_or_refused_and_never_more(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.onnx"
    path.write_bytes(data)
    with contextlib.suppress(UserError):
        verify(read(path).graph)


@pytest.mark.parametrize("at", range(0, len(GOOD), 23))
def test_every_truncation(at: int) -> None:
    proto = onnx.ModelProto()
    with contextlib.suppress(DecodeError):
        proto.ParseFromString(GOOD[:at])
    with pytest.raises(UserError):
        read_proto(proto, Path("net.onnx"))
