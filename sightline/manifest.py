"""What an artifact says of itself: `manifest.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.jsontext import to_json

SCHEMA = 1
"""Grows when a change would make an older Sightline misread an artifact."""

_TARGET_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names of targets are folders of the artifact, and lead nowhere else."""


@dataclass(frozen=True)
class TargetEntry:
    """One compiled target: the package that made it, and the SHA-256 of each of its files."""

    made_by: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """All of `manifest.json`; `inputs` and `outputs` map names to types, for other programs."""

    source: str
    sightline: str
    graph_sha256: str
    original_sha256: str | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    targets: Mapping[str, TargetEntry]
    picture: Picture | None = None
    classes: tuple[str, ...] = ()

    def to_json(self) -> str:
        entries = {
            name: {"made_by": entry.made_by, "files": dict(entry.files)}
            for name, entry in self.targets.items()
        }
        whole = {
            "schema": SCHEMA,
            "sightline": self.sightline,
            "source": self.source,
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "picture": None if self.picture is None else json.loads(self.picture.to_json()),
            "classes": list(self.classes),
            "graph_sha256": self.graph_sha256,
            "original_sha256": self.original_sha256,
            "targets": entries,
        }
        return to_json(whole) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that a text holds; UserError, without a place, if it holds none."""
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"it is no JSON ({error})") from error
        schema = _take(whole, "schema", int)
        if schema > SCHEMA:
            raise UserError(
                f"it has schema {schema}, and this Sightline reads up to {SCHEMA}",
                fix=f"Update Sightline: {_take(whole, 'sightline', str)} or later reads it.",
            )
        original, picture = whole.get("original_sha256"), whole.get("picture")
        targets = _take(whole, "targets", dict)
        if not targets:
            raise UserError("it names no target", fix="Compile it again.")
        return cls(
            source=_take(whole, "source", str),
            sightline=_take(whole, "sightline", str),
            graph_sha256=_take(whole, "graph_sha256", str),
            original_sha256=None if original is None else _take(whole, "original_sha256", str),
            inputs=_strings(_take(whole, "inputs", dict), "inputs"),
            outputs=_strings(_take(whole, "outputs", dict), "outputs"),
            targets={name: _entry(entry, name) for name, entry in targets.items()},
            picture=None if picture is None else Picture.from_json(json.dumps(picture)),
            classes=tuple(map(str, _take(whole, "classes", list))),
        )


def _entry(value: Any, name: str) -> TargetEntry:
    if not _TARGET_NAME.fullmatch(name):
        raise UserError(f"'{name}' is no name of a target", fix="Compile it again.")
    files = _take(value, "files", dict, f"targets.{name}.")
    return TargetEntry(
        _take(value, "made_by", str, f"targets.{name}."), _strings(files, f"targets.{name}.files")
    )


def _take(whole: Any, key: str, kind: type[Any], path: str = "") -> Any:
    value = whole.get(key) if isinstance(whole, dict) else None
    if not isinstance(value, kind):
        raise UserError(f"its '{path}{key}' is not the {kind.__name__} that it should be")
    return value


def _strings(values: dict[str, Any], path: str) -> dict[str, str]:
    for key in values:
        _take(values, key, str, f"{path}.")
    return values
