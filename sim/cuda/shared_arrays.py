"""Gives the shared arrays of a program, in assembly language, places of their own and a table.

A shared array is a `thread_local` variable to g++, which puts one right behind the other. So that
an index beyond one array meets no other, and that the runtime knows what there is:

    .tbss:  | gap | array | rest of the line | gap | gap | next array | …
    table:  offset of the array, its bytes, its symbol; … ; the dynamic one last
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GAP = 256
"""Bytes before and behind an array, at least."""

LINE = 64
"""Every array begins at a multiple of it; the runtime looks arrays up by it."""

DYNAMIC = "emulated_dynamic_shared"
"""The one array that all `extern __shared__` arrays are, by the runtime's name for it."""

_SECTION = re.compile(r"\t\.(section|text|data|bss)\b(.*)")
_LABEL = re.compile(r"([\w.$]+):$")
_ZERO = re.compile(r"\t\.zero\t(\d+)$")
_USE = re.compile(r"([\w.$]+)@tls(?:gd|ld)\b")


@dataclass(frozen=True)
class SharedArray:
    """A symbol of the assembly text, and the bytes of it."""

    symbol: str
    bytes: int


def with_gaps(assembly: str, checked: bool) -> str:
    """The same program, with gaps around its shared arrays and a table of them."""
    lines, arrays = _spread(assembly.splitlines())
    text = "\n".join(lines)
    known = {array.symbol for array in arrays} | set(re.findall(r"^([\w.$]+):", text, re.MULTILINE))
    for name in sorted(set(_USE.findall(text)) - known):
        # Variables of the C++ library have names of its own.
        if not name.startswith("_ZSt"):
            text = re.sub(rf"(?<![\w.$]){re.escape(name)}@tls", f"{DYNAMIC}@tls", text)
    return "\n".join([text, *_table(arrays, checked), ""])


def _spread(lines: list[str]) -> tuple[list[str], list[SharedArray]]:
    """Gaps around each label among the thread-local zeros."""
    spread: list[str] = []
    arrays: list[SharedArray] = []
    label, inside = "", False
    for line in lines:
        if section := _SECTION.match(line):
            inside = section[2].strip().startswith(".tbss")
        if inside and (found := _LABEL.match(line)):
            label = found[1]
            spread += [f"\t.zero\t{GAP}", f"\t.balign\t{LINE}"]
        spread.append(line)
        if inside and label and (zeros := _ZERO.match(line)):
            arrays.append(SharedArray(label, int(zeros[1])))
            label = ""
            spread += [f"\t.balign\t{LINE}", f"\t.zero\t{GAP}"]
    return spread, arrays


def _table(arrays: list[SharedArray], checked: bool) -> list[str]:
    """What runtime/shared_memory.cpp reads."""
    lines = ['\t.section\t.data.rel.ro,"aw"', "\t.balign\t8"]
    lines += ["\t.globl\temulated_shared_arrays", "emulated_shared_arrays:"]
    for number, array in enumerate([*arrays, SharedArray(DYNAMIC, 0)]):
        lines += [f"\t.quad\t{array.symbol}@dtpoff", f"\t.quad\t{array.bytes}"]
        lines += [f"\t.quad\t.Lemulated_symbol{number}"]
    lines += ["\t.globl\temulated_shared_count", "emulated_shared_count:"]
    lines += [f"\t.quad\t{len(arrays) + 1}"]
    lines += ["\t.globl\temulated_is_checked", "emulated_is_checked:", f"\t.quad\t{int(checked)}"]
    lines += ["\t.section\t.rodata"]
    for number, array in enumerate([*arrays, SharedArray(DYNAMIC, 0)]):
        lines += [f".Lemulated_symbol{number}:", f'\t.string\t"{array.symbol}"']
    return lines
