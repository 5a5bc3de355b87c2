"""Programs built by Verilator: kept by content, never half-made, and ended when interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sightline.ir.cache import cache_folder
from sightline.ir.errors import UserError
from sightline.sim import verilator
from sightline.sim.verilator import Hardware, SimulationFailedError
from tests.support.copies import ROOT

COUNTER = Hardware(
    "counter",
    (("counter.v", "module counter(input clk, output reg [7:0] n); endmodule"),),
    public=(("counter", "*"),),
)


def counter(text: str) -> Hardware:
    """A counter that no other test has built."""
    return Hardware("counter", (("counter.v", f"{COUNTER.sources[0][1]} // {text}"),))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without programs, but with Verilator's library, which takes ten seconds."""
    shared = cache_folder("simulators")
    verilator.build(COUNTER)
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    folder = cache_folder("simulators")
    folder.mkdir()
    for path in shared.glob("runtime-*"):
        (folder / path.name).symlink_to(path)
    return folder


def programs(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith("runtime-")]


def test_a_second_build_is_the_first(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = verilator.build(COUNTER)
    assert first.parent == cache
    assert programs(cache) == [first.name]
    monkeypatch.setattr(verilator, "_compile", None)  # whoever compiled now would fail
    assert verilator.build(COUNTER) == first


@pytest.mark.parametrize(
    "other",
    [
        counter("other"),
        Hardware(COUNTER.top, COUNTER.sources, public=(("counter", "n"),)),
        Hardware(COUNTER.top, COUNTER.sources, COUNTER.public, traced="counter"),
        Hardware(COUNTER.top, COUNTER.sources, COUNTER.public, optimized=True),
    ],
)
def test_what_makes_a_difference_makes_another_build(other: Hardware) -> None:
    assert other.digest() != COUNTER.digest()


def test_the_tools_are_part_of_what_a_build_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = COUNTER.digest()
    monkeypatch.setattr(verilator, "_compiler_version", lambda: "another compiler")
    assert COUNTER.digest() != before


def test_hardware_that_is_wrong_tells_verilators_first_error(cache: Path) -> None:
    wrong = Hardware(
        "counter", (("counter.v", "module counter(input clk); assign x = ; endmodule"),)
    )
    with pytest.raises(SimulationFailedError, match=r"(?s)could not build counter: %Error.*syntax"):
        verilator.build(wrong)
    assert programs(cache) == []


def test_a_run_that_fails_tells_why(tmp_path: Path) -> None:
    with pytest.raises(SimulationFailedError, match=r"(?s)of counter failed: .*no_such_module"):
        verilator.run(verilator.build(COUNTER), "counter", "no_such_module", tmp_path)


def test_the_least_used_programs_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (cache / f"old-{number}").write_bytes(bytes(1000))
        os.utime(cache / f"old-{number}", (number, number))
    (cache / "half-made-old").mkdir()
    os.utime(cache / "half-made-old", (0, 0))
    monkeypatch.setattr(verilator, "_compile", fake)
    monkeypatch.setattr(verilator, "KEPT", 1500)
    kept = verilator.build(COUNTER)
    assert sorted(programs(cache)) == sorted([kept.name, "old-2"])


def fake(runner: object, compiler: str, hardware: Hardware, work: Path) -> None:
    """What stands for a program where only its size matters."""
    (work / hardware.top).write_bytes(bytes(100))


def start(code: str, cache: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Another process of Python that runs this code, with its temporary files in a folder."""
    variables = {"SIGHTLINE_CACHE": str(cache.parent), "TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
    )


def wait_for(found: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if found() or process.poll() is not None:
            return
        time.sleep(0.05)
    raise AssertionError("it took more than a minute")


def running(folder: Path) -> dict[int, str]:
    """The processes whose folder, program or arguments lie in a folder, and their commands."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            at = (path / "cwd").readlink()
        except OSError:
            continue
        if at.is_relative_to(folder) or any(word.startswith(str(folder)) for word in words):
            found[int(path.name)] = " ".join(words)
    return found


BUILDING = """
from sightline.sim import verilator
from tests.sim.test_verilator import counter
verilator.build(counter("killed"))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_ends_early_leaves_nothing_half_made(
    cache: Path, tmp_path: Path, how: signal.Signals
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    process = start(BUILDING, cache, work)
    wait_for(lambda: list(work.glob("sightline-build-*/*.o")), process)
    assert process.poll() is None
    process.send_signal(how)
    process.wait()
    if how == signal.SIGINT:
        assert running(work) == {}
        assert list(work.iterdir()) == []
    for pid in running(work):
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid, signal.SIGKILL)
    assert programs(cache) == []


RUNNING = """
from tests.support.adder import ADDER, BEATS, offered_uniformly, pictures, sums
from sightline.sim.run import simulate
stimuli = pictures(2)
offers = {name: offered_uniformly(2, BEATS, 10**9) for name in stimuli}
simulate(ADDER, stimuli, sums(stimuli), offers)
"""


def test_an_interrupt_ends_the_simulator(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    process = start(RUNNING, cache_folder("simulators"), work)
    wait_for(lambda: list(work.glob("sightline-run-*/progress.txt")), process)
    assert process.poll() is None
    assert any("sightline-run-" in line for line in running(work).values())
    process.send_signal(signal.SIGINT)
    process.wait(10)
    assert process.stderr is not None
    assert process.stderr.read().rstrip().endswith(b"KeyboardInterrupt")
    assert running(work) == {}
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("module", ["cocotb_tools.runner", "verilator"])
def test_a_missing_package_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = module.partition(".")[0]
    monkeypatch.delitem(sys.modules, "sightline.sim.cocotb_runner", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"needs the package {package}.*'sightline\[fpga\]'"):
        verilator.build(COUNTER)


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match="simulation needs make"):
        verilator.build(COUNTER)
    for tool in ("make", "perl"):
        (tmp_path / tool).touch(0o755)
    with pytest.raises(UserError, match=r"C\+\+ compiler.*CXX.*sightline\[fpga\]"):
        verilator.build(counter("without a compiler"))
