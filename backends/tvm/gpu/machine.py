"""What schedules must know of a GPU."""

from __future__ import annotations

from sightline.backends.tvm.build import Machine

GPU = Machine(
    # A fully connected layer sums a number in 32 threads, four for each of these.
    lanes=8,
    registers=64,
    is_gpu=True,
)
