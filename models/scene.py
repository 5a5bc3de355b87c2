"""The scene-labeling network (Farabet, Couprie, Najman, LeCun, 2012), at one or more scales."""

from __future__ import annotations

from typing import Any

from sightline.frontend import nn, tables
from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.ir.table import Table
from sightline.models.parameters import require_counts
from sightline.models.trained import trained_weights

STANFORD = (
    "sky",
    "tree",
    "road",
    "grass",
    "water",
    "building",
    "mountain",
    "foreground",
)
"""The eight classes of the Stanford Background data set."""

STRIDE = 4
"""Pixels of a scale per pixel of its features: two poolings by 2."""

MOST_SCALES = 13
"""A picture that divides into more has more pixels than a value may have."""


class Scene(nn.Network):
    """A picture to class scores at a quarter of its size, by one feature extractor at all scales.

        picture ─┬─ Laplacian band 0 ─ norm ─ features ──────────────┐
                 ├─ Laplacian band 1 ─ norm ─ features ─ upsample 2 ─┼─ concat ─ linear ─ scores
                 └─ the coarse rest  ─ norm ─ features ─ upsample 4 ─┘

    The extractor is shared: 7x7 filters to 16 maps, tanh, max pool 2; 7x7 to 64 maps of 8 inputs,
    tanh, max pool 2; 7x7 to 256 maps of 32 inputs. It sees 46x46 pixels of its scale.
    """

    name = "scene"

    def __init__(
        self,
        classes: int,
        scales: int,
        channels: int,
        size: tuple[int, int],
        y_maps: int,
        blocks: tuple[int, int],
        seed: int,
        labels: bool,
    ) -> None:
        self.scales = scales
        self.labels = labels
        self.inputs = {"image": (1, channels, *size)}
        self.picture = Picture("yuv" if channels == 3 else "yuvd")
        self.classes = STANFORD if classes == 8 else tuple(map(str, range(classes)))
        self.norm = nn.LocalNorm(15)
        self.features = nn.Sequential(
            nn.Conv2d(channels, FIRST_MAPS, 7, padding=3, table=first_table(channels, y_maps)),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Conv2d(
                16, 64, 7, padding=3, table=tables.random(16, 64, 8, block=blocks[0], seed=seed)
            ),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Conv2d(
                64, 256, 7, padding=3, table=tables.random(64, 256, 32, block=blocks[1], seed=seed)
            ),
        )
        self.classifier = nn.Conv2d(256 * scales, classes, 1)

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        finest = image.shape[2] // STRIDE, image.shape[3] // STRIDE
        features = [self.features(self.norm(band)) for band in self.pyramid(image)]
        whole = [features[0], *(nn.Upsample(finest)(coarse) for coarse in features[1:])]
        scores = self.classifier(nn.cat(whole) if self.scales > 1 else whole[0])
        return {"labels": nn.ArgMax(1)(scores)} if self.labels else {"scores": scores}

    def pyramid(self, image: nn.Tensor) -> list[nn.Tensor]:
        """The bands of a Laplacian pyramid, finest first; the last is the blurred rest."""
        bands = []
        for _ in range(self.scales - 1):
            coarse = nn.PyramidDown()(image)
            bands.append(image - nn.PyramidUp((image.shape[2], image.shape[3]))(coarse))
            image = coarse
        return [*bands, image]


FIRST_MAPS = 16
"""Maps of the first layer."""

USUAL_Y_MAPS = {3: 10, 4: 8}
"""How many of them see Y alone, by input channels, unless others are asked for."""


def first_table(channels: int, y_maps: int) -> Table:
    """The first maps see Y alone, the others U and V; with depth, half of the others see that."""
    others = FIRST_MAPS - y_maps
    if channels == 3:
        return tables.parts(3, ((0,), y_maps), ((1, 2), others))
    depth = others // 2
    return tables.parts(4, ((0,), y_maps), ((1, 2), others - depth), ((3,), depth))


def scene(
    classes: int = 8,
    scales: int = 3,
    channels: int = 3,
    height: int = 240,
    width: int = 320,
    y_maps: int | None = None,
    block2: int = 6,
    block3: int = 24,
    seed: int = 0,
    trained: bool = False,
    labels: bool = False,
) -> nn.Network:
    """The scene-labeling network with random weights, or those trained on synthetic scenes.

    Of the 16 maps of the first layer, `y_maps` (10; 8 with depth) see Y alone, and the others U and
    V, or half of them depth. `block2` and `block3` are how many neighbouring maps of layers 2 and 3
    see the same inputs.
    With `labels` the result is the class of the largest score at each place, instead of the scores.
    Trained weights are for all parameters as they are by default, but `scales` (1 or 3) and
    `channels`. They were trained at 320x240, and run at any size.
    """
    require_counts(
        classes=classes, scales=scales, height=height, width=width, block2=block2, block3=block3
    )
    if channels not in USUAL_Y_MAPS:
        raise UserError(
            f"the scene network takes 3 channels (Y, U, V) or 4 (and depth), not {channels}"
        )
    y_maps = USUAL_Y_MAPS[channels] if y_maps is None else y_maps
    most = FIRST_MAPS + 2 - channels
    if not 1 <= y_maps <= most:
        raise UserError(
            f"of the {FIRST_MAPS} maps of the first layer, 1 to {most} see Y alone, not {y_maps}",
            fix="The others are for colour, and for depth if there is any.",
        )
    if scales > MOST_SCALES:
        raise UserError(f"the scene network has 1 to {MOST_SCALES} scales, not {scales}")
    grid = STRIDE * 2 ** (scales - 1)
    if height % grid or width % grid:
        told = "1 scale" if scales == 1 else f"{scales} scales"
        raise UserError(
            f"a picture of {width}x{height} does not divide into {told}",
            fix=f"Its sides must be multiples of {grid}.",
        )
    with nn.seeded(seed):
        network = Scene(
            classes, scales, channels, (height, width), y_maps, (block2, block3), seed, labels
        )
    if trained:
        as_trained = AS_TRAINED | {"y_maps": USUAL_Y_MAPS[channels]}
        given = {"classes": classes, "y_maps": y_maps, "block2": block2, "block3": block3}
        _require_as_trained(given | {"seed": seed}, as_trained)
        colors = "rgb" if channels == 3 else "rgbd"
        network.load(trained_weights(f"scene-{scales}-{colors}"))
    return network


AS_TRAINED = {"classes": 8, "block2": 6, "block3": 24, "seed": 0}
"""Parameters that decide what the weights mean."""


def _require_as_trained(given: dict[str, int], trained: dict[str, int]) -> None:
    for name, value in given.items():
        if value != trained[name]:
            raise UserError(
                f"the trained scene network has {name}={trained[name]}, not {value}",
                fix=f"Leave {name} out, or train one with 'sightline scene train'.",
            )
