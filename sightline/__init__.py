"""Sightline compiles a trained ConvNet to what it will run on: CPU, CUDA or FPGA.

    net = sightline.read("net.onnx")                # or "models:NAME", or a module of ours
    net = sightline.quantize(net, "frames/")        # for integers: pictures, or arrays
    artifact = sightline.compile(net, targets=["cpu"])
    y = artifact.run(x)
    artifact.save("build")

The names below are imported when they are first used, so that `import sightline` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightline.artifact import Artifact, load
    from sightline.backends.fpga.plan_options import FpgaOptions
    from sightline.compiler import compile
    from sightline.frontend.model import Model, Picture
    from sightline.ir.errors import UserError
    from sightline.quantizer import quantize
    from sightline.source import read

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "FpgaOptions",
    "Model",
    "Picture",
    "UserError",
    "compile",
    "load",
    "quantize",
    "read",
]

_HOMES = {
    "Artifact": "sightline.artifact",
    "FpgaOptions": "sightline.backends.fpga.plan_options",
    "Model": "sightline.frontend.model",
    "Picture": "sightline.frontend.model",
    "UserError": "sightline.ir.errors",
    "compile": "sightline.compiler",
    "load": "sightline.artifact",
    "quantize": "sightline.quantizer",
    "read": "sightline.source",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sightline' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
