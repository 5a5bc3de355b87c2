"""A CUDA source as TVM generates it, with a C function that runs it: for the emulator.

Those with matrix instructions, tests/support/cuda/tiles_*.cu, were made the same way and kept: to
import tvm.s_tir.tensor_intrin.cuda takes a minute and a half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, te
from tvm.target import Target

MAPS, CHANNELS, HEIGHT, WIDTH, TAPS = 16, 4, 16, 32, 3


@dataclass(frozen=True)
class Generated:
    """A kernel's source and how to launch it, with its parameters in the source's order."""

    source: str
    name: str
    grid: int
    block: tuple[int, int, int]
    parameters: tuple[str, ...]

    def program(self) -> str:
        """The source with `run(parameters' host memory…, bytes of each)`, the result called out."""
        hosts = ", ".join(f"void* {name}, int {name}_bytes" for name in self.parameters)
        return "\n".join([self.source, f'extern "C" int run({hosts}) {{', *self._body(), "}", ""])

    def _body(self) -> list[str]:
        def checked(call: str) -> str:
            return f"  if (cudaError_t error = {call}) return error;"

        lines: list[str] = []
        for name in self.parameters:
            arguments = f"{name}_device, {name}, {name}_bytes, cudaMemcpyHostToDevice"
            lines += [f"  void* {name}_device;"]
            lines += [checked(f"cudaMalloc(&{name}_device, {name}_bytes)")]
            lines += [checked(f"cudaMemcpy({arguments})")] * (name != "out")
        pointers = ", ".join(f"&{name}_device" for name in self.parameters)
        sizes = f"dim3({self.grid}), dim3{self.block}, arguments"
        back = "out, out_device, out_bytes, cudaMemcpyDeviceToHost"
        return [
            *lines,
            f"  void* arguments[] = {{{pointers}}};",
            checked(f"cudaLaunchKernel({self.name}, {sizes})"),
            checked(f"cudaMemcpy({back})"),
            *(checked(f"cudaFree({name}_device)") for name in self.parameters),
            "  return 0;",
        ]


def direct() -> Generated:
    """A direct convolution of floats, with shared tiles, bias and tanh."""
    given = te.placeholder((CHANNELS, HEIGHT + TAPS - 1, WIDTH + TAPS - 1), name="given")
    weights = te.placeholder((CHANNELS, TAPS, TAPS, MAPS), name="weights")
    bias = te.placeholder((MAPS,), name="bias")
    c, v, u = (
        te.reduce_axis((0, size), name)
        for size, name in ((CHANNELS, "c"), (TAPS, "v"), (TAPS, "u"))
    )
    sums = te.compute(
        (MAPS, HEIGHT, WIDTH),
        lambda m, y, x: te.sum(given[c, y + v, x + u] * weights[c, v, u, m], axis=[c, v, u]),
        name="sums",
    )
    out = te.compute(
        (MAPS, HEIGHT, WIDTH), lambda m, y, x: te.tanh(sums[m, y, x] + bias[m]), name="out"
    )
    function = te.create_prim_func([given, weights, bias, out])
    schedule = s_tir.Schedule(
        tvm.IRModule({"direct": function.with_attr("global_symbol", "direct")})
    )
    schedule.work_on("direct")
    sum_block, out_block = schedule.get_sblock("sums"), schedule.get_sblock("out")
    m, y, x = schedule.get_loops(out_block)
    y_block, y_thread = schedule.split(y, [None, 4])
    schedule.reorder(y_block, y_thread, x, m)
    schedule.bind(y_block, "blockIdx.x")
    schedule.bind(y_thread, "threadIdx.y")
    schedule.bind(x, "threadIdx.x")
    schedule.compute_at(sum_block, x)
    schedule.set_scope(sum_block, 0, "local")
    maps, channel = (schedule.get_loops(sum_block)[k] for k in (-4, -3))
    schedule.reorder(channel, *schedule.get_loops(sum_block)[-2:], maps)
    schedule.unroll(maps)
    for operand in (0, 1):
        shared = schedule.cache_read(sum_block, operand, "shared")
        schedule.compute_at(shared, channel)
        fused = schedule.fuse(*schedule.get_loops(shared)[4:])
        _, warp, lane = schedule.split(fused, [None, 4, WIDTH])
        schedule.bind(warp, "threadIdx.y")
        schedule.bind(lane, "threadIdx.x")
    schedule.decompose_reduction(sum_block, channel)
    return _generated(schedule, "direct", HEIGHT // 4, (WIDTH, 4, 1))


def _generated(schedule: Any, name: str, grid: int, block: tuple[int, int, int]) -> Generated:
    target = Target({"kind": "cuda", "arch": "sm_90"}, host="llvm")
    with tvm.transform.PassContext(config={"tirx.disable_cse_tir": True}):
        built = tvm.tirx.build(schedule.mod, target=target)
    source = str(built.imports[0].inspect_source())
    kernel = f"{name}_kernel"
    # TVM sorts a kernel's parameters in its own way.
    listed = source.rpartition(f"{kernel}(")[2].partition(")")[0].split(",")
    parameters = tuple(each.split()[-1].removesuffix("_ptr") for each in listed)
    return Generated(source, kernel, grid, block, parameters)
