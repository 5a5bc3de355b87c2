"""Frames, precisions and artifacts that cannot be quantized, or measured."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sightline
from tests.support.command_line import fails, invoke, names_in, snapshot, succeeds
from tests.support.integer_layers import frames, two_banks, weights
from tests.support.small_networks import labeler, two_ends

GOOD = np.concatenate(frames(3))
SOURCES = r"Give a folder of pictures or of \.npy files, a \.npy or \.npz file, or arrays\."

SLOW_FRAMES = """
import sightline.passes.calibrate as calibrate
import sightline.quantizer
import time

def observe(*arguments):
    print("half way", flush=True)
    time.sleep(60)

sightline.quantizer.observe = observe
from sightline.cli import main
import sys
sys.argv[1:] = ["quantize", "net", "good.npy", "-o", "made"]
main()
"""


@pytest.fixture(autouse=True)
def _frames() -> None:
    """Two float artifacts, and frames good and bad."""
    sightline.compile(two_banks(weights(), [0.1, -0.2, 0.3]), ["reference"]).save("net")
    sightline.compile(labeler(), ["reference"]).save("labeler")
    odd = GOOD.copy()
    odd[1, 0, 0, 0] = np.nan
    infinite = GOOD.copy()
    infinite[2, 1, 3, 3] = -np.inf
    arrays = {
        "good": GOOD,
        "odd": odd,
        "infinite": infinite,
        "integers": GOOD.astype(np.int64),
        "shape": np.zeros((3, 2, 8, 9), np.float32),
        "flat": np.zeros(7, np.float32),
        "none": GOOD[:0],
        "words": np.array(["a"]),
        "loud": np.full((2, 3, 4, 6), 255, np.float32),
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    np.savez("named.npz", y=GOOD, z=GOOD)
    for folder in ("empty", "texts", "mixed", "pictures"):
        Path(folder).mkdir()
    Path("texts/a.txt").write_text("no frame")
    np.save("mixed/a.npy", GOOD[:1])
    Image.new("RGB", (6, 4)).save("mixed/b.png")
    Image.new("RGB", (6, 4)).save("pictures/a.png")
    Image.new("RGB", (12, 8)).save("large.png")
    Path("cut.png").write_bytes(Path("large.png").read_bytes()[:40])


@pytest.fixture
def _integers(_frames: None) -> None:
    """An artifact that is quantized."""
    sightline.compile(sightline.quantize(two_banks(weights()), [GOOD[:1]]), "reference").save("q")


@pytest.mark.parametrize(
    ("model", "source", "message"),
    [
        ("net", "odd.npy", r"frame 2 of 'odd\.npy' holds nan in the input 'x', which is no finite"),
        ("net", "infinite.npy", r"frame 3 of 'infinite\.npy' holds -inf in the input 'x', which "),
        (
            "net",
            "integers.npy",
            r"frame 1 of 'integers\.npy': the input 'x' is f32.* type int64\. Of an array ",
        ),
        ("net", "shape.npy", r"'shape\.npy' holds an array of shape \[3, 2, 8, 9\], but the input"),
        ("net", "flat.npy", r"'flat\.npy' holds an array of shape \[7\], but the input 'x' is f32"),
        ("net", "none.npy", r"'none\.npy' holds no frame: its array is of shape \[0, 2, 8, 8\]\.$"),
        ("net", "words.npy", r"cannot read 'words\.npy': it holds <U1, not numbers\.$"),
        ("net", "named.npz", r"the network takes x, but 'named\.npz' holds y, z\. Give one array"),
        ("net", "empty", rf"the folder 'empty' holds nothing\. {SOURCES}$"),
        (
            "net",
            "texts",
            rf"the folder 'texts' holds neither a picture nor a \.npy file\. {SOURCES}",
        ),
        ("net", "mixed", r"the folder 'mixed' holds pictures such as 'b\.png' and arrays such as"),
        ("net", "gone", rf"there is no file or folder 'gone'\. {SOURCES}$"),
        (
            "net",
            "pictures",
            r"the model does not say how a picture such as .* Say it with --colors",
        ),
        ("labeler", "loud.npy", r"frame 1 of 'loud\.npy' holds numbers from 255 to 255, but pict"),
        ("labeler", "large.png", r"the picture 'large\.png' has 12x8 pixels, .* 6x4\. Resize it "),
        ("labeler", "cut.png", r"'cut\.png' is no picture"),
    ],
)
def test_frames_that_are_none(model: str, source: str, message: str) -> None:
    found = fails("quantize", model, source, "-o", "made")
    assert re.match(message, found), found
    compiled = fails("compile", model, "-t", "reference", "-o", "made", "--calibrate", source)
    assert compiled == found


def test_one_array_for_several_inputs() -> None:
    sightline.compile(two_ends(), ["reference"]).save("two")
    found = fails("quantize", "two", "good.npy", "-o", "made")
    assert found.startswith("'good.npy' is one array or picture, but the network takes a, b.")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--precision", "int9"),
            r"there is no precision 'int9'\. Choose from int8, int16, q8\.8, ",
        ),
        (("--precision", "act=half"), r"there is no precision 'half'\. Choose from int8"),
        (("--precision", ""), r"there is no precision ''\. Choose from int8"),
        (
            ("--precision", "bnk=int16"),
            r"a precision is given for 'bnk', which is no layer of net\. Did you mean bank\?",
        ),
        (("--precision", "=int16"), r"a precision is given for '', which is no layer of net\."),
        (("--calibration", "best"), r"there is no calibration method 'best'\. Use minmax, percent"),
        (
            ("--calibration", "percentile=20"),
            r"a percentile for calibration is from 50 to 100, not",
        ),
        (("--calibration", "percentile=x"), r"the percentile 'x' is no number\.$"),
        (
            ("--calibration", "percentile=nan"),
            r"a percentile for calibration is from 50 to 100, no",
        ),
        (("--calibration", "minmax=3"), r"there is no calibration method 'minmax=3'\."),
        (("--frames", "0"), r"Invalid value for '--frames': 0 is not in the range x>=1\."),
    ],
)
def test_options_that_mean_nothing(words: tuple[str, str], message: str) -> None:
    found = fails("quantize", "net", "good.npy", "-o", "made", *words)
    assert re.match(message, found), found


@pytest.mark.usefixtures("_integers")
def test_what_is_quantized_is_not_quantized_again() -> None:
    message = (
        "the network is quantized already. Compile it as it is, or start again from the float one."
    )
    assert fails("quantize", "q", "good.npy", "-o", "made") == message
    command = ("compile", "q", "-t", "reference", "-o", "made", "--calibrate", "good.npy")
    assert fails(*command) == message


@pytest.mark.parametrize(
    "words", [("--precision", "int16"), ("--calibration", "mse"), ("--frames", "2"), ("--resize",)]
)
def test_compile_is_told_how_to_quantize_but_not_by_what(words: tuple[str, ...]) -> None:
    assert fails("compile", "net", "-t", "reference", "-o", "made", *words) == (
        "it is said how to quantize, but not what values are typical. Name frames with --calibrate "
        "FRAMES."
    )


@pytest.mark.usefixtures("_integers")
def test_accuracy_needs_the_float_network() -> None:
    assert fails("accuracy", "net", "good.npy") == (
        "the artifact does not hold the float network that it was made of. Name what 'sightline "
        "quantize', or 'compile --calibrate', has written."
    )
    for other in ("gone", "good.npy"):
        assert fails("accuracy", other, "good.npy").startswith(
            f"'{other}' is no artifact's folder, and accuracy is of what was quantized. First write"
        )
    assert fails("accuracy", "q", "odd.npy").startswith("frame 2 of 'odd.npy' holds nan")
    assert fails("accuracy", "q", "empty").startswith("the folder 'empty' holds nothing.")


def test_the_output_folder_is_looked_at_before_anything_is_done() -> None:
    found = fails("quantize", "models:none", "gone", "-o", "net")
    assert found.startswith("the output folder 'net' exists. Name another")
    found = fails("quantize", "models:none", "gone", "-o", "texts", "--force")
    assert found == "the output folder 'texts' exists, and it is no artifact. Name another."
    assert fails("quantize", "net", "good.npy").startswith("Missing option '-o' / '--output'.")


@pytest.mark.usefixtures("_integers")
def test_integers_are_not_exported() -> None:
    found = fails("export", "q", "q.onnx")
    assert found.startswith("node 'x.q': the op quantize has no form in ONNX. Export the float")


def test_ctrl_c_while_frames_are_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sightline.quantizer.observe", interrupted)
    before = snapshot(Path.cwd())
    result = invoke("quantize", "net", "good.npy", "-o", "made")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.strip() == "error: interrupted."
    assert snapshot(Path.cwd()) == before


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_half_way(sent: signal.Signals, status: int) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", SLOW_FRAMES],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = names_in(Path.cwd())
    assert running.stdout is not None
    assert running.stdout.readline() == "half way\n"
    running.send_signal(sent)
    _, told = running.communicate(timeout=30)
    assert (running.returncode, told.strip()) == (status, "error: interrupted.")
    assert names_in(Path.cwd()) == before


def test_frames_that_were_refused_are_no_hindrance_afterwards() -> None:
    fails("quantize", "net", "odd.npy", "-o", "made")
    succeeds("quantize", "net", "good.npy", "-o", "made")
