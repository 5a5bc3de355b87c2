"""Delay lines: the same value some cycles later.

Data is delayed without a reset, so that synthesis makes shift registers in LUTs of it; control is
delayed with one, so that nothing that began before a reset comes out after it.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value


def delay(m: Module, signal: Any, cycles: int, name: str) -> Value:
    """`signal` as it was `cycles` cycles ago, without reset; 0 cycles give the signal itself."""
    return _delay(m, signal, cycles, name, reset_less=True)


def delay_control(m: Module, signal: Any, cycles: int, name: str) -> Value:
    """The same with a reset to 0, for signals such as valid and last."""
    return _delay(m, signal, cycles, name, reset_less=False)


def _delay(m: Module, signal: Any, cycles: int, name: str, reset_less: bool) -> Value:
    if cycles < 0:
        raise ValueError(f"a delay takes 0 cycles or more, not {cycles}")
    value = Value.cast(signal)
    for cycle in range(1, cycles + 1):
        later = Signal(value.shape(), name=f"{name}_{cycle}", reset_less=reset_less)
        m.d.sync += later.eq(value)
        value = later
    return value
