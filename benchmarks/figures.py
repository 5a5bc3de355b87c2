"""The figures of docs/FIGURES.md, measured anew: `make figures`, or `python benchmarks/figures.py`.

Prints Markdown. Times are of the machine it runs on; ratios and counts are what to compare.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime

import sightline
from sightline.frontend import onnx
from sightline.frontend.model import Model
from sightline.ir.ops.conv import Conv
from sightline.ir.types import Array

Row = tuple[str, str, str]
"""What was measured, the figure, and the bar it is held to."""


def agreement() -> Iterator[Row]:
    """Reference and TVM CPU, compiled, against onnxruntime on the exported float graph."""
    for name in ("lenet5", "torch7", "scene"):
        model = sightline.read(f"models:{name}")
        x = picture_like(model)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.onnx"
            onnx.write(model, path)
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            (expected,) = session.run(None, {model.graph.inputs[0].name: x})
        artifact = sightline.compile(model, targets=["reference", "cpu"])
        for target in ("reference", "cpu"):
            error = relative(artifact.run(x, target=target), expected)
            yield f"{name}: {target} against onnxruntime, relative", f"{error:.1e}", "1e-4"


def picture_like(model: Model) -> Array:
    """Noise with the range of the model's input."""
    shape = model.graph.inputs[0].type.shape
    return np.random.default_rng(0).random(shape, np.float32)


def relative(found: Array, expected: Array) -> float:
    """The largest difference over the largest magnitude."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def reference_cost() -> Iterator[Row]:
    """One frame through the float reference, in a process of its own."""
    script = """
import json, resource, time
import numpy as np, sightline
model = sightline.read("models:scene")
x = np.random.default_rng(0).random((1, 3, 240, 320), np.float32)
artifact = sightline.compile(model, targets=["reference"])
start = time.perf_counter()
artifact.run(x)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps([seconds, peak]))
"""
    seconds, peak = json.loads(python(script))
    yield "scene net 320x240, float reference, one frame", f"{seconds:.2f} s", "4 s"
    yield "its peak memory, process and all", f"{peak:.2f} GB", "1.5 GB"


def counts() -> Iterator[Row]:
    """The published counts. The rule: filter banks only, padding counted, absent planes not."""
    scene = sightline.read("models:scene").graph
    banks = [n for n in scene.operations if isinstance(n.op, Conv) and n.name != "classifier"]
    total = sum(map(scene.macs, banks)) / 1e9
    yield "scene net, filter banks of three scales", f"{total:.2f} G MACs", "3.27 G"
    lenet = sightline.read("models:lenet5").graph
    c3 = lenet["c3"].op
    assert isinstance(c3, Conv)
    yield "LeNet-5, kernels of C3", str(c3.table.pairs), "60"


def start_up() -> Iterator[Row]:
    """The fastest of five, since other work on the machine only ever adds."""
    yield "import sightline", f"{fastest('-c', 'import sightline'):.2f} s", "0.3 s"
    yield "sightline --help", f"{fastest('-m', 'sightline', '--help'):.2f} s", "0.5 s"


def fastest(*arguments: str) -> float:
    script = f"""
import subprocess, sys, time
times = []
for _ in range(5):
    start = time.perf_counter()
    subprocess.run([sys.executable, *{list(arguments)!r}], check=True, capture_output=True)
    times.append(time.perf_counter() - start)
print(min(times))
"""
    return float(python(script))


def python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


SECTIONS: tuple[Callable[[], Iterator[Row]], ...] = (agreement, reference_cost, counts, start_up)


def main() -> None:
    print("| what | measured | bar |\n|---|---|---|")
    for section in SECTIONS:
        for what, measured, bar in section():
            print(f"| {what} | {measured} | {bar} |", flush=True)


if __name__ == "__main__":
    main()
