"""Collecting ONNX nodes while a graph, or the body of a function, is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from sightline.frontend.onnx.tensors import of_array
from sightline.ir.types import Array


class Emitter:
    """Appends nodes, and gives every value a name of its own that begins with `prefix`.

    `taken` are names that it must not give, and `weights` names that it keeps for initializers.
    Constants are initializers; in the body of a function, which has none, they are nodes.
    """

    def __init__(
        self,
        taken: Sequence[str] = (),
        weights: Collection[str] = (),
        *,
        in_function: bool = False,
    ) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.prefix = ""
        self._in_function = in_function
        self._taken = {*taken, *weights}
        self._weights = frozenset(weights)

    def name(self, wanted: str) -> str:
        """A free name like the wanted one."""
        name, suffix = wanted, 0
        while name in self._taken:
            suffix += 1
            name = f"{wanted}_{suffix}"
        self._taken.add(name)
        return name

    def emit(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Append a standard node with one result, and give its name."""
        result = self.name(f"{self.prefix}/{op_type}" if self.prefix else op_type.lower())
        node = helper.make_node(op_type, list(inputs), [result], name=result)
        for key, value in attributes.items():
            node.attribute.append(helper.make_attribute(key, value))
        self.nodes.append(node)
        return result

    def constant(self, value: Array | Sequence[int] | float, name: str = "constant") -> str:
        """A constant: integers are int64, as shapes are; a number is float32."""
        if isinstance(value, np.ndarray):
            array = value
        else:
            array = np.array(value, np.float32 if isinstance(value, float) else np.int64)
        if self._in_function:
            return self.emit("Constant", value=of_array(array, ""))
        return self.weights(array, f"{self.prefix}/{name}")

    def weights(self, array: Array, name: str) -> str:
        """An initializer of that name, or the one that was made of the same array before."""
        tensor = of_array(array, name)
        known = self.initializers.get(name)
        if known is not None and known.raw_data == tensor.raw_data and known.dims == tensor.dims:
            return name
        kept = name in self._weights and known is None
        tensor.name = name if kept else self.name(name)
        self.initializers[tensor.name] = tensor
        return str(tensor.name)
