"""How the pooling ops are written. In a pooling, runtimes take no pads as wide as the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from sightline.frontend.onnx.site import Site
from sightline.ir.ops.pooling import AveragePool, LPPool, MaxPool, SumPool
from sightline.ir.window import Window


def window_attributes(window: Window) -> dict[str, Any]:
    """A window as ONNX writes it; dilations only where there are any."""
    plain = {"kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads}
    dilated = any(step > 1 for step in window.dilation)
    return plain | ({"dilations": window.dilation} if dilated else {})


def write_max_pool(site: Site, op: MaxPool) -> str:
    """Wide pads, which only a dilated kernel has, become a Pad with what never wins."""
    window, x = op.window, site.value(0)
    if not _is_narrow(window):
        begins, ends = window.pads[: window.rank], window.pads[window.rank :]
        pads = site.constant([0, 0, *begins, 0, 0, *ends], "pads")
        x = site.emit("Pad", x, pads, site.constant(-np.inf, "lowest"))
        window = Window(window.kernel, window.strides, (), window.dilation)
    return site.emit("MaxPool", x, **window_attributes(window))


def write_average_pool(site: Site, op: AveragePool) -> str:
    """All of the padding counts, or none; else it is a sum, times what each position divides by."""
    counts = op.margins == op.window.pads
    if _is_narrow(op.window) and (counts or not any(op.margins)):
        attributes = window_attributes(op.window)
        return site.emit("AveragePool", site.value(0), count_include_pad=int(counts), **attributes)
    factors = (1.0 / op.counts(site.type(0).spatial)).astype(np.float32)
    sums = _window_sum(site, op.window)
    return site.emit("Mul", sums, site.constant(factors, "factors"))


def write_sum_pool(site: Site, op: SumPool) -> str:
    return _window_sum(site, op.window)


def write_lp_pool(site: Site, op: LPPool) -> str:
    """ONNX has whole powers alone; others are left to our own function."""
    if op.p.is_integer() and _is_narrow(op.window):
        return site.emit("LpPool", site.value(0), p=int(op.p), **window_attributes(op.window))
    return site.call()


def _window_sum(site: Site, window: Window) -> str:
    """The mean over the whole window times its cells; of wide pads, a filter bank of ones."""
    attributes = window_attributes(window)
    if _is_narrow(window):
        mean = site.emit("AveragePool", site.value(0), count_include_pad=1, **attributes)
        return site.emit("Mul", mean, site.constant(float(window.taps), "cells"))
    maps = site.type(0).shape[1]
    ones = site.constant(np.ones((maps, 1, *window.kernel), np.float32), "ones")
    return site.emit("Conv", site.value(0), ones, group=maps, **attributes)


def _is_narrow(window: Window) -> bool:
    return all(pad < side for pad, side in zip(window.pads, window.kernel * 2, strict=True))
