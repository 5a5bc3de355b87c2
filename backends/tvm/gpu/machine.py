"""What schedules must know of a GPU."""

from __future__ import annotations

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.cuda_options import CudaOptions


def gpu(options: CudaOptions) -> Machine:
    return Machine(
        # A fully connected layer sums a number in 32 threads, four for each of these.
        lanes=8,
        registers=64,
        is_gpu=True,
        tensor_cores=_multiplied(options) if options.has_tensor_cores else (),
    )


def _multiplied(options: CudaOptions) -> tuple[str, ...]:
    """Types of pixels that tensor cores take; floats, if they may be rounded to halves."""
    return ("int8", "uint8", "float32") if options.half else ("int8", "uint8")
