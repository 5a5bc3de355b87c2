"""From a float graph to an ONNX file, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnx
from google.protobuf.message import EncodeError
from onnx import TensorProto, ValueInfoProto, helper

from sightline.frontend.model import Model
from sightline.frontend.onnx.emitter import Emitter
from sightline.frontend.onnx.exports import export
from sightline.frontend.onnx.functions import function_of
from sightline.frontend.onnx.load import (
    CLASSES_KEY,
    INSTANCE_KEY,
    MAX_FILE_BYTES,
    OWN_DOMAIN,
    OWN_VERSION,
    PICTURE_KEY,
)
from sightline.frontend.onnx.site import Site
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.types import FLOAT32, Int, TensorType

OPSET = 19
"""The first in which average pooling has dilations."""
IR_VERSION = 10
"""The first in which nodes have metadata."""

ELEMENT_TYPES = {
    FLOAT32: TensorProto.FLOAT,
    Int(8): TensorProto.INT8,
    Int(16): TensorProto.INT16,
    Int(32): TensorProto.INT32,
    Int(64): TensorProto.INT64,
}


def write_file(model: Model, path: Path, *, dense: bool = False) -> None:
    """Write beside the path and rename, so that a killed run leaves nothing half-made."""
    try:
        data = to_proto(model, dense=dense).SerializeToString()
    except (EncodeError, ValueError) as error:
        raise UserError(
            f"the model does not fit into one ONNX file of {MAX_FILE_BYTES} bytes"
        ) from error
    if not path.parent.is_dir():
        raise UserError(f"there is no folder '{path.parent}'", fix="Create it first.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)  # without the name of the unfinished file
        raise UserError(f"cannot write '{path}': {reason}", fix="Choose another path.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def to_proto(model: Model, *, dense: bool = False) -> onnx.ModelProto:
    """The message of a model: nodes, weights as initializers, our functions, and the metadata."""
    graph = model.graph
    names = _value_names(graph)
    labels = [output.label for output in graph.outputs]
    constants = {node.name for node in graph.nodes if isinstance(node.op, Const)}
    emitter = Emitter([*names.values(), *labels], constants.difference(labels, names.values()))
    for node in graph.operations:
        try:
            _write_node(emitter, graph, node, names, dense=dense)
        except UserError as error:
            raise error.at(node.name, node.where) from None
    for output in graph.outputs:
        _write_output(emitter, graph[output.node], output.label, names)
    called = {node.op_type for node in emitter.nodes if node.domain == OWN_DOMAIN}
    ops = {type(node.op).__name__: type(node.op) for node in graph.operations}
    used = [op for name, op in ops.items() if name in called]
    opsets = [helper.make_opsetid("", OPSET)]
    opsets += [helper.make_opsetid(OWN_DOMAIN, OWN_VERSION)] if used else []
    proto = helper.make_model(
        helper.make_graph(
            emitter.nodes,
            graph.name,
            [_info(node.name, node.type) for node in graph.inputs],
            [_info(output.label, graph[output.node].type) for output in graph.outputs],
            list(emitter.initializers.values()),
        ),
        producer_name="sightline",
        ir_version=IR_VERSION,
        opset_imports=opsets,
        functions=[function_of(op, OPSET) for op in used],
    )
    notes = {PICTURE_KEY: model.picture.to_json()} if model.picture else {}
    notes |= {CLASSES_KEY: json.dumps(model.classes)} if model.classes else {}
    helper.set_model_props(proto, notes)
    return proto


def _value_names(graph: Graph) -> dict[str, str]:
    """The ONNX value of each input and operation: its label if it is an output, else its name."""
    labels = {output.label: output.node for output in graph.outputs}
    names: dict[str, str] = {}
    for node in graph.inputs:
        if labels.get(node.name, node.name) != node.name:
            raise UserError(
                f"the output '{node.name}' bears the name of an input, which ONNX forbids",
                fix="Rename one of them.",
            )
        names[node.name] = node.name
    for label, name in labels.items():
        if not graph[name].is_leaf:
            names.setdefault(name, label)
    for node in graph.operations:
        value = node.name
        while value in labels or (value != node.name and value in graph.by_name):
            value = f"{value}.value"  # the name of another's label
        names.setdefault(node.name, value)
    return names


def _write_node(
    emitter: Emitter, graph: Graph, node: Node, names: dict[str, str], *, dense: bool
) -> None:
    first = len(emitter.nodes)
    emitter.prefix = node.name
    operands = tuple(graph[name] for name in node.inputs)
    result = export(Site(emitter, node, operands, names, dense))
    if len(emitter.nodes) == first or emitter.nodes[-1].output[0] != result:
        result = emitter.emit("Identity", result)
    emitter.nodes[-1].output[0] = names[node.name]
    emitter.nodes[-1].name = node.name
    for written in emitter.nodes[first:]:
        if node.instance:
            written.metadata_props.add(key=INSTANCE_KEY, value=node.instance)


def _write_output(emitter: Emitter, node: Node, label: str, names: dict[str, str]) -> None:
    """An output that is not its value's own name, or a constant, is an Identity of it."""
    if names.get(node.name) == label:
        return
    emitter.prefix = label
    if isinstance(node.op, Const):
        emitter.emit("Identity", emitter.weights(node.op.value.array, node.name))
    else:
        emitter.emit("Identity", names[node.name])
    emitter.nodes[-1].output[0] = label


def _info(name: str, type_: TensorType) -> ValueInfoProto:
    if type_.element not in ELEMENT_TYPES:
        raise UserError(
            f"'{name}' is {type_}, and ONNX export takes float graphs",
            fix="Export the model before it is quantized.",
        )
    return helper.make_tensor_value_info(name, ELEMENT_TYPES[type_.element], list(type_.shape))
