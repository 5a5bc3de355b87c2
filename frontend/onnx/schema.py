"""What ONNX itself says of an operator, held against a node before its reader sees it."""

from __future__ import annotations

import onnx
from onnx import AttributeProto, NodeProto

from sightline.ir.errors import UserError

MICROSOFT = "com.microsoft"
"""The domain of what onnxruntime adds to the standard operators."""

MICROSOFT_INPUTS = {
    "DequantizeLinear": (2, 3),
    "QGemm": (6, 9),
    "QLinearAdd": (7, 8),
    "QLinearAveragePool": (4, 5),
    "QLinearConcat": (5, 1 << 20),
    "QLinearGlobalAveragePool": (5, 5),
    "QLinearLeakyRelu": (4, 5),
    "QLinearMul": (7, 8),
    "QLinearSigmoid": (4, 5),
    "QLinearSoftmax": (5, 5),
    "QuantizeLinear": (2, 3),
}
"""Of those that are read, the least and the most inputs; ONNX has no schema of them."""


def check_against_schema(node: NodeProto, opset: int) -> None:
    """Refuse an operator that the opset lacks, and attributes or operands that it does not have."""
    if node.domain == MICROSOFT and node.op_type in MICROSOFT_INPUTS:
        _check_attribute_forms(node)
        _check_count(node, "inputs", len(node.input), *MICROSOFT_INPUTS[node.op_type])
        return
    if node.domain not in ("", "ai.onnx"):
        raise UserError(
            f"the operator {node.op_type} is of the domain '{node.domain}', which is not supported",
            fix="Export the model with standard ONNX operators, and its functions inlined.",
        )
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        schema = None
    if schema is None or schema.deprecated:
        raise UserError(
            f"opset {opset} of ONNX has no operator {node.op_type}",
            fix="Export the model again; the file is damaged, or of another opset.",
        )
    _check_attributes(node, schema, opset)
    for what, count, least, most in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        _check_count(node, what, count, least, most)


def _check_count(node: NodeProto, what: str, count: int, least: int, most: int) -> None:
    if not least <= count <= most:
        bound = f"at least {least}" if count < least else f"at most {most}"
        raise UserError(f"{node.op_type} has {count} {what}, but takes {bound}")


def _check_attributes(node: NodeProto, schema: onnx.defs.OpSchema, opset: int) -> None:
    given = _check_attribute_forms(node)
    for name in given:
        if name not in schema.attributes:
            raise UserError(
                f"{node.op_type} of opset {opset} has no attribute '{name}'",
                fix=f"It has {', '.join(sorted(schema.attributes)) or 'none'}.",
            )
    for name, declared in schema.attributes.items():
        if declared.required and name not in given:
            raise UserError(f"{node.op_type} lacks its attribute '{name}'")


def _check_attribute_forms(node: NodeProto) -> list[str]:
    """The names of the attributes: each given once, as a plain value."""
    seen: list[str] = []
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            raise UserError(
                f"{node.op_type} holds a subgraph, in its attribute '{attribute.name}', and "
                "control flow is not supported",
                fix="Export the model with the branch or loop resolved.",
            )
        if attribute.ref_attr_name or attribute.name in seen:
            raise UserError(f"the attribute '{attribute.name}' is given twice, or by reference")
        seen.append(attribute.name)
    return seen
