"""Every mistake in tests/support/cuda/mistakes.cu is found and named; its sound twin passes."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.sim.cuda import emulator
from tests.support.emulated import SOURCES, address, fresh

ILLEGAL_ADDRESS, MISALIGNED, LAUNCH_FAILURE = 700, 716, 719

IN = np.arange(1, 65, dtype=np.float32) / 64
FLIPPED = IN[::-1]

RACE = r"data race in kernel '{kernel}': thread .* of block .* "
MISTAKES = {
    "written_then_read": (
        LAUNCH_FAILURE,
        RACE + r"writes 4 bytes at {file}:\d+, which thread .* read at {line} with no barrier "
        r"between: byte \d+ of shared array {kernel}::tile of 256 bytes",
    ),
    "read_then_written": (
        LAUNCH_FAILURE,
        RACE + r".* 4 bytes at {file}:\d+, which thread .* wrote at {line} with no barrier "
        r"between: byte \d+ of shared array {kernel}::tile of 256 bytes",
    ),
    "bytes_of_one_word": (LAUNCH_FAILURE, RACE + r"writes 1 byte at .*wrote at .*::tile of 64"),
    "in_one_warp": (LAUNCH_FAILURE, RACE + r".* no barrier between: .*::tile"),
    "barrier_for_some": (
        LAUNCH_FAILURE,
        r"divergent barrier in kernel '{kernel}': 32 of 64 threads wait at a barrier, the first "
        r"thread \(0,0,0\) of block \(0,0,0\) at {line}; the others have ended, the first thread "
        r"\(32,0,0\) of block \(0,0,0\)",
    ),
    "two_barriers": (
        LAUNCH_FAILURE,
        r"divergent barrier in kernel '{kernel}': thread \(0,0,0\) of block \(0,0,0\) waits at "
        r"{file}:\d+, thread \(32,0,0\) of block \(0,0,0\) at {line}",
    ),
    "shuffle_of_all": (
        LAUNCH_FAILURE,
        r"divergent warp operation in kernel '{kernel}': thread \(32,0,0\) of block \(0,0,0\) "
        r"waits at {line} for lanes that do not come",
    ),
    "own_element": (
        LAUNCH_FAILURE,
        RACE + r"writes 4 bytes at {line}, which a thread of block \(0,0,0\) wrote at {line} and "
        r"blocks have no order: byte 0 of allocation \d+ of 256 bytes, argument 2 of the kernel",
    ),
    "handed_on": (LAUNCH_FAILURE, RACE + r"reads 4 bytes at {line}, which .* argument 2"),
    "read_by_other_blocks": (
        LAUNCH_FAILURE,
        RACE + r"writes 4 bytes at {line}, which a thread of block \(0,0,0\) read at {file}:\d+",
    ),
    "whole_arrays": (
        ILLEGAL_ADDRESS,
        r"out of bounds in kernel '{kernel}': thread \(0,0,0\) of block \(0,0,0\) reads 4 bytes at "
        r"{line}, 0 bytes past the end of shared array {kernel}::first of 256 bytes: "
        r"index 64 of 64",
    ),
    "dynamic_array": (
        ILLEGAL_ADDRESS,
        r"out of bounds in kernel '{kernel}': thread \(63,0,0\) of block \(0,0,0\) writes 4 bytes "
        r"at {line}, 0 bytes past the end of the dynamic shared memory of 256 bytes: "
        r"index 64 of 64",
    ),
    "registers": (
        ILLEGAL_ADDRESS,
        r"out of bounds in kernel '{kernel}': thread \(0,0,0\) of block \(0,0,0\) at {line} uses "
        r"index 4 of an array of type 'float \[4\]'",
    ),
    "last_element": (
        ILLEGAL_ADDRESS,
        r"out of bounds in kernel '{kernel}': thread \(63,0,0\) of block \(0,0,0\) writes 4 bytes "
        r"at {line}, 0 bytes past the end of allocation \d+ of 256 bytes, argument 2 of the "
        r"kernel: index 64 of 64",
    ),
    "first_element": (
        ILLEGAL_ADDRESS,
        r"out of bounds in kernel '{kernel}': thread \(0,0,0\) of block \(0,0,0\) reads 4 bytes at "
        r"{line}, 4 bytes before the beginning of allocation \d+ of 256 bytes, argument 1 of the "
        r"kernel: index -1 of 64",
    ),
    "aligned": (
        MISALIGNED,
        r"misaligned access in kernel '{kernel}': .* at {line} uses a 'const struct float4', which "
        r"needs addresses that are multiples of 16, 4 bytes beyond one",
    ),
    "tile_in_place": (
        MISALIGNED,
        r"misaligned tile in kernel '{kernel}': .* at {line} begins 0 bytes beyond a multiple of "
        r"32, with rows of 72 bytes; .* rows are multiples of 16 bytes",
    ),
    "written_first": (
        LAUNCH_FAILURE,
        r"uninitialized read in kernel '{kernel}': thread \(7,0,0\) of block \(0,0,0\) reads 4 "
        r"bytes at {line} from byte 28 of allocation \d+ of 256 bytes, argument 3 of the kernel, "
        r"where nothing was written",
    ),
    "filled": (
        LAUNCH_FAILURE,
        r"uninitialized read in kernel '{kernel}': thread \(0,0,0\) of block \(1,0,0\) reads 4 "
        r"bytes at {line} from byte 0 of shared array {kernel}::tile of 256 bytes, where nothing "
        r"was written in this block",
    ),
}

SOUND = {
    "written_then_read": FLIPPED,
    "read_then_written": 3 * FLIPPED + 3,
    "bytes_of_one_word": np.trunc(FLIPPED),
    "in_one_warp": IN.reshape(32, 2)[:, ::-1].reshape(64),
    "barrier_for_some": np.where(np.arange(64) < 32, FLIPPED, 0),
    "two_barriers": FLIPPED,
    "shuffle_of_all": np.repeat(IN.reshape(32, 2).sum(1), 2),
    "own_element": IN,
    "handed_on": FLIPPED,
    "read_by_other_blocks": IN + IN[0],
    "whole_arrays": FLIPPED + IN,
    "dynamic_array": FLIPPED,
    "registers": IN + 1,
    "last_element": FLIPPED,
    "first_element": IN,
    "aligned": IN,
    "tile_in_place": np.full(64, 1 + IN[0]),
    "written_first": IN,
    "filled": IN,
}

LINES = (SOURCES / "mistakes.cu").read_text().splitlines()


def run(library: ctypes.CDLL, name: str) -> tuple[int, NDArray[np.float32]]:
    out = np.zeros(64, np.float32)
    given = IN.copy()
    return int(getattr(library, f"run_{name}")(address(given), address(out))), out


def mistaken_line(kernel: str) -> int:
    """The line of a kernel that says `// mistake`, counted from 1."""
    (start,) = [k for k, line in enumerate(LINES) if line.startswith(f"KERNEL {kernel}(")]
    return next(k for k in range(start, len(LINES)) if "// mistake" in LINES[k]) + 1


def test_every_mistake_has_a_twin_and_is_tested() -> None:
    kernels = re.findall(r"^RUN\((\w+)\)", "\n".join(LINES), re.MULTILINE)
    assert kernels == list(MISTAKES) == list(SOUND)


@pytest.mark.parametrize("checked", [False, True], ids=["fast", "checked"])
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_kernel_passes(name: str, checked: bool) -> None:
    library = fresh("mistakes", checked)
    error, out = run(library, name)
    assert (error, emulator.findings(library)) == (0, [])
    np.testing.assert_array_equal(out, SOUND[name])


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_and_named(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    library = fresh("mistakes", True)
    kernel = f"{name}_wrong"
    code, pattern = MISTAKES[name]
    error, _ = run(library, kernel)
    (finding,) = emulator.findings(library)
    line = f"mistakes.cu:{mistaken_line(kernel)}"
    told = pattern.replace("{kernel}", kernel).replace("{line}", line)
    assert re.match(told.replace("{file}", "mistakes.cu"), finding), finding
    assert error == code
    assert capfd.readouterr().err == finding + "\n"


@pytest.mark.parametrize("name", ["barrier_for_some", "two_barriers", "shuffle_of_all"])
def test_a_fast_build_finds_barriers_that_diverge(name: str) -> None:
    library = fresh("mistakes", False)
    error, _ = run(library, f"{name}_wrong")
    (finding,) = emulator.findings(library)
    assert finding.startswith("divergent ")
    assert error == LAUNCH_FAILURE


@pytest.mark.parametrize("name", ["aligned_wrong", "own_element_of_null"])
def test_a_fault_of_the_processor_ends_a_launch_not_the_program(name: str) -> None:
    library = fresh("mistakes", False)
    error, _ = run(library, name)
    (finding,) = emulator.findings(library)
    assert re.match(r"memory fault in kernel '(aligned_wrong|own_element)': thread \(", finding)
    assert error == ILLEGAL_ADDRESS
    emulator.forget(library)
    assert run(library, "aligned")[0] == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("own_element_on_host_memory", "illegal address .* of memory of the host"),
        ("own_element_of_null", "illegal address .* of a null pointer"),
        ("own_element_after_free", r"use after free .* of allocation \d+ .* which was freed"),
    ],
)
def test_a_wrong_pointer_of_the_host_is_found(name: str, told: str) -> None:
    library = fresh("mistakes", True)
    error, _ = run(library, name)
    (finding,) = emulator.findings(library)
    assert re.match(told, finding), finding
    assert error == ILLEGAL_ADDRESS


def test_after_a_mistake_every_call_fails_until_it_is_forgotten() -> None:
    library = fresh("mistakes", True)
    assert run(library, "last_element_wrong")[0] == ILLEGAL_ADDRESS
    assert run(library, "last_element")[0] == ILLEGAL_ADDRESS
    emulator.forget(library)
    assert run(library, "last_element")[0] == 0


def test_what_fails_leaves_its_memory_behind() -> None:
    library = fresh("mistakes", True)

    def count() -> int:
        return int((emulator.left(library) or ["0"])[0].split()[0])

    before = count()
    assert run(library, "whole_arrays")[0] == 0
    assert count() == before
    assert run(library, "whole_arrays_wrong")[0] == ILLEGAL_ADDRESS
    assert count() == before + 3
