"""The networks of the field, as modules of our own."""

from __future__ import annotations

from collections.abc import Callable

from sightline.frontend.nn import Network
from sightline.models.extractor import extractor
from sightline.models.lenet import lenet5
from sightline.models.mobilenet import mobilenet
from sightline.models.resnet import resnet18, resnet50
from sightline.models.scene import scene
from sightline.models.torch7 import torch7
from sightline.models.unet import unet

MODELS: dict[str, Callable[..., Network]] = {
    "lenet5": lenet5,
    "torch7": torch7,
    "extractor": extractor,
    "scene": scene,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "mobilenet": mobilenet,
    "unet": unet,
}
"""Every network by the name that `models:NAME` takes, as a factory with its parameters."""
