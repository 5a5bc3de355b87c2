"""PyTorch on a CUDA device, for benchmarks: a float network in the forms that it is quickest in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from sightline.ir.graph import Graph
from sightline.ir.types import Array
from sightline.peers.pytorch import Program

Replay = Callable[[], tuple[Tensor, ...]]
"""One frame, enqueued on the current stream, and its outputs, which are good until the next. Its
inputs are on the device already."""

WARM_UP = 3

CUDA: Any = torch.cuda  # parts of it have no types


def forms(
    graph: Graph, frame: Mapping[str, Array], half: bool
) -> Iterator[tuple[str, Callable[[], Replay]]]:
    """Names, and what prepares each."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    for way, prepare in WAYS.items():
        for memory in ("contiguous", "channels_last"):
            yield f"{way}, {memory}", functools.partial(prepare, graph, frame, half, memory)


def module(
    graph: Graph, frame: Mapping[str, Array], device: str, half: bool, memory: str
) -> tuple[GraphModule, tuple[Tensor, ...]]:
    """The network on a device, and its inputs there; with `half`, all of its floats are halves.

    What our program computes in doubles, which are slow there, PyTorch's users do in floats.
    """
    narrower = {torch.float64: torch.float32, **({torch.float32: torch.float16} if half else {})}
    program, names = Program(graph), list(frame)

    def compute(*inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(program.compute(dict(zip(names, inputs, strict=True))).values())

    given = tuple(torch.from_numpy(array.copy()) for array in frame.values())
    with torch.no_grad():
        traced: GraphModule = make_fx(compute)(*given)

    def moved(tensor: Tensor) -> Tensor:
        tensor = tensor.to(narrower.get(tensor.dtype, tensor.dtype))
        if memory == "channels_last" and tensor.dim() == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor.to(device)

    for node in traced.graph.nodes:
        if node.op == "get_attr":
            setattr(traced, node.target, moved(getattr(traced, node.target).detach()))
        changed = dict(node.kwargs)
        if "device" in changed:
            changed["device"] = torch.device(device)
        if changed.get("dtype") in narrower:
            changed["dtype"] = narrower[changed["dtype"]]
        node.kwargs = changed
    traced.recompile()
    return traced, tuple(map(moved, given))


def _captured(graph: Graph, frame: Mapping[str, Array], half: bool, memory: str) -> Replay:
    """Op by op, as one CUDA graph."""
    network, inputs = module(graph, frame, "cuda", half, memory)
    aside = CUDA.Stream()
    aside.wait_stream(CUDA.current_stream())
    with torch.no_grad(), CUDA.stream(aside):
        for _ in range(WARM_UP):
            network(*inputs)
    CUDA.current_stream().wait_stream(aside)
    captured = CUDA.CUDAGraph()
    with torch.no_grad(), CUDA.graph(captured):
        outputs: tuple[Tensor, ...] = network(*inputs)

    def replay() -> tuple[Tensor, ...]:
        captured.replay()
        return outputs

    return replay


def _compiled(graph: Graph, frame: Mapping[str, Array], half: bool, memory: str) -> Replay:
    """By its compiler, which captures the frame too."""
    network, inputs = module(graph, frame, "cuda", half, memory)
    program = torch.compile(network, mode="max-autotune")

    def replay() -> tuple[Tensor, ...]:
        with torch.no_grad():
            outputs: tuple[Tensor, ...] = program(*inputs)
        return outputs

    for _ in range(WARM_UP):
        replay()
    return replay


WAYS = {"eager, captured": _captured, "torch.compile": _compiled}


def milliseconds(replay: Replay, frames: int) -> float:
    """Of a frame, of so many one after the other."""
    before, after = (CUDA.Event(enable_timing=True) for _ in range(2))
    before.record()
    for _ in range(frames):
        replay()
    after.record()
    after.synchronize()
    return float(before.elapsed_time(after)) / frames
