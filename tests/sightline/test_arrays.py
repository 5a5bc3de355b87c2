"""`.npy` and `.npz` files from anywhere: read exactly, or refused in words."""

from __future__ import annotations

import contextlib
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sightline import arrays
from sightline.arrays import read_npy, read_npz
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from tests.support.examples import examples

ANY_ARRAY = hnp.arrays(
    st.sampled_from(["<f4", ">f4", "f8", "i1", "u2", "?"]), hnp.array_shapes(max_dims=3)
)


@examples(30)
@given(array=ANY_ARRAY, fortran=st.booleans(), compressed=st.booleans())
def test_what_numpy_writes_is_read(
    array: Array, fortran: bool, compressed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    array = np.asfortranarray(array) if fortran else array
    np.save(folder / "a.npy", array)
    (np.savez_compressed if compressed else np.savez)(folder / "a.npz", x=array, y=array.T)
    found = read_npz(folder / "a.npz")
    assert list(found) == ["x", "y"]
    for result, wanted in ((read_npy(folder / "a.npy"), array), (found["x"], array)):
        assert result.dtype == wanted.dtype
        np.testing.assert_array_equal(result, wanted)


@examples(150)
@given(data=st.data())
def test_damaged_files_are_refused_or_read_never_worse(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    np.save(folder / "a.npy", np.arange(12, dtype=np.float32))
    np.savez_compressed(folder / "a.npz", x=np.arange(12, dtype=np.float32))
    path, reader = data.draw(
        st.sampled_from([(folder / "a.npy", read_npy), (folder / "a.npz", read_npz)])
    )
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(UserError):
        reader(path)


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"^cannot read '.*a\.npy': it holds object, not numbers"):
        read_npy(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(pickle.dumps([1]))
    with pytest.raises(UserError, match=r"^cannot read '.*b\.npy': the magic string is not"):
        read_npy(tmp_path / "b.npy")


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((1, 8), np.float32))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"(1, 8), ", b"(10**0,)"))
    with pytest.raises(UserError, match=r"^cannot read '.*a\.npy': "):
        read_npy(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(content.replace(b"(1, 8), }" + 8 * b" ", b"(99999, 99999), }"))
    with pytest.raises(UserError, match=r"its header tells of 39999200004 bytes, but 32 follow\.$"):
        read_npy(tmp_path / "a.npy")


def test_an_archive_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_BYTES", 1000)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10_000))
    assert (tmp_path / "a.npz").stat().st_size < 1000
    with pytest.raises(UserError, match=r"^cannot read '.*': it holds 80128 bytes, and 1000 are"):
        read_npz(tmp_path / "a.npz")


def test_an_archive_of_other_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing to see")
    with pytest.raises(UserError, match=r"^cannot read '.*a\.npz': the magic string is not"):
        read_npz(tmp_path / "a.npz")
