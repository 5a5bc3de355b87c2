"""PyTorch's networks as they are put on a device: here on the processor."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends import reference
from sightline.peers.torch_device import module
from sightline.source import read
from tests.support.random_graphs import inputs_for


@pytest.mark.parametrize("memory", ["contiguous", "channels_last"])
@pytest.mark.parametrize("half", [False, True])
def test_a_network_keeps_its_meaning(half: bool, memory: str) -> None:
    graph = read("models:scene,seed=3,scales=2,height=32,width=32").graph
    inputs = inputs_for(graph, 1)
    network, given = module(graph, inputs, "cpu", half, memory)
    [wanted] = reference.run(graph, **inputs).values()
    [found] = network(*given)
    assert str(found.dtype) == ("torch.float16" if half else "torch.float32")
    far = np.abs(found.float().numpy() - wanted).max() / np.abs(wanted).max()
    assert far < (3e-2 if half else 1e-4)
