"""The wires of an AXI4-Stream, seen from the side that sends."""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def whole_bytes(bits: int) -> int:
    """The width of the bytes that hold this many bits: AXI4-Stream carries nothing else."""
    return -(-bits // 8) * 8


class AxiStream(wiring.Signature):
    """tdata of whole bytes that hold `bits`, and tlast at the last beat of a frame.

    A beat passes in each cycle in which tvalid and tready are both high; once tvalid is high, it
    stays so and tdata and tlast keep still until then.
    """

    def __init__(self, bits: int) -> None:
        if bits < 1:
            raise ValueError(f"a beat has 1 bit or more, not {bits}")
        super().__init__(
            {
                "tdata": Out(whole_bytes(bits)),
                "tvalid": Out(1),
                "tready": In(1),
                "tlast": Out(1),
            }
        )
