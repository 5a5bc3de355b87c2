"""onnxruntime on the CPU: the exported network, with all its graph optimizations.

A network with connection tables is tried in two forms, of which the faster counts: its filter banks
split into grouped ones, and dense, with zeros for planes that are absent. Integers are those of its
own quantization: QDQ, activations of 8 bits without sign, weights of 8 bits for each output map.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import inliner
from onnxruntime import quantization

from sightline.frontend.onnx import to_onnx
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.types import Array
from sightline.peers.peer import Form, Run, Subject

FATAL_ALONE = 4
"""The least severity of what it logs: it raises errors as well."""


class OnnxRuntime:
    """The peer `onnxruntime`. Its threads spin as they do by default."""

    name = "onnxruntime"

    def prepare(self, subject: Subject) -> list[Form]:
        forms = []
        for name, dense in _forms(subject.model.graph).items():
            proto = to_onnx(subject.model, dense=dense)
            try:
                if subject.integers:
                    proto = quantized(proto, subject.frames)
                run = session(proto, subject.threads)
                for frame in subject.frames[:1]:
                    run(frame)
            except Exception as error:  # of many types, whatever it is that it does not take
                first = str(error).partition("\n")[0] or type(error).__name__
                raise UserError(f"onnxruntime refuses the network: {first}") from error
            forms.append(Form(name, run))
        return forms


def _forms(graph: Graph) -> dict[str, bool]:
    """The forms by name, and whether each is dense."""
    tables = [node.op.table for node in graph.nodes if isinstance(node.op, Conv)]
    if all(table.groups is not None for table in tables):
        return {"": False}
    return {"dense": True, "split": False}


def session(proto: onnx.ModelProto, threads: int) -> Run:
    """What runs a frame; the thread that calls it is one of those counted."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = FATAL_ALONE
    made = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in made.get_outputs()]

    def run(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return dict(zip(names, made.run(names, dict(inputs)), strict=True))

    return run


class _Frames(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Frames as its calibration takes them: one after the other, then None."""

    def __init__(self, frames: Sequence[Mapping[str, Array]]) -> None:
        self._left: Iterator[Mapping[str, Array]] = iter(frames)

    def get_next(self) -> dict[str, Any] | None:
        frame = next(self._left, None)
        return None if frame is None else dict(frame)


def quantized(proto: onnx.ModelProto, frames: Sequence[Mapping[str, Array]]) -> onnx.ModelProto:
    """The model as onnxruntime quantizes it. What our own functions do stays in float.

    It takes no functions, so they are written out; some of what they compute sizes by, it breaks.
    Its sums saturate on processors without dot products of bytes: there it is as fast, but coarser.
    """
    written_out = inliner.inline_local_functions(proto)
    kept = {node.name for node in proto.graph.node if not node.domain}
    in_functions = [node.name for node in written_out.graph.node if node.name not in kept]
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it would recommend other tools
    try:
        with tempfile.TemporaryDirectory(prefix="sightline-") as folder:
            path = Path(folder) / "quantized.onnx"
            quantization.quantize_static(
                written_out,
                path,
                _Frames(frames),
                quant_format=quantization.QuantFormat.QDQ,
                nodes_to_exclude=in_functions,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
            return onnx.load(path)
    finally:
        logging.disable(level)


PEER = OnnxRuntime()
