"""docs/ADDING_AN_OP.md keeps its word: its diff, applied to a copy, puts an op into every sweep."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.copies import ROOT, copy_repository

SWEEPS = ("tests/test_registry.py", "tests/frontend/onnx", "tests/backends/tvm")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository with the diff of the document applied."""
    copy_repository(tmp_path)
    text = (ROOT / "docs" / "ADDING_AN_OP.md").read_text()
    diff = re.search(r"```diff\n(.*?)```", text, re.DOTALL)
    assert diff is not None, "the document shows no diff"
    assert re.findall(r"^\+\+\+ b/(.*)$", diff[1], re.MULTILINE) == ["ir/ops/pointwise.py"]
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff[1], text=True, check=True)
    return tmp_path


def test_the_new_op_is_in_every_sweep(copy: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-v", "-k", "hard_swish", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *SWEEPS], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for sweep in SWEEPS:
        assert re.search(rf"^{sweep}.*hard_swish.* PASSED", done.stdout, re.MULTILINE), (
            f"{sweep} does not sweep over the new op\n{done.stdout}"
        )
