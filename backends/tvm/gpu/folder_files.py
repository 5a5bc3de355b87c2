"""The files of a folder that stands alone.

model.cu          kernels, and the functions of model.h
model.h           how a C program uses them
weights.bin       weights, with their size and checksum
plan.json         inputs and outputs, and what each launch does
CMakeLists.txt    builds libmodel.so and the example
example.c         runs one frame of files, or of zeros
model.py          the same from Python, with NumPy alone
README.md         how to build and use it
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from sightline.backends.target import NO_MEANING, Meaning
from sightline.backends.tvm.cuda_options import FIRST_TENSOR_CORES, OLDEST, CudaOptions
from sightline.backends.tvm.gpu.folder import HEADER, PLAN, SOURCE, WEIGHTS_FILE
from sightline.backends.tvm.gpu.network import Network, Place, Port, Step
from sightline.backends.tvm.gpu.readme import readme
from sightline.backends.tvm.gpu.tensor_cores import FUNCTION
from sightline.backends.tvm.gpu.weights_file import MAGIC, weights_file
from sightline.backends.tvm.plan import dumps

HERE = Path(__file__).parent / "folder"
SCHEMA = 1

INCLUDES = (
    *("cuda_runtime.h", "cerrno", "cstdint", "cstdio", "cstring", "exception"),
    *("initializer_list", "map", "memory", "mutex", "string", "thread", "vector"),
)


def folder_files(
    network: Network, options: CudaOptions, graph: str, meaning: Meaning = NO_MEANING
) -> dict[str, bytes]:
    """Contents by name; `graph` is the SHA-256 of the graph's text."""
    texts = {
        SOURCE: source(network),
        HEADER: _read(HEADER),
        PLAN: plan(network, options, graph, meaning),
        "CMakeLists.txt": _read("CMakeLists.txt").replace("@ARCHITECTURE@", str(options.number)),
        "example.c": _read("example.c"),
        "model.py": _read("model.py"),
        "README.md": readme(_read("README.md"), network, options, meaning),
    }
    files = {name: text.encode() for name, text in texts.items()}
    return files | {WEIGHTS_FILE: weights_file(network.weights)}


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def source(network: Network) -> str:
    """The whole of model.cu."""
    return "\n".join(
        [
            f"// The network '{network.name.encode('ascii', 'replace').decode()}'. Generated.",
            *(f"#include <{name}>" for name in INCLUDES),
            "",
            '#include "model.h"',
            "",
            "#ifdef __CUDACC__",
            "#pragma nv_diag_suppress 1046  // constants are written with the digits of doubles",
            "#endif",
            *_tensor_cores(network.source),
            network.source,
            *_tables(network),
            _read("run.cu"),
            *_launch(network.steps),
        ]
    )


def _tensor_cores(source: str) -> list[str]:
    """What kernels call that multiply tiles, if there are any."""
    return ["#include <cuda_fp16.h>", "", _read("tensor_cores.cu")] if FUNCTION in source else []


def _tables(network: Network) -> list[str]:
    magic = ", ".join(f"'{letter}'" for letter in MAGIC.decode())
    order = network.order
    launches = [
        f"{{{_text(step.label)}, {stream}}}"
        for step, stream in zip(network.steps, order.streams, strict=True)
    ]
    waits = [
        f"{{{number}, {before}}}" for number, needed in enumerate(order.waits) for before in needed
    ]
    return [
        "namespace {",
        "",
        "// Where an array begins: in a buffer, or, for buffer -1, among the weights.",
        "struct Place { int buffer; size_t offset; };",
        "struct Port { const char* name; size_t bytes; Place place; };",
        "// What a kernel of a frame does, and the stream that captures it.",
        "struct Launch { const char* does; int stream; };",
        "// A launch that begins when an earlier one is over, by their numbers.",
        "struct Wait { int launch, before; };",
        "",
        f"constexpr char WEIGHTS_MAGIC[8] = {{{magic}}};",
        f"constexpr uint64_t WEIGHTS_BYTES = {len(network.weights)};",
        f"constexpr uint32_t WEIGHTS_CHECKSUM = 0x{zlib.crc32(network.weights):08X}u;",
        *_ports("INPUT", network.inputs),
        *_ports("OUTPUT", network.outputs),
        *_table("BUFFER", "size_t BUFFERS", [str(size) for size in network.buffers]),
        *_table("LAUNCH", "Launch LAUNCHES", launches),
        *_table("WAIT", "Wait WAITS", waits),
        "",
        f"constexpr int LEAST_ARCHITECTURE = {least_architecture(network)};",
        f"constexpr int STREAM_COUNT = {max(order.streams, default=0) + 1};",
        "",
        "}  // namespace",
        "",
    ]


def least_architecture(network: Network) -> int:
    """The oldest that can run the kernels, as a number."""
    return FIRST_TENSOR_CORES if FUNCTION in network.source else OLDEST


def _ports(kind: str, ports: tuple[Port, ...]) -> list[str]:
    rows = [f"{{{_text(port.name)}, {port.bytes}, {_place(port.place)}}}" for port in ports]
    return _table(kind, f"Port {kind}S", rows)


def _table(kind: str, declared: str, rows: list[str]) -> list[str]:
    """An array and its length; as C++ has no empty arrays, one has a row that is never read."""
    lines = [f"    {row}," for row in rows or ["{}"]]
    return [
        "",
        f"constexpr int {kind}_COUNT = {len(rows)};",
        f"constexpr {declared}[] = {{",
        *lines,
        "};",
    ]


def _launch(steps: tuple[Step, ...]) -> list[str]:
    """The functions that launch the numbered kernel of a frame, and that look for their code."""
    lines = ["", "int model::launch(int number, cudaStream_t where) const {", "  switch (number) {"]
    for number, step in enumerate(steps):
        grid, block = (", ".join(map(str, extents)) for extents in (step.grid, step.block))
        places = ", ".join(f"at({_place(place)})" for place in step.arguments)
        lines += [
            f"    case {number}:",
            f"      return launch_kernel({step.kernel}, dim3({grid}), dim3({block}), where,",
            f"                           {{{places}}});",
        ]
    lines += ["  }", '  return fail("there is no such launch");', "}", ""]
    lines += ["static cudaError_t find_code() {"]
    if steps:
        lines += ["  cudaFuncAttributes attributes;"]
        lines += [f"  return cudaFuncGetAttributes(&attributes, {steps[0].kernel});", "}", ""]
    else:
        lines += ["  return cudaSuccess;", "}", ""]
    return lines


def _place(place: Place) -> str:
    return f"{{{place.buffer}, {place.offset}}}"


def _text(text: str) -> str:
    """A literal of C++."""
    return json.dumps(text, ensure_ascii=False)


def plan(network: Network, options: CudaOptions, graph: str, meaning: Meaning) -> str:
    """Plain facts: what goes in and out, what it stands for, and what each launch does."""

    def ports(listed: tuple[Port, ...]) -> list[dict[str, object]]:
        return [
            {"name": port.name, "shape": list(port.shape), "dtype": port.dtype} for port in listed
        ]

    launches = [
        {"does": step.label, "kernel": step.kernel, "grid": step.grid, "block": step.block}
        for step in network.steps
    ]
    return dumps(
        {
            "schema": SCHEMA,
            "name": network.name,
            "arch": options.arch,
            "half": options.half,
            "graph": graph,
            "inputs": ports(network.inputs),
            "outputs": ports(network.outputs),
            "picture": meaning.picture,
            "classes": meaning.classes,
            "buffers": list(network.buffers),
            "weights": len(network.weights),
            "launches": launches,
        }
    )
