"""The figures of docs/FIGURES.md, measured anew: `make figures`, or `python -m benchmarks.figures`.

Prints Markdown, and fails if a figure misses its bar. Times are of the machine it runs on; ratios
and counts are what to compare.
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
from benchmarks.figure import Figure, print_figures
from sightline.frontend import onnx
from sightline.frontend.model import Model
from sightline.ir.ops.conv import Conv
from sightline.ir.types import Array


def agreement() -> Iterator[Figure]:
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
            found = artifact.run_all({model.graph.inputs[0].name: x}, target)
            error = relative(found[model.graph.outputs[0].label], expected)
            yield Figure(f"{name}: {target} against onnxruntime", error, 1e-4, "{:.1e} relative")


def picture_like(model: Model) -> Array:
    """Noise with the range of the model's input."""
    shape = model.graph.inputs[0].type.shape
    return np.random.default_rng(0).random(shape, np.float32)


def relative(found: Array, expected: Array) -> float:
    """The largest difference over the largest magnitude."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def reference_cost() -> Iterator[Figure]:
    """One frame through the float reference, in a process of its own."""
    script = """
import json, re, time
from pathlib import Path
import numpy as np, sightline
model = sightline.read("models:scene")
x = np.random.default_rng(0).random((1, 3, 240, 320), np.float32)
artifact = sightline.compile(model, targets=["reference"])
start = time.perf_counter()
artifact.run(x)
seconds = time.perf_counter() - start
# Not ru_maxrss, in which a child inherits the peak of its parent.
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e6
print(json.dumps([seconds, peak]))
"""
    seconds, peak = json.loads(python(script))
    yield Figure("scene net 320x240, float reference, first frame", seconds, 4, "{:.2f} s")
    yield Figure("its peak memory, process and all", peak, 1.5, "{:.2f} GB")


def counts() -> Iterator[Figure]:
    """The published counts. The rule: filter banks only, padding counted, absent planes not."""
    scene = sightline.read("models:scene").graph
    banks = [n for n in scene.operations if isinstance(n.op, Conv) and n.name != "classifier"]
    total = round(sum(map(scene.macs, banks)) / 1e9, 2)
    yield Figure(
        "scene net, filter banks of three scales", total, 3.27, "{} G MACs", must_be="exactly"
    )
    lenet = sightline.read("models:lenet5").graph
    c3 = lenet["c3"].op
    assert isinstance(c3, Conv)
    yield Figure("LeNet-5, kernels of C3", c3.table.pairs, 60, "{}", must_be="exactly")


def start_up() -> Iterator[Figure]:
    """The fastest of five, since other work on the machine only ever adds."""
    yield Figure("import sightline", fastest("-c", "import sightline"), 0.3, "{:.2f} s")
    yield Figure("sightline --help", fastest("-m", "sightline", "--help"), 0.5, "{:.2f} s")


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


SECTIONS: tuple[Callable[[], Iterator[Figure]], ...] = (
    agreement,
    reference_cost,
    counts,
    start_up,
)


def main() -> int:
    missed = print_figures(figure for section in SECTIONS for figure in section())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
