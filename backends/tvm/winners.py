"""What `compile --tune` found out, kept for the next time."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import tvm

from sightline.backends.tvm.build import MODEL, Choice
from sightline.backends.tvm.lowering import Signature
from sightline.ir.cache import cache_folder, half_made
from sightline.ir.errors import UserError
from sightline.ir.ops.stage import Stage
from sightline.ir.text import to_text

GAIN = 0.97
"""What the fastest may take, of the time of the static model's choice, to be chosen over it."""


@dataclass(frozen=True)
class Winner:
    """What was found for a kernel, among how many candidates."""

    choice: Choice
    candidates: int


def fastest(choices: Sequence[Choice], times: Sequence[float]) -> Choice:
    """The choice of the least time; the first, which is the model's, unless chance is ruled out."""
    best = min(range(len(times)), key=times.__getitem__)
    return choices[best] if times[best] < GAIN * times[0] else MODEL


def key_of(signature: Signature, *measured_on: object) -> str:
    """Stage, target, device and versions: what a measurement holds for."""
    op = signature.op
    text = to_text(op.body) if isinstance(op, Stage) else repr(op)
    lies = (signature.types, signature.layouts, signature.constant, signature.result)
    about = (text, lies, *measured_on, tvm.__version__, version("sightline"))
    return hashlib.sha256("\n".join(map(str, about)).encode()).hexdigest()


def known(key: str) -> Winner | None:
    """What was found before; what cannot be read counts as not measured."""
    try:
        fields = json.loads(_path(key).read_text(encoding="utf-8"))
        choice = fields["choice"]
        return Winner(
            Choice(int(choice["rank"]), bool(choice["is_direct"])), int(fields["candidates"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(key: str, winner: Winner) -> None:
    """Kept at once, so that an interrupted run loses only what it was at.

    Where nothing can be kept, the next run measures anew.
    """
    path = _path(key)
    with contextlib.suppress(OSError, UserError), half_made(path.parent) as work:
        half = work / path.name
        half.write_text(json.dumps(asdict(winner)), encoding="utf-8")
        half.replace(path)


def _path(key: str) -> Path:
    return cache_folder("tuning") / f"{key}.json"
