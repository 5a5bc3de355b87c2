"""Names that do not exist: models, parameters, targets, commands, options, results."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import sightline
from tests.support.command_line import fails, succeeds
from tests.support.small_networks import labeler, two_ends

OUT = ("-o", "out", "-t", "reference")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("compile", "models:lenet", *OUT),
            r"there is no network 'lenet' in models\. Did you mean 'lenet5'\? There are lenet5",
        ),
        (
            ("compile", "lenet5", *OUT),
            r"there is no model 'lenet5'\. Did you mean 'models:lenet5'\? A model is a \.onnx file",
        ),
        (
            ("inspect", "xyz"),
            r"there is no model 'xyz'\. A model is a \.onnx file, models:NAME, PA",
        ),
        (
            ("inspect", ""),
            r"no model is named\. A model is a \.onnx file, models:NAME, PACKAGE\.MOD",
        ),
        (("inspect", "no/such/net"), r"there is no model 'no/such/net'\. A model is a \.onnx file"),
        (("inspect", "no/such/net.onnx"), r"there is no file 'no/such/net\.onnx'\.$"),
        (
            ("inspect", "models:scene,clases=3"),
            r"models:scene has no parameter 'clases'\. Did you mean 'classes'\? It takes classes, ",
        ),
        (
            ("inspect", "models:scene,classes=many"),
            r"the parameter 'classes' of models:scene is an integer, but was given 'many'\.$",
        ),
        (
            ("compile", "models:lenet5", "-o", "out", "--tune", "1"),
            r"1 is no number of candidates to measure\. Choose one from 2 to 64: ",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--tune", "3"),
            r"options of the target cpu are given, but the target is reference\. Add the target",
        ),
        (
            ("inspect", "models:scene,33"),
            r"'33' is no parameter of models:scene\. Write parameters as name=value\.$",
        ),
        (
            ("inspect", "models:extractor,height=99999,width=99999"),
            # the place is the line that runs the command line, which in a test is the test's
            r"(\S+: )?a value of shape \[1, 1, 99999, 99999\] has 9999800001 elements",
        ),
        (
            ("inspect", "models:scene,channels=2"),
            r"the scene network takes 3 channels \(Y, U, V\) or 4 \(and depth\), not 2\.$",
        ),
        (
            ("compile", "models:lenet5", "-o", "out", "-t", "gpu"),
            r"there is no target 'gpu'\. Choose from reference, cpu, cuda, fpga\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--colors", "cmyk"),
            r"the colours 'cmyk' are unknown\. Use one of gray, rgb, bgr, yuv, yuvd\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--colors", "rgb"),
            r"pictures as rgb are inputs f32\[1,3,H,W\], but the network takes f32\[1,1,32,32\]\. ",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--mean", "half"),
            r"the mean 'half' is no list of numbers\. Write --mean 0\.5 or 0\.4,0\.5,0\.6\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--mean", "1,2"),
            r"pictures as gray need 1 number for their mean, found 2\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--deviation", "0"),
            r"the deviation of pictures, which divides them, is 0\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--mean", "nan"),
            r"the mean of pictures is finite, not nan\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--deviation", "-inf"),
            r"the deviation of pictures is finite, not -inf\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--range", "inf"),
            r"the range of pictures is positive and finite, not inf\.$",
        ),
        (
            ("compile", "models:lenet5", *OUT, "--range", "0"),
            r"the range of pictures is positive and finite, not 0\.$",
        ),
        (
            ("compile", "models:lenet5"),
            r"Missing option '-o' / '--output'\. See 'cli compile --hel",
        ),
        (("compile",), r"Missing argument 'MODEL'\. See 'cli compile --help'\.$"),
        (("complie", "x"), r"No such command 'complie'.*See 'cli --help'\.$"),
        (("ops", "--jsno"), r"No such option '--jsno'.*See 'cli ops --help'\.$"),
        (("ops", "extra"), r"Got unexpected extra argument \(extra\) See 'cli ops --help'\.$"),
        (
            ("compile", "models:lenet5", *OUT, "--range", "white"),
            r"Invalid value for '--range': 'white' is not a valid float\. See 'cli compile --help'",
        ),
    ],
)
def test_message(arguments: tuple[str, ...], message: str) -> None:
    assert_matches(message, fails(*arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("x.npz", "-t", "cpu"),
            r"the artifact of 'two_ends' has no target 'cpu'; it has reference\. Use one of th",
        ),
        (
            ("x.npz", "-o", "total=sum.npy"),
            r"the network has no result 'total'\. Its results are sum, labels, mean\.$",
        ),
        (
            ("x.npz", "-o", "sum.npy"),
            r"'sum\.npy' holds one result, but the network gives sum, labels, mean\. Write NAME=su",
        ),
        (
            ("x.npz", "-o", "sum.jpeg"),
            r"the suffix of 'sum\.jpeg' names no format for results\. Us",
        ),
        (
            ("x.npz", "-o", "mean=a.png"),
            r"a result of shape \[1, 2, 1, 1\] is no picture\. A \.png",
        ),
        (
            ("x.npz", "-o", "all.npz", "-o", "sum.npy"),
            r"'sum\.npy' holds one result, but the network gives sum, labels, mean\. Write NAME=su",
        ),
        (
            ("x.npz", "-o", "sum=same.npy", "-o", "labels=./same.npy"),
            r"two results are to be written to 'same\.npy'\. Name a file for each, or a \.npz file",
        ),
        (("x.npz", "-o", "gone/sum.npz"), r"there is no folder 'gone' to write 'sum\.npz' into\.$"),
        (
            ("a.npy",),
            r"the network takes a, b, but 'a\.npy' does not say which it is\. Give a pict",
        ),
        (
            ("a=a.npy", "b=x.npz"),
            r"'x\.npz' is given for one input, but a \.npz file is for all of them\. Give it alo",
        ),
        (
            ("a=x.npz",),
            r"no file is given for the input 'b'\. Give a picture or a \.npy for each input, as ",
        ),
        (("a=a.npy",), r"no file is given for the input 'b'\. Give a picture or a \.npy for each "),
        (("a=a.npy", "b=a.npy", "b=a.npy"), r"2 files are given for one input: a\.npy, a\.npy\. G"),
        (("a=a.npy", "b=gone.npy"), r"there is no file 'gone\.npy'\.$"),
        (
            ("a=a.npy", "b=b.npy"),
            r"the input 'b' is f32\[1,2,3,4\] \(float32\), but was given an a",
        ),
        (
            ("a=a.npy", "b=i.npy"),
            r"the input 'b' is f32\[1,2,3,4\] \(float32\), but was given an a",
        ),
        (
            ("a=a.npy", "b=t.txt"),
            r"the input 't\.txt' is no picture and no \.npy file\. Its suffix",
        ),
        (
            ("a=a.npy", "b=p.png"),
            r"the model does not say how a picture such as 'p\.png' becomes i",
        ),
        (
            ("y.npz",),
            r"the network takes a, b, but was given a, c\. Give one array for each input, ",
        ),
    ],
)
def test_message_of_a_run(arguments: tuple[str, ...], message: str) -> None:
    sightline.compile(two_ends(), ["reference"]).save("net")
    a = np.zeros((1, 2, 3, 4), np.float32)
    np.savez("x.npz", a=a, b=a)
    np.savez("y.npz", a=a, c=a)
    np.save("a.npy", a)
    np.save("b.npy", a[0])
    np.save("i.npy", a.astype(np.uint8))
    for name in ("t.txt", "p.png"):
        Path(name).write_text("nothing")
    assert_matches(message, fails("run", "net", *arguments))


def test_the_name_of_no_input() -> None:
    sightline.compile(labeler(), ["reference"]).save("net")
    np.save("x.npy", np.zeros((1, 3, 4, 6), np.float32))
    Path("a=b.npy").write_bytes(Path("x.npy").read_bytes())
    message = "the network has no input 'img'. Its input is image; or give the file alone."
    assert fails("run", "net", "img=x.npy") == message
    assert succeeds("run", "net", "image=x.npy")
    assert succeeds("run", "net", "a=b.npy")


@pytest.mark.parametrize("last", ["sum.npy", "mean=a.png", "sum=a.npz"])
def test_nothing_runs_before_every_file_is_known_to_fit(
    last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object) -> None:
        raise AssertionError("it ran")

    sightline.compile(two_ends(), ["reference"]).save("net")
    a = np.zeros((1, 2, 3, 4), np.float32)
    np.savez("x.npz", a=a, b=a)
    monkeypatch.setattr("sightline.backends.reference.ReferenceExecutable.run", run)
    assert fails("run", "net", "x.npz", "-o", "all.npz", "-o", "labels=a.npz", "-o", last)


def assert_matches(pattern: str, text: str) -> None:
    assert re.match(pattern, text), text
