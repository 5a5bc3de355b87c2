"""The scene-labeling network in PyTorch: the very weights of `models/scene.py`, by their names."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sightline.frontend import nn
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.types import Array
from sightline.models.scene import Scene
from sightline.scene.training.bands import normalized_bands


class FilterBank(torch.nn.Module):
    """The weights of a filter bank, `[pairs, *kernel]` as its table has them.

    They are filled into a dense filter bank with zeros elsewhere: on CPUs, PyTorch runs that
    several times faster than a group for each block of the table.
    """

    places: Tensor

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        assert layer.bias is not None
        self.weight = torch.nn.Parameter(torch.from_numpy(layer.weight.copy()))
        self.bias = torch.nn.Parameter(torch.from_numpy(layer.bias.copy()))
        self.shape = (layer.table.maps, layer.table.channels)
        self.padding = layer.window.kernel[0] // 2
        places = [
            target * layer.table.channels + source
            for block in layer.table.blocks()
            for target in range(block.first, block.last)
            for source in block.inputs
        ]
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def dense(self) -> Tensor:
        """The weights `[maps, channels, *kernel]`, zero where the table joins nothing."""
        maps, channels = self.shape
        kernel = self.weight.shape[1:]
        zeros = self.weight.new_zeros(maps * channels, *kernel)
        return zeros.index_copy(0, self.places, self.weight).view(maps, channels, *kernel)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.dense(), self.bias, padding=self.padding)


class TorchScene(torch.nn.Module):
    """Images `[N, C, H, W]` to scores `[N, classes, H/4, W/4]`, by two ways to the same numbers.

    `forward` is what training takes. The third filter bank has no nonlinearity after it, and
    repeating pixels commutes with 1x1 filters. So at each scale, bank and classifier are one bank
    of 64 maps to the classes, composed anew at each step, and a quarter of the work is left.
    `literal` is the network layer by layer.
    """

    def __init__(self, network: Scene) -> None:
        super().__init__()
        self.scales = network.scales
        assert isinstance(network.norm.op, LocalNorm)
        self.norm = network.norm.op
        self.features = torch.nn.ModuleDict(
            {
                path: FilterBank(layer)
                for path, layer in network.features.parts()
                if isinstance(layer, nn.Conv2d)
            }
        )
        self.classifier = FilterBank(network.classifier)

    def forward(self, images: Tensor) -> Tensor:
        first, second, third = self._banks()
        composed = self._composed(third)
        scores: list[Tensor] = []
        for band, (weight, bias) in zip(self._bands(images), composed, strict=True):
            x = band
            for bank in (first, second):  # tanh rises, so the largest of it is it of the largest
                x = torch.tanh(functional.max_pool2d(bank(x), 2))
            x = functional.conv2d(x, weight, bias, padding=third.padding)
            scores.append(functional.interpolate(x, scores[0].shape[2:]) if scores else x)
        return torch.stack(scores).sum(0) + self.classifier.bias.view(-1, 1, 1)

    def literal(self, images: Tensor) -> Tensor:
        """Scores layer by layer, as `models/scene.py` tells it."""
        first, second, third = self._banks()
        features: list[Tensor] = []
        for band in self._bands(images):
            x = band
            for bank in (first, second):
                x = functional.max_pool2d(torch.tanh(bank(x)), 2)
            x = third(x)
            features.append(functional.interpolate(x, features[0].shape[2:]) if features else x)
        scores: Tensor = self.classifier(torch.cat(features, 1))
        return scores

    def weights(self) -> dict[str, Array]:
        """The weights as arrays, by the names of `Module.parameters()`."""
        return {name: p.detach().numpy().copy() for name, p in self.named_parameters()}

    def _bands(self, images: Tensor) -> list[Tensor]:
        return normalized_bands(images, self.scales, self.norm)

    def _banks(self) -> list[FilterBank]:
        return [bank for bank in self.features.values() if isinstance(bank, FilterBank)]

    def _composed(self, third: FilterBank) -> list[tuple[Tensor, Tensor]]:
        """For each scale, weights and bias of the third bank and the classifier as one bank."""
        bank = third.dense()
        slices = self.classifier.dense()[:, :, 0, 0].chunk(self.scales, 1)
        return [(torch.einsum("km,mcij->kcij", each, bank), each @ third.bias) for each in slices]
