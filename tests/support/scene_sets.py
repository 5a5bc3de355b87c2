"""Tiny sets of frames, written as the authors of the published ones lay theirs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sightline.ir.types import Array
from sightline.scene.frame import UNLABELED, Frame

COLLECTION = "spatial_envelope_256x256_static_8outdoorcategories"
SIFT_FLOW = (
    "awning balcony bird boat bridge building bus car cow crosswalk desert door fence field grass "
    "moon mountain person plant pole river road rock sand sea sidewalk sign sky staircase "
    "streetlight sun tree window"
)
THIRTEEN = "bed books ceiling chair floor furniture objects picture sofa table tv wall window"


def random_frame(
    seed: int, height: int = 6, width: int = 8, classes: int = 8, depth: bool = False
) -> Frame:
    """A frame of noise, with labels of all classes and of none."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, classes, (height, width))
    metres = rng.uniform(0.6, 150, (height, width)) * (rng.random((height, width)) > 0.2)
    return Frame(
        rng.integers(0, 256, (height, width, 3), np.uint8),
        np.where(labels < 0, UNLABELED, labels).astype(np.uint8),
        metres.astype(np.float32) if depth else None,
    )


class Frames:
    """A set of frames in memory, named `frame0` and so on."""

    def __init__(
        self,
        frames: Sequence[Frame],
        classes: Sequence[str] = "abcdefgh",
        synthetic: bool = True,
        names: str = "frame{}",
    ) -> None:
        self.frames = frames
        self.names = names
        self.classes: Sequence[str] = tuple(classes)
        self.synthetic = synthetic

    def __len__(self) -> int:
        return len(self.frames)

    def name(self, index: int) -> str:
        return self.names.format(index)

    def frame(self, index: int) -> Frame:
        return self.frames[index]


def assert_equal(one: Frame, other: Frame, metres: float = 0) -> None:
    """Both frames are of the same types and values, distances up to a part of themselves."""
    assert one.picture.dtype == other.picture.dtype == np.uint8
    assert one.labels.dtype == other.labels.dtype == np.uint8
    np.testing.assert_array_equal(one.picture, other.picture)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert (one.depth is None) == (other.depth is None)
    if one.depth is not None and other.depth is not None:
        assert one.depth.dtype == other.depth.dtype == np.float32
        np.testing.assert_allclose(one.depth, other.depth, rtol=metres)


def write_stanford(folder: Path, frames: Mapping[str, Frame]) -> Path:
    """Stanford Background, with all files that it has."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    horizons = []
    for name, frame in frames.items():
        Image.fromarray(frame.picture).save(folder / "images" / f"{name}.jpg", quality=95)
        numbers = np.where(frame.labels == UNLABELED, -1, frame.labels.astype(int))
        for kind in ("regions", "surfaces", "layers"):
            write_table(folder / "labels" / f"{name}.{kind}.txt", numbers)
        horizons.append(f"{name} {frame.labels.shape[1]} {frame.labels.shape[0]} 3.5\n")
    (folder / "horizons.txt").write_text("".join(horizons))
    return folder


def write_table(path: Path, numbers: Array) -> None:
    rows = (" ".join(map(str, row)) for row in numbers)
    path.write_text("".join(f"{row} \n" for row in rows))  # theirs end with a space


def write_sift_flow(folder: Path, frames: Mapping[str, Frame], test: Sequence[str] = ()) -> Path:
    """SIFT Flow, its list of pictures for testing written as on Windows."""
    for part in ("Images", "SemanticLabels"):
        (folder / part / COLLECTION).mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        Image.fromarray(frame.picture).save(folder / "Images" / COLLECTION / f"{name}.jpg")
        numbers = np.where(frame.labels == UNLABELED, 0, frame.labels + 1)
        path = folder / "SemanticLabels" / COLLECTION / f"{name}.mat"
        write_mat5(path, S=numbers.astype(np.uint8), names=cells(SIFT_FLOW.split(), column=True))
    lines = (f"{COLLECTION}\\{name}.jpg\r\n" for name in test)
    (folder / "TestSet1.txt").write_bytes("".join(lines).encode())
    return folder


def write_nyu(
    folder: Path, pictures: Array, numbers: Array, metres: Array, names: Sequence[str]
) -> Path:
    """The file of NYU Depth v2: pictures `[N, H, W, 3]`, numbers and metres `[N, H, W]`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nyu_depth_v2_labeled.mat"
    write_mat73(
        path,
        names,
        images=pictures.transpose(0, 3, 2, 1),
        labels=numbers.transpose(0, 2, 1).astype(np.uint16),
        depths=np.ones_like(metres.transpose(0, 2, 1), np.float32),
        rawDepths=metres.transpose(0, 2, 1).astype(np.float32),
    )
    return folder


def write_splits(folder: Path, train: Sequence[int], test: Sequence[int]) -> None:
    columns = {"trainNdxs": train, "testNdxs": test}
    write_mat5(
        folder / "splits.mat",
        **{name: np.array(rows, np.uint16)[:, None] for name, rows in columns.items()},
    )


def write_mappings(folder: Path, to_40: Array, to_13: Array, to_4: Array) -> None:
    """The two files of published classes: rows of numbers from 1, as their authors shipped them."""
    write_mat5(
        folder / "classMapping40.mat",
        mapClass=to_40[None].astype(np.uint8),
        className=cells([f"class {number}" for number in range(1, len(to_13) + 1)]),
        mapToNYUSuperClass=to_4[None].astype(np.uint8),
    )
    both = {"labels13": to_13[None].astype(np.uint8), "classNames": cells(THIRTEEN.split())}
    write_mat5(folder / "class13Mapping.mat", classMapping13=both)


def write_mat5(path: Path, **variables: Any) -> None:
    from scipy.io import savemat

    savemat(path, variables, do_compression=True)


def write_mat73(path: Path, names: Sequence[str], **arrays: Array) -> None:
    """HDF5 behind the block that MATLAB writes first; each text an array that `names` refers to."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=(1, *array.shape[1:]), compression=4)
        references = file.create_dataset("names", (1, len(names)), h5py.ref_dtype)
        for index, text in enumerate(names):
            codes = np.array([[ord(letter)] for letter in text], np.uint16)
            references[0, index] = file.create_dataset(f"#refs#/{index}", data=codes).ref
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def cells(texts: Sequence[str], column: bool = False) -> Array:
    """A cell array of texts, as a row or a column."""
    row = np.empty((1, len(texts)), object)
    row[0] = list(texts)
    return row.T if column else row
