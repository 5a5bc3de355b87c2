"""One whole training, for all tests that only look at what it left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from sightline.scene.training import record
from sightline.scene.training.export import Result
from tests.support.painted_scenes import SHORT, Painted, train_quickly


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> Iterator[None]:
    """Threads of PyTorch wait for each other by spinning, which costs most beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """`SHORT`, with nothing in between; its folder must be left as it is."""
    folder = tmp_path_factory.mktemp("trained") / "new" / "folder"
    return train_quickly(SHORT, Painted(), Painted(seed=1), folder)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No learning curves: drawing them takes longer than these trainings do."""
    monkeypatch.setattr(record, "draw_curve", lambda *_: None)
