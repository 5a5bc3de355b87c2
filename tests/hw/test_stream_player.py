"""What plays and checks streams finds each way in which a component can be wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.fifo import Fifo
from sightline.sim.verilator import SimulationFailedError
from tests.hw.test_fifo import check
from tests.support.gateware import Several, play_in_python, play_in_verilog
from tests.support.streams import Case, Played

VALUES = list(range(1, 40))
CASE = Case({"i": VALUES}, {"o": len(VALUES)}, idle=0.2, stall=0.5, seed=3)


class Stage(wiring.Component):
    """A register between two streams, with a fault or without."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        payload, is_valid, writes = Signal(8), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~is_valid | self.o.ready),
            writes.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(is_valid),
            self.o.payload.eq(payload),
        ]
        with m.If(self.i.ready):
            m.d.sync += is_valid.eq(self.i.valid)
        with m.If(writes):
            m.d.sync += payload.eq(self.i.payload)
        if self.fault:
            self._break(m, payload, is_valid, writes)
        return m

    def _break(self, m: Module, payload: Signal, is_valid: Signal, writes: Signal) -> None:
        waits = is_valid & ~self.o.ready
        match self.fault:
            case "loses a value":
                with m.If(writes & (self.i.payload == 20)):
                    m.d.sync += is_valid.eq(0)
            case "repeats the last value":
                with m.If(is_valid & self.o.ready & (payload == VALUES[-1])):
                    m.d.sync += [is_valid.eq(1), payload.eq(payload + 1)]
            case "changes a value that waits":
                with m.If(waits):
                    m.d.sync += payload.eq(payload + 1)
            case "withdraws a value that waits":
                with m.If(waits):
                    m.d.sync += is_valid.eq(0)
            case "stops":
                with m.If(payload == 20):
                    m.d.comb += [self.o.valid.eq(0), self.i.ready.eq(0)]
            case "keeps what it had at a reset":
                written, ever_written = Signal(8), Signal(8, reset_less=True)
                m.d.sync += [written.eq(written + writes), ever_written.eq(ever_written + writes)]
                m.d.comb += self.o.payload.eq(payload + ever_written - written)


@pytest.mark.parametrize("reset_after", [0, 20])
def test_a_good_stage_passes(reset_after: int) -> None:
    case = replace(CASE, reset_after=reset_after)
    assert play_in_python(Stage(""), case).values["o"] == VALUES


def test_a_lost_value_is_seen() -> None:
    case = replace(CASE, outputs={"o": len(VALUES) - 1})
    assert play_in_python(Stage("loses a value"), case).values["o"] != VALUES[:-1]
    with pytest.raises(AssertionError, match=r"stuck in cycle \d+: \{'o': 38\} of \{'o': 39\}"):
        play_in_python(Stage("loses a value"), CASE)


def test_one_value_too_many_is_seen() -> None:
    played = play_in_python(Stage("repeats the last value"), CASE)
    assert played.values["o"] == [*VALUES, VALUES[-1] + 1]


def test_what_outlives_a_reset_is_seen() -> None:
    stage = "keeps what it had at a reset"
    assert play_in_python(Stage(stage), CASE).values["o"] == VALUES
    assert play_in_python(Stage(stage), replace(CASE, reset_after=20)).values["o"] != VALUES


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("changes a value that waits", r"o in cycle \d+: \d+ waited, and became \d+"),
        ("withdraws a value that waits", r"o in cycle \d+: \d+ waited, and became None"),
        ("stops", r"stuck in cycle \d+: \{'o': 19\} of \{'o': 39\}, seed 3"),
    ],
)
def test_wrong_behaviour_is_named(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        play_in_python(Stage(fault), CASE)


def test_a_failure_under_cocotb_fails_with_its_message(tmp_path: Path) -> None:
    stages = Several({"good": Stage(""), "bad": Stage("withdraws a value that waits")})
    with pytest.raises(SimulationFailedError, match="1 waited, and became None"):
        play_in_verilog(stages, [Case(CASE.inputs, CASE.outputs, "bad", stall=0.5)], tmp_path)


def played_fifo(stall: float) -> tuple[Case, Played]:
    case = replace(CASE, idle=0.0, stall=stall, watch=("level", "i__ready"))
    played = play_in_python(Fifo(8, 5), case)
    check(Fifo(8, 5), case, played)
    return case, played


@pytest.mark.parametrize("depth", [4, 6])
def test_a_fifo_of_another_depth_is_seen(depth: int) -> None:
    case, played = played_fifo(stall=0.8)
    with pytest.raises(AssertionError):
        check(Fifo(8, depth), case, played)


def test_a_fifo_of_another_latency_is_seen() -> None:
    case, played = played_fifo(stall=0.0)
    slower = Fifo(8, 5)
    slower.latency += 1
    with pytest.raises(AssertionError):
        check(slower, case, played)
