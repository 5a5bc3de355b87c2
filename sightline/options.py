"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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
