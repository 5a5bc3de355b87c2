"""Building for the emulator: kept by content, refused with a reason, and CUDA to nvcc too."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from sightline.ir.errors import UserError
from sightline.sim.cuda import emulator
from sightline.sim.cuda.shared_arrays import with_gaps
from tests.support.emulated import SOURCES

ADD = """
extern "C" __global__ void add(float* out) { out[threadIdx.x] += 1.0f; }
extern "C" int answer() { return 42; }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "add.cu"
    path.write_text(ADD)
    return path


def test_a_second_build_is_the_first(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = emulator.build(source, source.parent / "out", checked=False)
    assert ctypes.CDLL(str(first)).answer() == 42
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    monkeypatch.setattr(emulator, "_run", None)  # whoever compiled now would fail
    assert emulator.build(source, source.parent / "out", checked=False) == first
    with pytest.raises(TypeError):
        emulator.build(source, source.parent / "out", checked=True)
    source.write_text(ADD + "// other\n")
    with pytest.raises(TypeError):
        emulator.build(source, source.parent / "out", checked=False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("int broken() { return missing; }", "add.cu:5:.*error: .*missing"),
        ('extern "C" int far_away(); int call() { return far_away(); }', "undefined .*far_away"),
        ("void launch() { int n = 0; add<<<1, 1>>>(nullptr); }", "add.cu:5:.*error"),
        (
            "#include <mma.h>\n"
            "nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 8, 16, float> tile;",
            "a tile is 16x16x16, 32x8x16 or 8x32x16",
        ),
    ],
)
def test_a_source_that_is_wrong_is_refused_with_its_line(
    source: Path, text: str, told: str
) -> None:
    source.write_text(ADD + "\n" + text + "\n")
    with pytest.raises(UserError, match=f"(?s)g\\+\\+ does not take add.cu as CUDA: .*{told}"):
        emulator.build(source, source.parent, checked=False)
    assert list(source.parent.iterdir()) == [source]


def test_without_a_compiler_one_is_told_what_to_install(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(source.parent))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"needs g\+\+, and found none\. Install g\+\+ 12"):
        emulator.build(source, source.parent, checked=False)


def test_a_compiler_that_is_named_and_not_there_is_told(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "nothing -O2")
    with pytest.raises(UserError, match="and there is no program 'nothing'"):
        emulator.build(source, source.parent, checked=False)


def test_another_processor_is_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(UserError, match="runs on x86-64, and this machine is aarch64"):
        emulator.build(source, source.parent, checked=False)


def test_shared_arrays_get_gaps_and_a_table() -> None:
    assembly = """\t.section\t.tbss,"awT",@nobits
\t.align 4
\t.type\ttile, @object
tile:
\t.zero\t28
\t.bss
other:
\t.zero\t64
\t.text
\tleaq\tdynamic@tlsgd(%rip), %rdi
\tleaq\ttile@tlsld(%rip), %rdi
\tleaq\t_ZSt11__once_call@tlsgd(%rip), %rdi
"""
    lines = with_gaps(assembly, checked=True).splitlines()
    at = lines.index("tile:")
    assert lines[at - 2 : at + 4] == [
        *("\t.zero\t256", "\t.balign\t64", "tile:"),
        *("\t.zero\t28", "\t.balign\t64", "\t.zero\t256"),
    ]
    assert lines[lines.index("other:") + 1] == "\t.zero\t64"
    assert lines[lines.index("other:") + 2] == "\t.text"
    assert "\tleaq\temulated_dynamic_shared@tlsgd(%rip), %rdi" in lines
    assert "\tleaq\ttile@tlsld(%rip), %rdi" in lines
    assert "\tleaq\t_ZSt11__once_call@tlsgd(%rip), %rdi" in lines
    table = lines[lines.index("emulated_shared_arrays:") + 1 :]
    assert table[:2] == ["\t.quad\ttile@dtpoff", "\t.quad\t28"]
    assert table[3] == "\t.quad\temulated_dynamic_shared@dtpoff"


def test_the_runtime_compiles_without_a_warning(tmp_path: Path) -> None:
    whole = tmp_path / "whole.cpp"
    whole.write_text("".join(f'#include "{path.name}"\n' for path in emulator._parts()))
    flags = [*emulator.RUNTIME_FLAGS, "-fsyntax-only"]
    done = subprocess.run(["g++", *flags, str(whole)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(path.name for path in SOURCES.glob("*.cu")))
def test_the_sources_are_cuda_to_nvcc(name: str, tmp_path: Path) -> None:
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("no nvcc here, so that whether this source is CUDA was not tried")
    command = [nvcc, "-std=c++17", "-arch=sm_90", "-cubin", "-o", str(tmp_path / "out")]
    command += [str(SOURCES / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
