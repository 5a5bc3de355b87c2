"""Options that several commands take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def picture_options(command: AnyFunction) -> AnyFunction:
    """How a picture becomes the input, where the model does not say or says otherwise."""
    for option in (
        click.option("--deviation", metavar="N[,N…]", help="What each plane is divided by."),
        click.option("--mean", metavar="N[,N…]", help="What is taken from each plane before."),
        click.option("--range", "range_", type=float, help="The number that white stands for."),
        click.option("--colors", help="Planes of the input: gray, rgb, bgr, yuv, or yuvd."),
    ):
        command = option(command)
    return command


def frame_options(command: AnyFunction) -> AnyFunction:
    """Which frames are taken of a source, and how."""
    for option in (
        click.option("--resize", is_flag=True, help="Resize pictures to the network's input."),
        click.option(
            "--frames",
            "limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Take the first N of the frames.",
        ),
    ):
        command = option(command)
    return command


def quantization_options(command: AnyFunction) -> AnyFunction:
    """How precise integers are, and how their ranges are found."""
    for option in (
        click.option(
            "--calibration",
            metavar="METHOD",
            help="mse (default), minmax, percentile, or percentile=P.",
        ),
        click.option(
            "--precision",
            multiple=True,
            metavar="[LAYER=]P",
            help="int8 (default), int16, or q8.8; for one layer also float; repeat.",
        ),
    ):
        command = option(command)
    return command


FPGA_OPTIONS: dict[str, dict[str, Any]] = {
    "--device": {"help": "For -t fpga: the chip, xc6vlx240t (default), xc7z020 or ecp5-85f."},
    "--max-multipliers": {"type": int, "metavar": "N", "help": "The most multipliers."},
    "--fps": {"type": float, "metavar": "F", "help": "Frames a second that are enough."},
    "--clock-mhz": {"type": float, "metavar": "C", "help": "The clock that is assumed."},
    "--objective": {"help": "What is to be smallest: interval (default) or latency."},
    "--from": {
        "metavar": "VALUE[,VALUE…]",
        "help": "Values in integers that the accelerator begins with; the host computes them.",
    },
}


def fpga_options(command: AnyFunction) -> AnyFunction:
    """What the accelerator is to be; the command is given those that were named, as `fpga`."""

    def gathered(**given: Any) -> Any:
        names = {option: option.strip("-").replace("-", "_") for option in FPGA_OPTIONS}
        named = {name: given.pop(name) for name in names.values()}
        begin = named.pop("from")
        told = {name: value for name, value in named.items() if value is not None}
        if begin is not None:
            told["begin"] = tuple(begin.split(","))
        return command(fpga=told, **given)

    wrapped: Any = functools.wraps(command)(gathered)
    for option, settings in reversed(FPGA_OPTIONS.items()):
        wrapped = click.option(option, **settings)(wrapped)
    return cast(AnyFunction, wrapped)
