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
        blocks: tuple[int, int],
        seed: int,
    ) -> None:
        self.scales = scales
        self.inputs = {"image": (1, channels, *size)}
        self.picture = Picture("yuv" if channels == 3 else "yuvd")
        self.classes = STANFORD if classes == 8 else tuple(map(str, range(classes)))
        self.norm = nn.LocalNorm(15)
        self.features = nn.Sequential(
            nn.Conv2d(channels, 16, 7, padding=3, table=FIRST_TABLES[channels]),
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
        return {"scores": self.classifier(nn.cat(whole) if self.scales > 1 else whole[0])}

    def pyramid(self, image: nn.Tensor) -> list[nn.Tensor]:
        """The bands of a Laplacian pyramid, finest first; the last is the blurred rest."""
        bands = []
        for _ in range(self.scales - 1):
            coarse = nn.PyramidDown()(image)
            bands.append(image - nn.PyramidUp((image.shape[2], image.shape[3]))(coarse))
            image = coarse
        return [*bands, image]


FIRST_TABLES: dict[int, Table] = {
    3: tables.parts(3, ((0,), 10), ((1, 2), 6)),
    4: tables.parts(4, ((0,), 8), ((1, 2), 4), ((3,), 4)),
}
"""What the 16 maps of the first layer see, by input channels: Y alone, U and V, depth alone."""


def scene(
    classes: int = 8,
    scales: int = 3,
    channels: int = 3,
    height: int = 240,
    width: int = 320,
    block2: int = 6,
    block3: int = 24,
    seed: int = 0,
    trained: bool = False,
) -> nn.Network:
    """The scene-labeling network with random weights, or those trained on synthetic scenes.

    `block2` and `block3` are how many neighbouring maps of layers 2 and 3 see the same inputs.
    Trained weights are for all parameters as they are by default, but `scales` (1 or 3) and
    `channels`. They were trained at 320x240, and run at any size.
    """
    require_counts(
        classes=classes, scales=scales, height=height, width=width, block2=block2, block3=block3
    )
    if channels not in FIRST_TABLES:
        raise UserError(
            f"the scene network takes 3 channels (Y, U, V) or 4 (and depth), not {channels}"
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
        network = Scene(classes, scales, channels, (height, width), (block2, block3), seed)
    if trained:
        _require_as_trained(classes=classes, block2=block2, block3=block3, seed=seed)
        colors = "rgb" if channels == 3 else "rgbd"
        network.load(trained_weights(f"scene-{scales}-{colors}"))
    return network


AS_TRAINED = {"classes": 8, "block2": 6, "block3": 24, "seed": 0}
"""Parameters that decide what the weights mean."""


def _require_as_trained(**parameters: int) -> None:
    for name, value in parameters.items():
        if value != AS_TRAINED[name]:
            raise UserError(
                f"the trained scene network has {name}={AS_TRAINED[name]}, not {value}",
                fix=f"Leave {name} out, or train one with 'sightline scene train'.",
            )
