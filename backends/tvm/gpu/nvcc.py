"""The library of a compiled folder, built by nvcc where there is a device to run it on."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sightline.backends.tvm.gpu.folder import HEADER, SOURCE
from sightline.ir.cache import cache_folder, half_made
from sightline.ir.errors import UserError

USUAL = "/usr/local/cuda/bin/nvcc"
ELSEWHERE = (
    "Run it on a machine that has one, or the target 'cpu' or 'reference' here; the folder of the "
    "target stands alone, and can be copied there."
)


def check_device(fix: str = ELSEWHERE) -> None:
    """Refuse to go on where there is no device; `fix` says what to do instead."""
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise _no_device("its driver is not installed", fix) from error
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        raise _no_device("its driver finds none", fix)


def _no_device(why: str, fix: str) -> UserError:
    return UserError(f"there is no CUDA device on this machine: {why}", fix=fix)


def find_nvcc() -> str:
    """The CUDA compiler: what NVCC names, the one on the path, or where it is installed to."""
    told = os.environ.get("NVCC", "").strip()
    for name in [told] if told else ["nvcc", USUAL]:
        found = shutil.which(name)
        if found:
            return found
    named = f": NVCC is '{told}', which is no program" if told else ""
    raise UserError(
        f"the target 'cuda' needs nvcc to build its library, and found none{named}",
        fix="Install the CUDA toolkit, 12 or later, or name nvcc in the variable NVCC.",
    )


def build(folder: Path, arch: str) -> Path:
    """The library of a folder's model.cu, from the cache if it was built before."""
    nvcc = find_nvcc()
    texts = [(folder / name).read_bytes() for name in (SOURCE, HEADER)]
    digest = hashlib.sha256(b"\n".join([*texts, arch.encode(), _version(nvcc)])).hexdigest()[:16]
    kept = cache_folder("cuda") / f"model-{digest}.so"
    if kept.exists():
        return kept
    with half_made(kept.parent) as work:
        half = work / kept.name
        compute = arch.replace("sm_", "compute_")
        run(
            nvcc,
            *("-O3", "-std=c++17", "-shared", "-Xcompiler", "-fPIC,-fvisibility=hidden"),
            *("-gencode", f"arch={compute},code=[{arch},{compute}]"),
            *(str(folder / SOURCE), "-o", str(half)),
        )
        half.replace(kept)
    return kept


def run(*command: str) -> str:
    """What nvcc prints; a UserError tells its first complaint."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines() or ["it told no reason"]
        told = next((line for line in lines if "error" in line), lines[0])
        raise UserError(
            f"nvcc could not build the library: {told}",
            fix="Check that the CUDA toolkit is 12 or later, and knows the architecture.",
        )
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Resources:
    """What a kernel takes of a multiprocessor, and the bytes that do not fit its registers."""

    registers: int
    shared: int
    spilled: int


def resources(source: Path, arch: str) -> dict[str, Resources]:
    """By kernel, as ptxas tells it; no device is needed."""
    with tempfile.TemporaryDirectory() as work:
        cubin = Path(work) / "model.cubin"
        flags = ("-std=c++17", "-O3", f"-arch={arch}", "-Xptxas", "-v", "-cubin")
        told = run(find_nvcc(), *flags, str(source), "-o", str(cubin))
    found = {}
    for part in told.split("Compiling entry function '")[1:]:
        taken, shared = (re.search(what, part) for what in (_REGISTERS, _SHARED))
        found[part.partition("'")[0]] = Resources(
            int(taken[1]) if taken else 0,
            int(shared[1]) if shared else 0,
            sum(map(int, re.findall(_SPILLED, part))),
        )
    return found


_REGISTERS, _SHARED = r"Used (\d+) registers", r"(\d+) bytes smem"
_SPILLED = r"(\d+) bytes (?:stack|spill)"


def _version(nvcc: str) -> bytes:
    return subprocess.run([nvcc, "--version"], capture_output=True, check=False).stdout
