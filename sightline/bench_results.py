"""What `bench` found of an artifact: times of targets and peers, and what one is to the other."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from sightline.measuring import Times


@dataclass(frozen=True)
class Measured:
    """The times of a target, or of a peer in one of its forms."""

    name: str
    form: str
    is_peer: bool
    times: Times

    def __str__(self) -> str:
        return f"{self.name}, {self.form}" if self.form else self.name

    def to_dict(self) -> dict[str, Any]:
        told = {"form": self.form} if self.form else {}
        return {
            "name": self.name,
            **told,
            "median_seconds": self.times.median,
            "p95_seconds": self.times.percentile(95),
            "p99_seconds": self.times.percentile(99),
            "spread": self.times.spread,
            "frames": len(self.times.seconds),
        }


@dataclass(frozen=True)
class Predicted:
    """Cycles that an accelerator's plan foretells: between frames, and of one from end to end."""

    name: str
    cycles_per_frame: int
    latency_cycles: int
    clock_mhz: float

    @property
    def seconds(self) -> float:
        """Between frames."""
        return self.cycles_per_frame / (1e6 * self.clock_mhz)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"seconds": self.seconds, "predicted": True}


@dataclass(frozen=True)
class LeftOut:
    """A peer that does not run the network, or a target that does not run here, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Bench:
    """What was found of one artifact. Threads are told where they are the same for all."""

    artifact: str
    source: str
    integers: bool
    threads: int | None
    measured: tuple[Measured, ...]
    predicted: tuple[Predicted, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def ours(self) -> dict[str, float]:
        """Seconds per frame of each target: medians, or as predicted."""
        medians = {each.name: each.times.median for each in self.measured if not each.is_peer}
        return medians | {each.name: each.seconds for each in self.predicted}

    @property
    def peers(self) -> dict[str, Measured]:
        """Each peer in its fastest form, which is what counts."""
        found: dict[str, Measured] = {}
        for each in self.measured:
            known = found.get(each.name)
            if each.is_peer and (known is None or each.times.median < known.times.median):
                found[each.name] = each
        return found

    def ratio(self, target: str, peer: str) -> float:
        """Seconds of ours for each second of the peer's."""
        return self.ours[target] / self.peers[peer].times.median

    def to_dict(self) -> dict[str, Any]:
        targets = [each.to_dict() for each in self.measured if not each.is_peer]
        return {
            "artifact": self.artifact,
            "source": self.source,
            "integers": self.integers,
            "threads": self.threads,
            "targets": targets + [each.to_dict() for each in self.predicted],
            "peers": [
                each.to_dict() | {"counts": each in self.peers.values()}
                for each in self.measured
                if each.is_peer
            ],
            "ratios": {
                f"{target}/{peer}": self.ratio(target, peer)
                for target in self.ours
                for peer in self.peers
            },
            "left_out": [dataclasses.asdict(each) for each in self.left_out],
        }
