"""From an ONNX file to a graph: sort the nodes, then read each by the table of its family."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto

from sightline.frontend.model import Model, Picture
from sightline.frontend.onnx import (
    classify,
    constants,
    convs,
    custom,
    movement,
    pointwise,
    pools,
    qoperators,
    quantized,
    resize,
)
from sightline.frontend.onnx.call import Call, Known, Reader, Spent, Value, check_size, place
from sightline.frontend.onnx.constants import FOLDS, fold
from sightline.frontend.onnx.load import CLASSES_KEY, OWN_DOMAIN, PICTURE_KEY, checked_opset
from sightline.frontend.onnx.schema import MICROSOFT, check_against_schema
from sightline.frontend.onnx.sorting import in_order
from sightline.frontend.onnx.tensors import to_array, type_name
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.types import FLOAT32, Element, Int, TensorType

READERS: dict[str, Reader] = {
    **constants.READERS,
    **convs.READERS,
    **pools.READERS,
    **pointwise.READERS,
    **movement.READERS,
    **resize.READERS,
    **classify.READERS,
    **quantized.READERS,
    **qoperators.READERS,
}
"""How each standard operator is read."""

MICROSOFT_READERS: dict[str, Reader] = {**quantized.READERS, **qoperators.MICROSOFT}


INPUT_ELEMENTS: dict[int, Element] = {
    TensorProto.FLOAT: FLOAT32,
    TensorProto.INT8: Int(8),
    TensorProto.UINT8: Int(8, signed=False),
    TensorProto.INT16: Int(16),
    TensorProto.UINT16: Int(16, signed=False),
}
"""What the inputs of a network may hold; integers are those of a quantized one."""


def read_proto(proto: onnx.ModelProto, path: Path) -> Model:
    """The model of a message; `path` is named in errors, and external data lies beside it."""
    importer = _Importer(proto, path)
    builder = importer.builder
    importer.add_initializers()
    importer.add_inputs()
    for node in in_order(proto.graph.node, set(importer.values), path.name):
        importer.add_node(node)
    importer.add_outputs()
    notes = {entry.key: entry.value for entry in proto.metadata_props}
    try:
        picture = Picture.from_json(notes[PICTURE_KEY]) if PICTURE_KEY in notes else None
        classes = _classes(notes.get(CLASSES_KEY, "[]"))
    except UserError as error:
        raise error.at(where=path.name) from None
    return Model(builder.finish(), picture, classes)


class _Importer:
    """The values of the file, by their names there, as they come to be."""

    def __init__(self, proto: onnx.ModelProto, path: Path) -> None:
        self.graph = proto.graph
        self.opset = checked_opset(proto, path.name)
        self.path = path
        self.spent = Spent()
        self.builder = GraphBuilder(str(proto.graph.name) or path.stem)
        self.values: dict[str, Value] = {}
        self.uses = Counter(name for node in self.graph.node for name in node.input)
        self.uses.update(output.name for output in self.graph.output)

    def add_initializers(self) -> None:
        for tensor in self.graph.initializer:
            if not tensor.name or tensor.name in self.values:
                raise UserError(
                    f"an initializer is named '{tensor.name}': nothing, or the name of another",
                    fix="Export the model again.",
                    where=self.path.name,
                )
            try:
                array = to_array(tensor, self.path.parent)
            except UserError as error:
                raise error.at(where=self.path.name) from None
            self.values[tensor.name] = Known(array, tensor.name)

    def add_inputs(self) -> None:
        """Inputs that initializers give a value are constants: so old files list all weights."""
        initializers = set(self.values)
        for info in self.graph.input:
            if info.name in initializers:
                continue
            where = f"{self.path.name}, input '{info.name}'"
            if not info.name or info.name in self.values:
                raise UserError("two inputs have that name, or it is empty", where=where)
            type_ = _input_type(info, where)
            self.values[info.name] = self.builder.input(info.name, type_, where)

    def add_node(self, node: NodeProto) -> None:
        call = Call(
            node,
            self.opset,
            [self.values[name] if name else None for name in node.input],
            [bool(name) and self.uses[name] > 0 for name in node.output],
            self.builder,
            self.spent,
            self.path,
        )
        try:
            results = _read(call)
        except UserError as error:
            raise error.at(call.name, call.where) from None
        for name, value in zip(node.output, results, strict=False):
            if name:
                self.values[name] = value

    def add_outputs(self) -> None:
        labels = Counter(output.name for output in self.graph.output)
        if not labels:
            raise UserError(
                "the graph has no outputs", fix="Export the model again.", where=self.path.name
            )
        for label in labels:
            if label not in self.values or labels[label] > 1:
                problem = "listed twice" if label in self.values else "computed by no node"
                raise UserError(f"the output '{label}' is {problem}", where=self.path.name)
            try:
                self.builder.output(place(self.builder, self.values[label]), label)
            except UserError as error:
                raise error.at(where=f"{self.path.name}, output '{label}'") from None


def _read(call: Call) -> tuple[Value, ...]:
    """The results of a node that are used, after all that is general has been checked."""
    node = call.node
    if node.domain == OWN_DOMAIN:
        reader: Reader | None = custom.read_custom
    else:
        check_against_schema(node, call.opset)
        readers = MICROSOFT_READERS if node.domain == MICROSOFT else READERS
        reader = readers.get(node.op_type)
        if node.op_type in FOLDS and all(isinstance(value, Known) for value in call.operands):
            reader = fold
    if reader is None:
        raise UserError(
            f"the operator {node.op_type} is not supported",
            fix="Replace it in the model; `sightline ops` lists what is supported.",
        )
    result = reader(call)
    call.finish()
    results = result if isinstance(result, tuple) else (result,)
    for index, used in enumerate(call.results_used):
        if used and index >= len(results):
            raise UserError(
                f"the output '{node.output[index]}', number {index + 1} of {node.op_type}, is "
                "used, but not supported",
                fix="Export the model without what reads it.",
            )
    return results


def _input_type(info: ValueInfoProto, where: str) -> TensorType:
    """The static type of an input of the graph. A batch without a size is of one frame."""
    tensor = info.type.tensor_type
    if not info.type.HasField("tensor_type") or tensor.elem_type not in INPUT_ELEMENTS:
        found = type_name(tensor.elem_type) if info.type.HasField("tensor_type") else "no tensor"
        raise UserError(
            f"an input must be a tensor of FLOAT, but this is {found}",
            fix="Export the model in float32, or quantized to 8 or 16 bits.",
            where=where,
        )
    if not tensor.HasField("shape"):
        raise UserError(
            "the input has no shape, and shapes are static here",
            fix="Export the model with the shape of its input.",
            where=where,
        )
    shape = []
    for axis, dim in enumerate(tensor.shape.dim):
        size = dim.dim_value if dim.HasField("dim_value") else 0
        if size < 0 or (size == 0 and axis > 0):
            known_as = f" ('{dim.dim_param}')" if dim.dim_param else ""
            raise UserError(
                f"axis {axis}{known_as} of the input has no size, and shapes are static here: only "
                "axis 0, the batch, may be left open, and is 1 then",
                fix="Export the model with the shape of its input.",
                where=where,
            )
        shape.append(max(size, 1))
    try:
        type_ = TensorType(tuple(shape), INPUT_ELEMENTS[tensor.elem_type])
        check_size(type_)
    except UserError as error:
        raise error.at(where=where) from None
    return type_


def _classes(text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"the metadata '{CLASSES_KEY}' is no JSON list of names: {text[:80]!r}")
    return tuple(names)
