"""From gateware to the text of Verilog."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from sightline.backends.fpga.yosys import require_yosys, run_yosys

SCRIPT = """
read_rtlil design.il
proc -nomux -norom
memory_collect
attrmap -remove generator -remove top -remove src -remove amaranth.hierarchy \
-remove amaranth.decoding
attrmap -modattr -remove generator -remove top -remove src
write_verilog -norename design.v
"""

CELL_OF_ZEROS = re.compile(
    r"^  cell \$meminit_v2 [^\n]*\n(?:    [^\n]*\n)*?    connect \\DATA \d+'0+\n"
    r"(?:    [^\n]*\n)*?  end\n",
    re.MULTILINE,
)
MEMORY = re.compile(r"^  reg \[\d+:0\] (\S+|\\\S+ ) ?\[(\d+):0\];\n(?!  initial)", re.MULTILINE)

TRIGGER = re.compile(r"^  reg (\\\$auto\$verilog_backend\S+ ) = 0;\n", re.MULTILINE)
AT_ONCE = "\\g<0>`ifdef __ICARUS__\n  initial #0 \\1 = 1;\n`endif\n"
"""By its trigger Yosys has a module's processes run once at the start. Icarus sets it before the
processes wait for it to change, so that it must be set again."""


def write_verilog(component: wiring.Component, name: str) -> str:
    """The module `name` and all below it; the same text for the same component.

    What begins as zeros is written as a loop: memories have many words.
    """
    text = CELL_OF_ZEROS.sub("", rtlil.convert(component, name=name, emit_src=False))
    return TRIGGER.sub(AT_ONCE, MEMORY.sub(_with_zeros, _through_yosys(text)))


def _with_zeros(memory: re.Match[str]) -> str:
    """A memory whose words are zero; synthesis need not know, as nobody reads before writing."""
    name, last = memory.group(1), memory.group(2)
    return (
        f"{memory.group(0)}`ifndef SYNTHESIS\n"
        f"  initial begin : {_zeros(name)}\n    integer word;\n"
        f"    for (word = 0; word <= {last}; word = word + 1) {name}[word] = 0;\n  end\n"
        "`endif\n"
    )


def _zeros(name: str) -> str:
    return re.sub(r"\W", "_", name.strip()) + "_begins_empty"


def _through_yosys(text: str) -> str:
    require_yosys("writing Verilog")
    with tempfile.TemporaryDirectory(prefix="sightline-") as name:
        folder = Path(name)
        (folder / "design.il").write_text(text, encoding="utf-8")
        run_yosys(folder, SCRIPT, lambda log: None)
        return (folder / "design.v").read_text(encoding="utf-8")
