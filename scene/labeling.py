"""Frames to labels: what a network must be for it, and one frame or a folder of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightline.artifact import Artifact, load
from sightline.compiler import compile as compile_model
from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.ir.types import FLOAT32, Array, TensorType
from sightline.picture import read_depth, read_picture, require_fits, to_array
from sightline.scene.frame import UNLABELED, Frame, depth_plane
from sightline.scene.measures import enlarge
from sightline.scene.superpixels import Superpixels, Way, per_pixel, per_segment

A_LABELER = "A labeler gives one result f32[1,CLASSES,H,W]: a score of each class at each place."
DEPTH_BESIDE = (
    "Depth lies beside NAME.png as NAME.depth.png, a gray picture: near white, far black."
)


class Labeler:
    """A compiled network that labels frames of one size, on one of its targets."""

    def __init__(
        self,
        artifact: Artifact,
        target: str | None = None,
        superpixels: Superpixels | None = None,
    ) -> None:
        self.input, self.picture, self.classes = _interface(artifact)
        self.name = artifact.source
        self.target = target or artifact.targets[0]
        self.superpixels = superpixels or Superpixels()
        self._input_name = artifact.graph.inputs[0].name
        self._executable = artifact.executable(target)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        height, width = self.input.spatial
        return height, width

    @property
    def takes_depth(self) -> bool:
        return self.picture.colors == "yuvd"

    def scores(self, planes: Array, name: str) -> Array:
        """Scores `[classes, H, W]` at each pixel of planes from 0 to 1: R, G, B, and depth.

        The name is what a mistake calls the frame.
        """
        x = to_array(planes if self.takes_depth else planes[:3], self.picture)
        (scores,) = self._executable.run({self._input_name: x}).values()
        if not np.isfinite(scores).all():
            raise UserError(
                f"'{self.name}' gives scores for '{name}' that are not finite",
                fix="Its weights are broken, or were trained for other pictures.",
            )
        return enlarge(scores[0], self.size)

    def segments(self, planes: Array) -> Array:
        """The superpixel that each pixel lies in."""
        return self.superpixels.segments(rgb_of(planes))

    def planes_of(self, frame: Frame, name: str) -> Array:
        """The planes of a frame of this size: R, G, B, and the depth if the network takes it."""
        height, width = frame.picture.shape[:2]
        if (height, width) != self.size:
            wanted = f"{self.size[1]}x{self.size[0]}"
            raise UserError(
                f"the frame '{name}' has {width}x{height} pixels, but '{self.name}' takes {wanted}"
            )
        colors = frame.picture.transpose(2, 0, 1) / np.float32(255)
        if not self.takes_depth:
            return colors
        if frame.depth is None:
            raise UserError(
                f"the frame '{name}' has no depth, but '{self.name}' takes pictures with depth",
                fix="Choose frames with depth, or a network without.",
            )
        return np.concatenate([colors, depth_plane(frame.depth)[None]])


@dataclass(frozen=True)
class Labeled:
    """A picture of a folder, at the network's size, and its labels."""

    path: Path
    picture: Array
    labels: Array


@dataclass(frozen=True)
class Skipped:
    """A picture that could not be labeled, and why."""

    path: Path
    reason: str


def label_files(
    labeler: Labeler, paths: Iterable[Path], way: Way, *, resize: bool = False
) -> Iterator[Labeled | Skipped]:
    """The picture files one after the other. What is wrong with one does not stop the others."""
    for path in paths:
        try:
            planes = read_frame(labeler, path, resize=resize)
            scores = labeler.scores(planes, str(path))
        except UserError as error:
            yield Skipped(path, str(error))
            continue
        if way is Way.PIXEL:
            labels = per_pixel(scores)
        else:
            labels = per_segment(scores, labeler.segments(planes), way)
        yield Labeled(path, rgb_of(planes), labels)


def read_frame(labeler: Labeler, path: Path, *, resize: bool = False) -> Array:
    """The planes of a picture file, and of the one of its depth if the network takes it."""
    size = labeler.size
    rgb: Array = read_picture(path, Picture("rgb"), TensorType((1, 3, *size)), resize=resize)[0]
    if not labeler.takes_depth:
        return rgb
    depth = path.with_suffix(".depth.png")
    if not depth.is_file():
        raise UserError(f"there is no depth '{depth}' for '{path}'", fix=DEPTH_BESIDE)
    plane = read_depth(depth, size, resize=resize).astype(np.float32)
    return np.concatenate([rgb, plane])


def rgb_of(planes: Array) -> Array:
    """The picture `[H, W, 3]` in uint8 that planes from 0 to 1 begin with."""
    levels: Array = np.round(255 * planes[:3].transpose(1, 2, 0)).astype(np.uint8)
    return levels


def _interface(artifact: Artifact) -> tuple[TensorType, Picture, Sequence[str]]:
    """The input, its picture and the classes of a network that labels; others are refused."""
    graph, name = artifact.graph, artifact.source
    outputs = [(output.label, graph[output.node].type) for output in graph.outputs]
    told = ", ".join(f"{label} {type_}" for label, type_ in outputs)
    type_ = outputs[0][1] if len(outputs) == 1 else None
    if type_ is None or type_.rank != 4 or type_.element != FLOAT32 or type_.shape[0] != 1:
        raise UserError(f"'{name}' is no labeler: it gives {told}", fix=A_LABELER)
    count = type_.shape[1]
    if not 2 <= count <= UNLABELED or type_.spatial == (1, 1):
        raise UserError(
            f"'{name}' is no labeler: it gives {told}",
            fix=f"{A_LABELER} There are 2 to {UNLABELED} classes, and several places.",
        )
    classes = artifact.classes or tuple(map(str, range(count)))
    if len(classes) != count:
        raise UserError(
            f"'{name}' gives scores of {count} classes, but names {len(classes)}",
            fix="Compile it again from a model that names as many.",
        )
    inputs = graph.inputs
    if len(inputs) != 1 or artifact.picture is None:
        listed = ", ".join(f"{node.name} {node.type}" for node in inputs)
        raise UserError(
            f"'{name}' does not say how a picture becomes its input ({listed})",
            fix="Compile it with --colors, from a model with one input.",
        )
    require_fits(artifact.picture, inputs[0].type)
    return inputs[0].type, artifact.picture, classes


def open_labeler(source: str, target: str | None = None, report: Report = silent) -> Labeler:
    """The labeler in an artifact's folder, or of any other model, compiled for the target (cpu)."""
    if source and Path(source).is_dir():
        return Labeler(load(source), target)
    return Labeler(compile_model(source, (target or "cpu",), report=report, source=source))
