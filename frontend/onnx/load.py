"""From a path to a protobuf message that is a model: nothing in it is trusted yet."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message

from sightline.ir.errors import UserError

OLDEST_OPSET = 7
MAX_FILE_BYTES = (1 << 31) - 1
"""What a protobuf message can hold."""

OWN_DOMAIN = "sightline"
OWN_VERSION = 1
"""The domain of our own operators."""

PICTURE_KEY = "sightline.picture"
CLASSES_KEY = "sightline.classes"
INSTANCE_KEY = "sightline.instance"
"""Metadata of ours, of a model and of a node."""


def load(path: Path) -> onnx.ModelProto:
    """The message in the file."""
    data = _bytes(path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise UserError(
            f"'{path}' ({len(data)} bytes) is no ONNX model, or is damaged or cut short",
            fix="Export the model again, or copy the file again.",
        ) from error
    return model


def checked_opset(model: onnx.ModelProto, where: str) -> int:
    """The opset of a message that holds a trained graph with dense weights."""
    if not _is_text(model):
        raise UserError(
            "a name in the file is no UTF-8: the file is damaged",
            fix="Export the model again, or copy the file again.",
            where=where,
        )
    if not model.HasField("graph") or not model.graph.node:
        raise UserError(
            "the file holds no graph with nodes: it is no ONNX model, or an empty or damaged one",
            fix="Export the model again.",
            where=where,
        )
    if model.training_info:
        raise UserError(
            "the model holds training_info, and Sightline runs trained models only",
            fix="Export it for inference.",
            where=where,
        )
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise UserError(
            f"the initializer '{name}' is sparse, which is not supported",
            fix="Export the model with dense weights.",
            where=where,
        )
    return _opset(model, where)


def _opset(model: onnx.ModelProto, where: str) -> int:
    """The version of the standard operators that the model asks for."""
    newest = onnx.defs.onnx_opset_version()
    versions = {_domain(entry.domain): entry.version for entry in model.opset_import}
    opset = versions.get("")
    if opset is None:
        raise UserError(
            "the model names no opset of the standard operators",
            fix=f"Export it for an opset from {OLDEST_OPSET} to {newest}.",
            where=where,
        )
    if not OLDEST_OPSET <= opset <= newest:
        raise UserError(
            f"the model is of opset {opset}, but opsets {OLDEST_OPSET} to {newest} are read",
            fix="Export it for one of those, or convert it with onnx.version_converter.",
            where=where,
        )
    own = versions.get(OWN_DOMAIN, OWN_VERSION)
    if own != OWN_VERSION:
        raise UserError(
            f"the model uses version {own} of the operators of Sightline, but this is version "
            f"{OWN_VERSION}",
            fix="Export it with this version of Sightline.",
            where=where,
        )
    return int(opset)


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"'{path}' is a folder", fix="Name the .onnx file in it.")
        if not path.exists():
            raise UserError(f"there is no file '{path}'", fix="Check the path.")
        if not path.is_file():
            raise UserError(f"'{path}' is no regular file", fix="Name an .onnx file.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UserError(
                f"'{path}' has {size} bytes, but an ONNX file holds at most {MAX_FILE_BYTES}",
                fix="Store large weights as external data.",
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read '{path}': {error}", fix="Check the path.") from error


def _is_text(message: Message) -> bool:
    """Whether all names in it are text: protobuf gives those that are not as bytes, unasked."""
    for field, value in message.ListFields():
        single = isinstance(value, str | bytes | Message)
        if field.type == field.TYPE_STRING:
            if not all(isinstance(text, str) for text in ([value] if single else value)):
                return False
        elif field.type == field.TYPE_MESSAGE and not all(
            map(_is_text, [value] if single else value)
        ):
            return False
    return True


def _domain(domain: str) -> str:
    """The standard operators have two names for their domain."""
    return "" if domain == "ai.onnx" else domain
