"""The accelerator of an artifact."""

from __future__ import annotations

from sightline.artifact import Artifact
from sightline.backends.fpga.target import Accelerated


def accelerator_of(artifact: Artifact) -> Accelerated:
    """UserError if the artifact was not compiled for the target `fpga`."""
    made = artifact.executable("fpga")
    assert isinstance(made, Accelerated)
    return made
