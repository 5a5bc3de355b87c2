"""The installed TVM is one that works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TENSORIZE = """
import tvm
from tvm import s_tir, te
from tvm.script import tirx as T

@T.prim_func(s_tir=True)
def described(a: T.handle, b: T.handle) -> None:
    A = T.match_buffer(a, (8,), "float32", offset_factor=1)
    B = T.match_buffer(b, (8,), "float32", offset_factor=1)
    with T.sblock("root"):
        T.reads(A[0:8])
        T.writes(B[0:8])
        for i in range(8):
            with T.sblock("copy"):
                at = T.axis.spatial(8, i)
                B[at] = A[at] + T.float32(1)

@T.prim_func(s_tir=True)
def written(a: T.handle, b: T.handle) -> None:
    A = T.match_buffer(a, (8,), "float32", offset_factor=1)
    B = T.match_buffer(b, (8,), "float32", offset_factor=1)
    with T.sblock("root"):
        T.reads(A[0:8])
        T.writes(B[0:8])
        B[T.Ramp(0, 1, 8)] = A[T.Ramp(0, 1, 8)] + T.Broadcast(T.float32(1), 8)

s_tir.TensorIntrin.register("add_one", described, written)
x = te.placeholder((64,), name="x")
y = te.compute((64,), lambda i: x[i] + 1.0, "y")
sch = s_tir.Schedule(te.create_prim_func([x, y]))
outer, inner = sch.split(sch.get_loops(sch.get_sblock("y"))[0], [None, 8])
sch.tensorize(inner, "add_one")
assert "Broadcast" in sch.mod.script()
print("tensorized")
"""


def test_tensorize_does_not_crash(tmp_path: Path) -> None:
    """Some releases of apache-tvm-ffi end the process here with a segmentation fault."""
    script = tmp_path / "tensorize.py"  # a file, as TVM reads the source of its functions
    script.write_text(TENSORIZE)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode >= 0, (
        f"tensorize crashed the process (signal {-done.returncode}): this apache-tvm-ffi does not "
        "work with apache-tvm; install the versions that pyproject.toml pins"
    )
    assert done.stdout == "tensorized\n", done.stderr
