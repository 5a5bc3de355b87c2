"""The folder of a compiled graph: what is in it, and whether it is whole and fits this machine.

It holds `kernels-….so`, `tables.npz` (index vectors and divisors that kernels read) and
`plan.json`: the calls in order, where values lie, and what the library needs of the machine that
loads it. Weights stay in the graph.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tvm

from sightline.backends.tvm.host import Processor
from sightline.backends.tvm.plan import Plan, dumps
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.text import to_text

SCHEMA = 4
PLAN, TABLES = "plan.json", "tables.npz"
COMPILE_AGAIN = "Compile the model again for the target 'cpu' on this machine."


@dataclass(frozen=True)
class Compiled:
    """What `plan.json` tells."""

    tvm: str
    processor: Processor
    graph: str
    """SHA-256 of the graph's text."""

    library: str
    """The name of the library, empty if the graph computes nothing."""

    files: Mapping[str, str]
    """SHA-256 of each file."""

    plan: Plan

    def write(self, folder: Path) -> None:
        fields = asdict(self)
        plan = fields.pop("plan")
        (folder / PLAN).write_text(dumps({"schema": SCHEMA, **fields, **plan}))

    @classmethod
    def read(cls, folder: Path) -> Compiled:
        path = folder / PLAN
        try:
            fields = json.loads(path.read_text())
            schema = fields["schema"]
            if schema == SCHEMA:
                return cls(
                    str(fields["tvm"]),
                    Processor.from_json(fields["processor"]),
                    str(fields["graph"]),
                    str(fields["library"]),
                    {str(name): str(digest) for name, digest in fields["files"].items()},
                    Plan.from_json(fields),
                )
        except OSError as error:
            raise _unreadable(path, error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is broken", fix=COMPILE_AGAIN) from error
        raise UserError(
            f"{path} has form {schema!r}, but this version of Sightline reads form {SCHEMA}",
            fix=COMPILE_AGAIN,
        )

    def check(self, folder: Path, graph: Graph, here: Processor) -> None:
        """Refuse what is not whole, not of this graph, or not for this machine."""
        if self.tvm != tvm.__version__:
            raise UserError(
                f"{folder} was compiled by TVM {self.tvm}, but TVM {tvm.__version__} is installed",
                fix=f"Compile the model again, or install apache-tvm=={self.tvm}.",
            )
        lacking = self.processor.lacking(here)
        if lacking:
            raise UserError(
                f"{folder} was compiled for {self.processor}, but this is {here}, which lacks "
                f"{', '.join(lacking)}",
                fix=COMPILE_AGAIN,
            )
        if self.graph != digest(to_text(graph).encode()):
            raise UserError(f"{folder} was compiled from another graph", fix=COMPILE_AGAIN)
        for name, expected in self.files.items():
            path = folder / name
            try:
                found = digest(path.read_bytes())
            except OSError as error:
                raise _unreadable(path, error) from error
            if found != expected:
                raise UserError(
                    f"{path} is not what was compiled: it has changed", fix=COMPILE_AGAIN
                )


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_tables(folder: Path, tables: Mapping[str, Constant]) -> None:
    arrays: dict[str, Any] = {key: table.array for key, table in tables.items()}
    np.savez(folder / TABLES, **arrays)


def read_tables(folder: Path) -> dict[str, Constant]:
    with np.load(folder / TABLES) as arrays:
        return {key: Constant(array) for key, array in arrays.items()}


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} cannot be read ({error.strerror})", fix=COMPILE_AGAIN)
