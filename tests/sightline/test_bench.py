"""`sightline bench`: what it tells, what it measures beside, and what is refused."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sightline
from sightline import bench, measuring
from sightline.backends.tvm.gpu import nvcc
from sightline.bench import (
    Contestant,
    Request,
    Session,
    line_up,
    long_enough,
    measure_all,
    prepared,
)
from sightline.bench_commands import status_of
from sightline.bench_results import Bench, Measured, Predicted
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.measuring import Times
from sightline.peers.peer import Form, Subject
from sightline.terminal import Terminated
from tests.support.chips import Small, integers
from tests.support.command_line import fails, invoke, succeeds, succeeds_with_json

FEW = ("--frames", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small network in float for the CPU, in integers, and as an accelerator."""
    place = tmp_path_factory.mktemp("artifacts")
    sightline.compile(Small(), ["cpu", "reference"]).save(place / "float")
    integers(Small, place / "integers")
    chip = ("--max-multipliers", "9", "-o", place / "chip")
    succeeds("compile", place / "integers", "-t", "fpga", *chip)
    return place


@pytest.fixture(autouse=True)
def _prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rests, and with as many threads as before when it is over."""
    monkeypatch.setattr(measuring, "settle", lambda: None)
    monkeypatch.setenv("SIGHTLINE_THREADS", "1")


def test_what_is_told_to_people(folder: Path) -> None:
    both = ("--against", "onnxruntime,torch")
    printed = succeeds("bench", folder / "float", *FEW, *both)
    assert f"{folder / 'float'}: small in float, 1 thread\n" in printed
    head = printed.splitlines()[1].split()
    assert " ".join(head) == "ms p95 p99 spread frames a second cpu / it"
    number = r"[\d,]+\.\d+"
    for name in ("cpu", "onnxruntime", "torch"):
        line = rf"^{name} +{number} +{number} +{number} +{number}% +4 +{number}"
        line += "" if name == "cpu" else rf" +{number}"
        assert re.search(rf"{line} *$", printed, re.MULTILINE), printed
    assert "reference" not in printed
    assert re.search(r"^on .+, \d+ cores, clock governor \w+$", printed, re.MULTILINE)
    assert f"numpy {np.__version__}" in printed


def test_the_same_as_json(folder: Path) -> None:
    both = ("--against", "torch,onnxruntime")
    found = succeeds_with_json("bench", folder / "float", folder / "chip", *FEW, *both)
    assert set(found) == {"machine", "versions", "interrupted", "artifacts"}
    assert not found["interrupted"]
    first, second = found["artifacts"]
    (cpu,) = first["targets"]
    assert (cpu["name"], cpu["frames"], first["threads"]) == ("cpu", 4, 1)
    assert cpu["median_seconds"] <= cpu["p95_seconds"] <= cpu["p99_seconds"]
    assert [peer["name"] for peer in first["peers"]] == ["torch", "onnxruntime"]
    for peer in first["peers"]:
        ratio = first["ratios"][f"cpu/{peer['name']}"]
        assert ratio == pytest.approx(cpu["median_seconds"] / peer["median_seconds"])
        assert peer["counts"]
    plan = sightline.load(folder / "chip").executable("fpga").plan  # type: ignore[attr-defined]
    (fpga,) = second["targets"]
    assert fpga["predicted"]
    assert fpga["cycles_per_frame"] == plan.prediction.interval
    assert fpga["seconds"] == pytest.approx(plan.prediction.interval / 200e6)


def test_accelerators_are_told_by_their_plan_beside_peers_that_are_measured(folder: Path) -> None:
    printed = succeeds("bench", folder / "chip")
    assert re.search(r"^fpga, predicted +0\.\d{3} ", printed, re.MULTILINE)
    assert "cycles at an assumed 200 MHz, " in printed
    assert f"'sightline simulate {folder / 'chip'}' confirms it" in printed
    assert "in integers\n" in printed, "no threads are told where nothing ran"


def test_the_reference_is_measured_if_it_is_alone_or_asked_for(folder: Path) -> None:
    def names(*arguments: Any) -> list[str]:
        found = succeeds_with_json("bench", *arguments, "--frames", "1")
        return [each["name"] for each in found["artifacts"][0]["targets"]]

    assert names(folder / "float") == ["cpu"]
    assert names(folder / "integers") == ["reference"]
    assert names(folder / "float", "-t", "reference", "-t", "cpu") == ["reference", "cpu"]


def test_frames_of_a_file_come_in_turn(folder: Path) -> None:
    frames = np.random.default_rng(0).random((3, 1, 10, 10), np.float32)
    np.save("three.npy", frames)
    artifact = sightline.load(folder / "float")
    request = Request(("reference",), frames=7, source="three.npy")
    lined_up = line_up("float", artifact, request)
    assert [frame["image"].tolist() for frame in lined_up.frames] == frames[:, None].tolist()
    found = succeeds_with_json("bench", folder / "float", "--frames", "7", "--input", "three.npy")
    assert found["artifacts"][0]["targets"][0]["frames"] == 7


def test_random_frames_are_always_the_same(folder: Path) -> None:
    artifact = sightline.load(folder / "integers")
    first, again = (bench.frames_for(artifact.model, Request(frames=20)) for _ in range(2))
    assert len(first) == bench.DISTINCT
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
    assert len({frame["image"].tobytes() for frame in first}) == bench.DISTINCT


def test_threads_are_those_asked_for(folder: Path) -> None:
    found = succeeds_with_json("bench", folder / "float", *FEW, "--threads", "2")
    assert found["artifacts"][0]["threads"] == 2
    assert os.environ["SIGHTLINE_THREADS"] == "2"


# Peers


class Slow:
    """A peer in two forms, and what it was given."""

    name = "slow"

    def __init__(self) -> None:
        self.subject: Subject | None = None

    def prepare(self, subject: Subject) -> list[Form]:
        self.subject = subject
        return [Form("first", self.run), Form("second", self.run)]

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return {}


def test_peers_are_given_the_float_network(folder: Path) -> None:
    peer = Slow()
    for name in ("float", "integers"):
        artifact = sightline.load(folder / name)
        contestants = prepared(peer, artifact, 3, [])
        assert [each.form for each in contestants] == ["first", "second"]
        assert all(each.is_peer for each in contestants)
        assert peer.subject is not None
        assert (peer.subject.integers, peer.subject.threads) == (name == "integers", 3)
        graph = peer.subject.model.graph
        assert graph == (artifact.model.original if name == "integers" else artifact.graph)


def of(name: str, seconds: float, form: str = "", *, is_peer: bool = True) -> Measured:
    return Measured(name, form, is_peer, Times((seconds,)))


def test_the_faster_form_of_a_peer_counts() -> None:
    measured = (
        of("cpu", 1.0, is_peer=False),
        of("slow", 4.0, "dense"),
        of("slow", 2.0, "split"),
        of("torch", 0.5),
    )
    found = Bench("dir", "net", False, 2, measured, (Predicted("fpga", 200, 300, 100.0),), ())
    assert {name: each.form for name, each in found.peers.items()} == {"slow": "split", "torch": ""}
    assert (found.ratio("cpu", "slow"), found.ratio("cpu", "torch")) == (0.5, 2.0)
    assert found.ratio("fpga", "slow") == pytest.approx(1e-6)
    assert [peer["counts"] for peer in found.to_dict()["peers"]] == [False, True, True]


def test_a_peer_that_does_not_run_the_network_is_told_and_left_out(folder: Path) -> None:
    against = ("--against", "torch,onnxruntime")
    printed = succeeds("bench", folder / "integers", *FEW, *against)
    assert "torch is left out: torch runs float networks alone, and this one is in inte" in printed
    assert re.search(r"^onnxruntime +\d", printed, re.MULTILINE)
    found = succeeds_with_json("bench", folder / "integers", *FEW, *against)
    assert [each["name"] for each in found["artifacts"][0]["left_out"]] == ["torch"]


def test_a_target_that_does_not_run_here_is_left_out_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise UserError("there is no CUDA device on this machine")

    monkeypatch.setattr(nvcc, "check_device", none)
    sightline.compile(Small(), ["reference", "cpu", "cuda"]).save(tmp_path / "both")
    found = succeeds_with_json("bench", tmp_path / "both", *FEW)["artifacts"][0]
    assert [each["name"] for each in found["targets"]] == ["cpu"]
    assert [each["name"] for each in found["left_out"]] == ["cuda"]
    assert "no CUDA device" in fails("bench", tmp_path / "both", *FEW, "-t", "cuda")


def test_nothing_measured_is_a_failure(folder: Path) -> None:
    result = invoke("bench", folder / "chip", *FEW, "--against", "torch")
    assert result.exit_code == 2
    assert "torch is left out" in result.stdout
    assert result.stderr == "error: nothing was measured.\n"


def test_integers_without_their_float_network_are_no_peers(folder: Path) -> None:
    artifact = sightline.load(folder / "integers")
    artifact.model = sightline.Model(artifact.graph)
    request = Request(peers=(Slow(),))
    (left,) = line_up("x", artifact, request).left_out
    assert left.reason == (
        "slow is given float networks, and the artifact holds none beside its integers."
    )


def test_without_a_number_of_frames_it_takes_long_enough() -> None:
    """At least so many frames, and so many seconds for each that is measured."""
    told: list[tuple[int, int]] = []

    def report(_: str, done: int, total: int) -> None:
        told.append((done, total))

    def rounds(contestants: int, seconds_each: float) -> int:
        times = chain([0.0], count(0.0, seconds_each))
        told.clear()
        return len(list(long_enough(contestants, report, "", lambda: next(times))))

    assert rounds(1, 1.0) == bench.LEAST_FRAMES
    assert rounds(1, 0.03125) == bench.LEAST_SECONDS / 0.03125 > bench.LEAST_FRAMES
    assert rounds(3, 0.03125) == 3 * bench.LEAST_SECONDS / 0.03125
    assert told[0] == (0, 100)
    assert told[-1] == (100, 100)
    assert told == sorted(told)


def test_it_is_measured_for_seconds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LEAST_SECONDS", 0.5)
    found = succeeds_with_json("bench", folder / "float")["artifacts"][0]["targets"][0]
    assert found["frames"] > bench.LEAST_FRAMES


# Interruptions


def interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch, after: int, by: type) -> Session:
    """A session in which a target stops everything in its frame of that number."""
    left = iter(range(after))

    def run(frame: Any) -> None:
        if next(left, None) is None:
            raise by

    monkeypatch.setattr(bench, "how", lambda artifact, name: Contestant(name, "", False, run))
    artifact = sightline.load(folder / "float")
    request = Request(("reference",), frames=6)
    return measure_all([("one", artifact), ("two", artifact)], request)


@pytest.mark.parametrize(("by", "status"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_an_interrupt_keeps_what_was_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, by: type, status: int, capsys: Any
) -> None:
    session = interrupted(folder, monkeypatch, bench.WARM_UP + 2 * 3 + 1, by)
    (found,) = session.found
    assert len(found.measured[0].times.seconds) == 3
    assert status_of(session, 6) == status
    told = "interrupted; measured until then, at least 3 of 6 frames.\n"
    assert capsys.readouterr().err.endswith(told)
    assert status_of(session, None) == status
    assert capsys.readouterr().err.endswith(
        "interrupted; measured until then, at least 3 frames.\n"
    )


def test_an_interrupt_in_the_second_artifact_keeps_the_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = interrupted(folder, monkeypatch, bench.WARM_UP + 2 * 6 + 2, KeyboardInterrupt)
    assert [len(each.measured) for each in session.found] == [1, 0]
    assert session.measured


def test_an_interrupt_before_all_measuring_ends_as_any(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "how", stop)
    result = invoke("bench", folder / "float")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "interrupted" in result.stderr


def test_what_was_measured_is_told_when_it_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = interrupted(folder, monkeypatch, bench.WARM_UP + 2 * 2, KeyboardInterrupt)
    monkeypatch.setattr(bench, "measure_all", lambda *_: session)
    result = invoke("bench", folder / "float", "--frames", "6", "--json")
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert found["interrupted"]
    assert found["artifacts"][0]["targets"][0]["frames"] == 2


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "there is no artifact folder 'nowhere'. Compile a model into one"),
        (("models:lenet5",), "there is no artifact folder 'models:lenet5'. Compile a mod"),
        (("float", "--against", "tflite"), "there is no peer 'tflite'. Choose from onnxruntime, t"),
        (("float", "--against", "torch,"), "there is no peer ''. Choose from onnxruntime, torch."),
        (("float", "--frames", "0"), "0 is not in the range x>=1"),
        (("float", "--threads", "0"), "0 is not in the range x>=1"),
        (("float", "-t", "fpga"), "has no target 'fpga'; it has cpu, reference"),
        (("float", "--input", "x.npy"), "there is no file or folder 'x.npy'"),
        ((), "Missing argument 'DIR...'"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = [str(folder / each) if each == "float" else each for each in arguments]
    assert message in fails("bench", *given)


def test_a_folder_that_is_no_artifact_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "'empty' is no artifact: it has no manifest.json" in fails("bench", "empty")


def test_a_peer_that_is_not_installed_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "sightline.peers.pytorch", raising=False)
    monkeypatch.delitem(sys.modules, "sightline.peers.torch_ops", raising=False)
    message = fails("bench", folder / "float", "--against", "torch")
    assert message.endswith("which is not installed. Install it with: pip install torch.")


def test_a_number_of_threads_that_is_none_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_THREADS", "many")
    message = fails("bench", folder / "float")
    assert "the variable SIGHTLINE_THREADS is 'many', not a number of at least 1" in message
