"""What is told of the processor, and how many threads a frame gets."""

from __future__ import annotations

import os

import pytest

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.host import (
    THREADS,
    Processor,
    host,
    physical_cores,
    threads,
    use_threads,
)
from sightline.ir.errors import UserError

VNNI = ("avx512bw", "avx512f", "avx512vl", "avx512vnni")


@pytest.mark.parametrize(
    ("features", "lanes", "registers", "dots"),
    [
        (("sse2",), 4, 16, "sse2.pmadd.wd"),
        (("avx", "sse2"), 8, 16, ""),
        (("avx", "avx2"), 8, 16, "avx2.pmadd.wd"),
        (("avx", "avx512f"), 16, 32, ""),
        (("avx", "avx512bw", "avx512f"), 16, 32, "avx512.pmaddw.d.512"),
        (VNNI, 16, 32, "avx512.vpdpbusd.512 avx512.vpdpwssd.512"),
    ],
)
def test_vector_registers_follow_from_the_features(
    features: tuple[str, ...], lanes: int, registers: int, dots: str
) -> None:
    machine = Processor("x86_64", "a", features).machine
    assert (machine.lanes, machine.registers) == (lanes, registers)
    assert [each.name(lanes) for each in machine.dots] == [f"llvm.x86.{n}" for n in dots.split()]


def test_other_architectures_have_vectors_of_four() -> None:
    assert Processor("aarch64", "a", ()).machine == Machine(4, 32)


def test_what_another_processor_lacks() -> None:
    new, old = Processor("x86_64", "new", ("avx", "avx2")), Processor("x86_64", "old", ("avx",))
    assert new.lacking(old) == ["avx2"]
    assert old.lacking(new) == []
    assert old.lacking(Processor("aarch64", "a", ("avx",))) == ["the architecture x86_64"]


def test_the_target_leaves_out_what_is_withheld() -> None:
    target = Processor("x86_64", "skylake-avx512", ()).target(["avx512f"])
    assert list(target.attrs["mattr"]) == ["-avx512f"]


def test_this_processor() -> None:
    processor, withheld = host()
    assert processor.name
    assert not set(withheld) & set(processor.features)
    assert processor.lacking(processor) == []


@pytest.mark.parametrize("told", [None, ""])
def test_as_many_threads_as_cores(told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    if told is not None:
        monkeypatch.setenv(THREADS, told)
    use_threads(None)
    assert threads() == physical_cores() <= (os.cpu_count() or 1)


def test_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, "3")
    use_threads(None)
    assert threads() == 3
    use_threads(1)
    assert threads() == 1


@pytest.mark.parametrize("told", ["0", "-1", "two", "1.5", " "])
def test_what_is_no_number_of_threads(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, told)
    with pytest.raises(UserError, match=f"^the variable SIGHTLINE_THREADS is '{told}', not a num"):
        threads()
