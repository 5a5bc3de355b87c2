"""ONNX tensors as arrays. Sizes are compared with the data at hand before anything is allocated."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import onnx
from onnx import TensorProto

from sightline.ir.errors import UserError
from sightline.ir.types import Array

DTYPES = {
    TensorProto.FLOAT: ("<f4", "float_data"),
    TensorProto.DOUBLE: ("<f8", "double_data"),
    TensorProto.FLOAT16: ("<f2", "int32_data"),
    TensorProto.INT8: ("<i1", "int32_data"),
    TensorProto.INT16: ("<i2", "int32_data"),
    TensorProto.INT32: ("<i4", "int32_data"),
    TensorProto.INT64: ("<i8", "int64_data"),
    TensorProto.UINT8: ("<u1", "int32_data"),
    TensorProto.UINT16: ("<u2", "int32_data"),
    TensorProto.UINT32: ("<u4", "uint64_data"),
    TensorProto.UINT64: ("<u8", "uint64_data"),
    TensorProto.BOOL: ("?", "int32_data"),
}
"""Per data type: how it lies in raw bytes, and the field that else lists its elements."""


def type_name(data_type: int) -> str:
    """The name of an ONNX data type: FLOAT, INT64, …"""
    names: dict[int, str] = {number: name for name, number in TensorProto.DataType.items()}
    return names.get(data_type, f"number {data_type}")


def to_array(tensor: TensorProto, folder: Path) -> Array:
    """The elements of a tensor; `folder` is where its external data must lie."""
    what = f"the tensor '{tensor.name}'"
    if tensor.data_type not in DTYPES:
        raise UserError(
            f"{what} holds elements of type {type_name(tensor.data_type)}, which are not supported",
            fix="Export the model in float32.",
        )
    if any(size < 0 for size in tensor.dims) or tensor.HasField("segment"):
        raise UserError(f"{what} of shape {list(tensor.dims)} is malformed")
    code, field = DTYPES[tensor.data_type]
    dtype = np.dtype(code)
    count = math.prod(tensor.dims)
    if tensor.data_location == TensorProto.EXTERNAL:
        data = _external_bytes(tensor, count * dtype.itemsize, folder)
    elif tensor.HasField("raw_data"):
        data = tensor.raw_data
    else:
        return _listed(tensor, field, dtype, count)
    if len(data) != count * dtype.itemsize:
        raise UserError(
            f"{what} of shape {list(tensor.dims)} needs {count * dtype.itemsize} bytes, but has "
            f"{len(data)}",
            fix="The file is damaged: export the model again.",
        )
    return np.frombuffer(data, dtype).reshape(tuple(tensor.dims))


def _listed(tensor: TensorProto, field: str, dtype: np.dtype[np.generic], count: int) -> Array:
    numbers = getattr(tensor, field)
    if len(numbers) != count:
        raise UserError(
            f"the tensor '{tensor.name}' of shape {list(tensor.dims)} needs {count} elements, but "
            f"has {len(numbers)}",
            fix="The file is damaged: export the model again.",
        )
    plain = np.array(numbers, dtype if field.startswith(("float", "double")) else None)
    if tensor.data_type == TensorProto.FLOAT16:  # listed as the integers of their bits
        plain = plain.astype(np.uint16).view(np.float16)
    array: Array = plain.astype(dtype).reshape(tuple(tensor.dims))
    if tensor.data_type != TensorProto.FLOAT16 and not np.array_equal(
        array.ravel(), plain, equal_nan=plain.dtype.kind == "f"
    ):
        raise UserError(
            f"the tensor '{tensor.name}' lists numbers outside {type_name(tensor.data_type)}"
        )
    return array


def _external_bytes(tensor: TensorProto, size: int, folder: Path) -> bytes:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    path = _inside(folder, location, tensor.name)
    offset = _whole_number(entries.get("offset", "0"), "offset", tensor.name)
    length = _whole_number(entries.get("length", str(size)), "length", tensor.name)
    if length != size:
        raise UserError(
            f"the tensor '{tensor.name}' of shape {list(tensor.dims)} needs {size} bytes, but its "
            f"external data has length {length}"
        )
    try:
        held = path.stat().st_size
        if held < offset + size:
            raise UserError(
                f"the tensor '{tensor.name}' needs bytes {offset} to {offset + size} of its "
                f"external data '{location}', which has {held}",
                fix="The file is cut short: copy it again.",
            )
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise UserError(
            f"cannot read the external data '{location}' of the tensor '{tensor.name}': {error}"
        ) from error


def _inside(folder: Path, location: str, name: str) -> Path:
    """The file of that name, or an error if it lies anywhere but in the model's folder."""
    pure = (PurePosixPath(location), PureWindowsPath(location))
    leaves = any(p.is_absolute() or p.drive or p.root or ".." in p.parts for p in pure)
    if not location or leaves or "\0" in location:
        raise UserError(
            f"the external data '{location}' of the tensor '{name}' is not a path within the "
            "model's folder",
            fix="Put the data beside the model, and name it by a relative path.",
        )
    try:
        path = (folder / location).resolve()
        inside = path.is_relative_to(folder.resolve())
        exists = path.is_file()
    except OSError as error:
        raise UserError(f"cannot find the external data '{location}': {error}") from error
    if not inside:
        raise UserError(
            f"the external data '{location}' of the tensor '{name}' is a link that leads out of "
            "the model's folder",
            fix="Put the data itself beside the model.",
        )
    if not exists:
        raise UserError(
            f"the external data '{location}' of the tensor '{name}' is not a file in '{folder}'",
            fix="Copy it there, beside the model.",
        )
    return path


def _whole_number(text: str, what: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UserError(
            f"the external data of the tensor '{name}' has {what} '{text[:40]}', which is no "
            "whole number"
        )
    return int(text)


def shortest(number: float) -> float:
    """The shortest decimal that is this single-precision number: 0.01, not 0.0099999998.

    ONNX stores numbers of attributes in single precision. Both decimals stand for the same one,
    and the shorter is what the author of the model wrote.
    """
    return float(str(np.float32(number)))


def of_array(array: Array, name: str) -> onnx.TensorProto:
    """The tensor of an array."""
    tensor: onnx.TensorProto = onnx.numpy_helper.from_array(np.asarray(array, order="C"), name)
    return tensor
