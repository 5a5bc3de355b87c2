"""Frames over AXI4-Stream: whole, short and long ones, and what the core then sees."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from amaranth.hdl import signed
from amaranth.lib import data

from sightline.hw.axi_frame import FrameInput, FrameOutput
from sightline.hw.axi_stream import AxiStream
from tests.support.gateware import Several, play_in_verilog
from tests.support.streams import AXI_LAST, PACES, Case, Played, paced

BEATS = 12
PIXEL = data.ArrayLayout(signed(8), 3)
FLAGS = ("short_frame", "long_frame")


def sent(lengths: list[int], bits: int) -> list[list[int]]:
    """Frames of these lengths, of random pixels other than zero."""
    rng = random.Random(len(lengths))
    return [[rng.randrange(1, 1 << bits) for _ in range(length)] for length in lengths]


def on_the_wire(frames: list[list[int]]) -> list[int]:
    return [beat for frame in frames for beat in (*frame[:-1], frame[-1] + AXI_LAST)]


def cut_to_size(frames: list[list[int]], beats: int) -> list[int]:
    """What the core is to see: each frame filled up with zeros, or cut."""
    return [pixel for frame in frames for pixel in (frame + [0] * beats)[:beats]]


def flags(played: Played) -> tuple[int, int]:
    """In how many cycles each flag was high."""
    short, long = (sum(played.watched[name]) for name in FLAGS)
    return short, long


def input_case(component: str, lengths: list[int], beats: int, bits: int) -> Case:
    frames = sent(lengths, bits)
    wanted = cut_to_size(frames, beats)
    return Case({"axi": on_the_wire(frames)}, {"o": len(wanted)}, component, watch=FLAGS)


LENGTHS = {
    "whole": [BEATS] * 6,
    "short": [BEATS, 5, BEATS, 1, BEATS - 1, 2, BEATS],
    "long": [BEATS, BEATS + 1, BEATS, BEATS * 3, BEATS],
    "mixed": [1, BEATS + 5, 3, BEATS, 40, 40, 2, 2, BEATS],
}


def input_cases() -> list[tuple[Case, list[int]]]:
    """Each with the lengths of its frames; the full rate first."""
    cases = []
    for lengths in LENGTHS.values():
        case = input_case("core", lengths, BEATS, 24)
        for seed, (idle, stall) in enumerate(PACES):
            # The sender starts anew after a reset in mid-frame.
            paced_case = replace(case, idle=idle, stall=stall, seed=seed, reset_after=19 * seed)
            cases.append((paced_case, lengths))
    return cases + [(input_case("single", ones, 1, 11), ones) for ones in ([1] * 9, [2, 1, 3, 1])]


LABELS = [k * 5 % 8 for k in range(4 * 7)]
SCORES = [k * 1234567 % 4096 for k in range(8 * 5)]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Case, Played]]]:
    """All cases in one build, by component."""
    parts = {
        "core": FrameInput(PIXEL, BEATS),
        "single": FrameInput(11, 1),
        "labels": FrameOutput(3, 7),
        "scores": FrameOutput(signed(12), 5),
    }
    cases = [case for case, _ in input_cases()]
    cases += paced(Case({"i": LABELS}, {"axi": len(LABELS)}, "labels"))
    cases += paced(Case({"i": SCORES}, {"axi": len(SCORES)}, "scores"))
    results = play_in_verilog(Several(parts), cases, tmp_path_factory.mktemp("frames"))
    pairs = list(zip(cases, results, strict=True))
    return {name: [each for each in pairs if each[0].component == name] for name in parts}


def test_frames_in(played: dict[str, list[tuple[Case, Played]]]) -> None:
    pairs = played["core"] + played["single"]
    for (case, lengths), (_, result) in zip(input_cases(), pairs, strict=True):
        beats, bits = (BEATS, 24) if case.component == "core" else (1, 11)
        assert result.values["o"] == cut_to_size(sent(lengths, bits), beats), case
        short = sum(length < beats for length in lengths)
        long = sum(length > beats for length in lengths)
        assert flags(result) == (short, long), case
    full_rate = played["core"][0][1]
    assert full_rate.latency("axi", 0, "o", 0) == FrameInput.latency
    assert full_rate.span("axi") == full_rate.span("o") == LENGTHS["whole"].count(BEATS) * BEATS


def test_frames_out(played: dict[str, list[tuple[Case, Played]]]) -> None:
    framed = [label + AXI_LAST * (k % 7 == 6) for k, label in enumerate(LABELS)]
    for case, result in played["labels"]:
        assert result.values["axi"] == framed, case
    with_sign = [score + (0xF000 if score & 0x800 else 0) for score in SCORES]
    framed = [score + AXI_LAST * (k % 5 == 4) for k, score in enumerate(with_sign)]
    for case, result in played["scores"]:
        assert result.values["axi"] == framed, case
    full_rate = played["scores"][0][1]
    assert full_rate.latency("i", 0, "axi", 0) == FrameOutput.latency
    assert full_rate.span("axi") == len(SCORES)


def test_widths_are_whole_bytes() -> None:
    for bits, wire in ((1, 8), (8, 8), (9, 16), (24, 24)):
        assert AxiStream(bits).members["tdata"].shape == wire


def test_refusals() -> None:
    for component in (FrameInput, FrameOutput):
        with pytest.raises(ValueError, match=re.escape("a frame has 1 beat or more, not 0")):
            component(8, 0)
    with pytest.raises(ValueError, match=re.escape("a beat has 1 bit or more, not 0")):
        AxiStream(0)
