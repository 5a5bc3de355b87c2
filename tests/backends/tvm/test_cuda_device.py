"""A device from Python, and frames whose arrays stay on it: run by the emulator."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.tvm.gpu.device import Device, Resident, find_runtime, told_by_the_driver
from sightline.backends.tvm.gpu.folder.model import Model, ModelError
from sightline.ir.errors import UserError
from sightline.sim.cuda import emulator
from tests.support.cuda_models import compiled
from tests.support.random_graphs import inputs_for
from tests.support.small_networks import labeler


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(labeler().graph, tmp_path_factory.mktemp("device") / "net")


@pytest.fixture
def model(folder: Path) -> Iterator[Model]:
    library = emulator.build(folder / "model.cu", folder / "emulated", checked=True)
    with Model(folder, library=library) as loaded:
        yield loaded
    assert emulator.left(loaded.library) == []


def test_a_frame_stays_on_the_device(model: Model) -> None:
    graph = labeler().graph
    inputs = inputs_for(graph, 1)
    device = Device(model.library)
    frame = Resident(device, model, list(inputs.values()))
    untouched = frame.outputs()
    assert all((array.view(np.uint8) == 0xFF).all() for array in untouched)
    assert device.milliseconds(frame.enqueue) >= 0
    wanted = reference.run(graph, **inputs)
    for found, right in zip(frame.outputs(), wanted.values(), strict=True):
        np.testing.assert_allclose(found, right, atol=1e-6)
    device.close()


def test_what_a_device_refuses_is_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(model.library)
    with pytest.raises(UserError, match="cudaMemcpy: invalid argument"):
        device.array(ctypes.c_void_p(), np.zeros(4))
    frame = Resident(device, model, list(inputs_for(labeler().graph, 1).values()))
    monkeypatch.setenv("SIGHTLINE_CUDA_NO_DEVICE", "1")
    with pytest.raises(ModelError, match="no CUDA-capable device"):
        frame.enqueue()
    monkeypatch.delenv("SIGHTLINE_CUDA_NO_DEVICE")
    emulator.forget(model.library)
    device.close()


def test_a_machine_without_the_runtime_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", none)
    with pytest.raises(UserError, match=r"libcudart\.so, is not found.*LD_LIBRARY_PATH"):
        find_runtime("/usr/bin/nvcc")


def test_what_the_driver_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told_by_the_driver() == {}
    command = tmp_path / "nvidia-smi"
    command.write_text(
        "#!/bin/sh\necho 'NVIDIA H200, 580.1, 9.0, 1980 MHz, 345 MHz, 3201 MHz, 9 W'\n"
    )
    command.chmod(0o755)
    told = told_by_the_driver()
    assert (told["name"], told["clocks.max.sm"]) == ("NVIDIA H200", "1980 MHz")
