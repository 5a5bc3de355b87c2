"""The README.md of a folder that stands alone: its network in words."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from sightline.backends.target import Meaning
from sightline.backends.tvm.cuda_options import CudaOptions
from sightline.backends.tvm.gpu.network import Network, Port

LUMA = "Y = 0.299 R + 0.587 G + 0.114 B"
YUV = f"{LUMA}, U = 0.436 / 0.886 (B - Y), V = 0.615 / 0.701 (R - Y)"
PLANES = {
    "gray": f"one plane, {LUMA}",
    "rgb": "the planes R, G, B",
    "bgr": "the planes B, G, R",
    "yuv": f"the planes {YUV}",
    "yuvd": f"the planes {YUV}, and depth, near white and far black",
}


def readme(text: str, network: Network, options: CudaOptions, meaning: Meaning) -> str:
    """The text with what it leaves open filled in."""
    return text.format(
        name=network.name,
        arch=options.arch,
        inputs=_listed(network.inputs),
        outputs=_listed(network.outputs),
        meaning="".join(f"{line}\n\n" for line in _meaning(meaning)),
        rounding=_rounding(options),
        call=_call([port.name for port in network.inputs]),
        launches=len(network.steps),
        buffers=f"{sum(network.buffers) + len(network.weights):,}",
    )


def _listed(ports: Sequence[Port]) -> str:
    return "\n".join(f"- `{port.name}`: {port.dtype} {list(port.shape)}" for port in ports)


def _meaning(meaning: Meaning) -> list[str]:
    """How a picture becomes an input, and what the classes are, as far as it is known."""
    lines = []
    if meaning.picture is not None:
        picture = meaning.picture
        mean, deviation = (_numbers(picture[name]) for name in ("mean", "deviation"))
        is_moved = any(picture["mean"]) or set(picture["deviation"]) != {1.0}
        moved = f"; of each plane, (plane - {mean}) / {deviation}" if is_moved else ""
        lines.append(
            f"Of a picture, an input is {PLANES[picture['colors']]}, where black is 0 and white is "
            f"{picture['range']:g}{moved}."
        )
    if meaning.classes:
        named = ", ".join(f"{number} {name}" for number, name in enumerate(meaning.classes))
        lines.append(f"The classes by their number: {named}.")
    return lines


def _numbers(numbers: Sequence[float]) -> str:
    """One for all planes, or one each."""
    words = [f"{number:.9g}" for number in numbers]
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def _rounding(options: CudaOptions) -> str:
    if options.half:
        return "Filter banks round the floats that they multiply to 16 bits; their sums have 32."
    return "Floats have 32 bits throughout."


def _call(names: Sequence[str]) -> str:
    """The arguments of `run` in Python."""
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        return ", ".join(f"{name}=array" for name in names)
    return f"**{{{', '.join(f'{name!r}: array' for name in names)}}}"
