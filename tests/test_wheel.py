"""The wheel holds the whole package, nothing else, and works where the repository is not."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.copies import PACKAGES, ROOT, copy_repository


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = copy_repository(tmp_path_factory.mktemp("source"))
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_and_nothing_at_the_top(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert all(top == "sightline" or top.endswith(".dist-info") for top in tops), tops
    sources = {
        f"sightline/{path.relative_to(ROOT)}"
        for folder in PACKAGES
        for path in (ROOT / folder).rglob("*.py")
    }
    sources |= {f"sightline/{path.name}" for path in (ROOT / "sightline").glob("*.py")}
    assert sources <= set(names), sources - set(names)
    assert "sightline/py.typed" in names
    assert "sightline/models/weights/scene-3-rgb.npz" in names
    assert "sightline/sim/bench_parts.sv" in names
    for folder in (ROOT / "sim" / "cuda", ROOT / "backends" / "tvm" / "runtime"):
        native = [path for path in folder.rglob("*.[hc]*") if path.is_file()]
        assert {f"sightline/{path.relative_to(ROOT)}" for path in native} <= set(names)


def test_the_wheel_runs_elsewhere(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def sightline(*arguments: str) -> str:
        command = [sys.executable, "-m", "sightline", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import sightline; print(sightline.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert Path(found.stdout.strip()).is_relative_to(site)
    assert "lenet5" in sightline("inspect", "models:lenet5")
    sightline("compile", "models:lenet5", "-t", "reference", "-t", "cpu", "-o", "lenet")
    assert (tmp_path / "lenet" / "manifest.json").is_file()
