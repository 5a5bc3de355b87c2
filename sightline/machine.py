"""What a run is on: the machine, its threads, and versions of what takes part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from sightline import __version__
from sightline.backends import registry

PACKAGES = ("numpy", "apache-tvm", "onnxruntime", "torch")
"""Those whose version says something about times, as far as they are installed."""

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
"""What decides about the clock, where the system tells."""

INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "avx512bw", "avx2", "avx")
"""For vectors, by the names of /proc/cpuinfo: processors of one name differ most in these."""


def machine() -> dict[str, str | int | None]:
    """The processor by name and instructions, cores that this process may use, clocks' governor."""
    flags = _told("flags").split()
    return {
        "processor": _told("model name") or platform.processor() or platform.machine(),
        "instructions": next((each for each in INSTRUCTIONS if each in flags), None),
        "cores": _cores(),
        "governor": GOVERNOR.read_text().strip() if GOVERNOR.is_file() else None,
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    found = {"sightline": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _told(what: str) -> str:
    """What the system tells of the first processor; nothing, where it tells nothing."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(what)), "")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(asked: int | None) -> int:
    """How many threads the target cpu has, and so each peer; so many as are asked for, if any."""
    registry.target("cpu")  # or what to install
    from sightline.backends.tvm import host

    host.use_threads(asked)
    return host.threads()
