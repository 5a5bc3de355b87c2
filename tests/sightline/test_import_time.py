"""What `import sightline` and `--help` load, and how soon they are done."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.support.layers import imports, modules, package_of, within

HEAVY = (
    *("tvm", "onnx", "onnxruntime", "torch", "amaranth", "rich", "PIL", "scipy", "skimage"),
    *("matplotlib", "h5py"),
)


def loaded_after(code: str) -> set[str]:
    """The top-level modules that are loaded once a fresh interpreter has run some code."""
    printed = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{code}\nimport sys; print(*{{m.split('.')[0] for m in sys.modules}})",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(printed.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import sightline",
        "import sightline.cli",
        "from sightline.cli import cli\ntry: cli(['--help'])\nexcept SystemExit: pass",
        "from sightline.cli import cli\ntry: cli(['run', '--help'])\nexcept SystemExit: pass",
        "from sightline.cli import cli\ntry: cli(['scene', '--help'])\nexcept SystemExit: pass",
        "from sightline.cli import cli\ntry: cli(['bench', '--help'])\nexcept SystemExit: pass",
        "import sightline\nsightline.compile('models:lenet5', ['reference'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert not loaded_after(code).intersection(HEAVY)


@pytest.mark.parametrize("code", ["import sightline", "import sightline.cli"])
def test_not_even_numpy_is_loaded(code: str) -> None:
    assert "numpy" not in loaded_after(code)


def test_the_face_knows_scenes_by_name_alone() -> None:
    code = "import sightline.cli, sys; print('sightline.scene' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    for module, path in modules().items():
        if package_of(module) == "sightline":
            imported = [each.name for each in imports(path.read_text())]
            assert not [name for name in imported if within(name, "sightline.scene")], module


def shortest(command: list[str], runs: int = 5) -> float:
    """The best of a few runs, since the machine may be busy with other things."""
    environment = {**os.environ, "COLUMNS": "100"}
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def test_import_takes_less_than_a_third_of_a_second() -> None:
    assert shortest([sys.executable, "-c", "import sightline"]) < 0.3


def test_help_takes_less_than_half_a_second() -> None:
    assert shortest([sys.executable, "-m", "sightline", "--help"]) < 0.5
