"""Compiled folders: what they hold, how they run, and how broken ones are refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.registry import target
from sightline.backends.tvm.cpu import TARGET
from sightline.backends.tvm.library import linker
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Flatten, Identity, Reshape, Transpose
from sightline.ir.ops.pointwise import Abs, Relu, Tanh
from sightline.ir.ops.pooling import AveragePool
from sightline.ir.parse import parse
from sightline.ir.progress import silent
from sightline.ir.table import Table
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Array, Float32, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference, assert_near, compiled

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1, 3, 8, 9)).astype(np.float32)


def network(maps: int = 4) -> Graph:
    """A filter bank, a pooling that needs a table, an activation and a flattening."""
    builder = GraphBuilder("net")
    x = builder.input("x", TensorType(X.shape))
    weights = RNG.standard_normal((3 * maps, 3, 3)).astype(np.float32)
    window = Window((3, 3), pads=(1, 1, 1, 1))
    y = builder.add(
        Conv(window, Table.dense(3, maps)), x, builder.constant(weights, "w"), name="bank"
    )
    y = builder.add(AveragePool(Window((2, 2), pads=(1, 1, 0, 0))), y, name="pool")
    y = builder.add(Tanh(), y, name="squash")
    builder.output(builder.add(Flatten(), y, name="flat"), "scores")
    return builder.finish()


@pytest.fixture(scope="module")
def net() -> Graph:
    return network()


@pytest.fixture(scope="module")
def whole(net: Graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    TARGET.compile(net, folder, silent)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A compiled folder to break."""
    return Path(shutil.copytree(whole, tmp_path / "compiled"))


def test_the_registry_knows_it() -> None:
    assert target("cpu") is TARGET


def test_an_op_that_is_unknown_is_refused() -> None:
    @dataclass(frozen=True)
    class Strange(Op):
        kind: ClassVar[str] = "strange"

        def infer(self, x: TensorType) -> TensorType:
            return x

    builder = GraphBuilder("net")
    builder.output(builder.add(Strange(), builder.input("x", TensorType((2,)))))
    with pytest.raises(UserError, match=r"^node 'strange': the target 'cpu' does not run strange"):
        TARGET.compile(builder.finish(), Path(), silent)


def test_a_folder_holds_only_what_loading_needs(whole: Path) -> None:
    names = sorted(path.name for path in whole.iterdir())
    assert re.fullmatch(r"kernels-\w{16}\.so,plan\.json,tables\.npz", ",".join(names))
    plan = json.loads((whole / "plan.json").read_text())
    assert [call["nodes"] for call in plan["calls"]] == [["bank"], ["pool", "squash"]]
    assert plan["renamed"] == {"flat": "squash"}
    assert plan["processor"]["name"]


def test_progress_is_told_kernel_by_kernel(net: Graph, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []

    def report(what: str, done: int, total: int) -> None:
        heard.append((what, done, total))

    TARGET.compile(net, tmp_path, report)
    assert [done for _, done, _ in heard] == list(range(4))
    assert {total for _, _, total in heard} == {3}
    assert heard[0][0] == "cpu: conv_0"


def test_a_fresh_process_runs_it(net: Graph, whole: Path, tmp_path: Path) -> None:
    """From nothing but the folder and the graph's own text."""
    (tmp_path / "graph.txt").write_text(to_text(net))
    arrays: dict[str, Any] = {key: value.array for key, value in constants_of(net).items()}
    np.savez(tmp_path / "constants.npz", **arrays)
    np.save(tmp_path / "x.npy", X)
    script = """
import sys
from pathlib import Path
import numpy as np
import sightline.ir.ops
from sightline.backends.registry import target
from sightline.ir.constant import Constant
from sightline.ir.parse import parse
here, folder = map(Path, sys.argv[1:])
constants = {key: Constant(array) for key, array in np.load(here / "constants.npz").items()}
graph = parse((here / "graph.txt").read_text(), constants)
y = target("cpu").load(graph, folder).run({"x": np.load(here / "x.npy")})
np.save(here / "y.npy", y["scores"])
"""
    command = [sys.executable, "-c", script, str(tmp_path), str(whole)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_near(np.load(tmp_path / "y.npy"), reference.run(net, x=X)["scores"], 1e-4)


def test_results_belong_to_the_caller(net: Graph, whole: Path) -> None:
    net_run = TARGET.load(net, whole).run
    first = net_run({"x": X})["scores"]
    kept = first.copy()
    second = net_run({"x": 2 * X})["scores"]
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_array_equal(net_run({"x": X})["scores"], kept)


def test_inputs_may_lie_in_memory_as_they_like(net: Graph, whole: Path) -> None:
    executable = TARGET.load(net, whole)
    wanted = executable.run({"x": X})["scores"]
    strided = np.empty((1, 3, 8, 18), np.float32)[..., ::2]
    strided[...] = X
    strided.setflags(write=False)
    np.testing.assert_array_equal(executable.run({"x": strided})["scores"], wanted)


def test_two_at_once_and_from_many_threads(net: Graph, whole: Path) -> None:
    other = network(maps=6)
    pair = [(TARGET.load(net, whole), net), (compiled(other), other)]
    failures: list[str] = []

    def work(scale: float) -> None:
        for executable, graph in pair * 5:
            got = executable.run({"x": X * np.float32(scale)})["scores"]
            wanted = reference.run(graph, x=X * np.float32(scale))["scores"]
            if np.abs(got - wanted).max() > 1e-4 * np.abs(wanted).max():
                failures.append(graph.name)

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (0.1, 1.0, -2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_profile_names_what_each_kernel_does(net: Graph, whole: Path) -> None:
    times = TARGET.load(net, whole).profile({"x": X})
    assert [time.stage for time in times] == ["bank", "pool + squash"]
    assert all(time.seconds > 0 for time in times)


def test_another_network_in_the_same_place(net: Graph, tmp_path: Path) -> None:
    """The system's loader would hand out the first library again if it had the same path."""
    first = compiled(net, tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    other = network(maps=7)
    y = compiled(other, tmp_path).run({"x": X})["scores"]
    assert_near(y, reference.run(other, x=X)["scores"], 1e-4)
    assert_near(first.run({"x": X})["scores"], reference.run(net, x=X)["scores"], 1e-4)


def test_outputs_of_every_kind() -> None:
    """An input, a constant, both under other names, one value twice, and fan-out."""
    builder = GraphBuilder("outputs")
    x, unread = builder.input("x", TensorType((2, 6))), builder.input("unread", TensorType((3,)))
    w = builder.constant(RNG.standard_normal((2, 6)).astype(np.float32), "w")
    double = builder.add(Add(), x, x)
    square = builder.add(Mul(), double, double)
    seen = builder.add(Reshape((3, 4)), builder.add(Identity(), x))
    named = builder.add(Reshape((4, 3)), w)
    for value in (x, unread, w, seen, named, double, square, builder.add(Add(), square, w)):
        builder.output(value)
    builder.output(square, "again")
    builder.output(builder.add(Relu(), seen))
    inputs = {"x": RNG.standard_normal((2, 6)).astype(np.float32), "unread": np.ones(3, np.float32)}
    found = assert_is_reference(builder.finish(), inputs)
    arrays = list(found.values())
    assert not any(
        np.shares_memory(array, other)
        for number, array in enumerate(arrays)
        for other in [*arrays[:number], *inputs.values()]
    )
    assert all(array.flags.writeable for array in arrays)


def test_a_graph_that_computes_nothing() -> None:
    builder = GraphBuilder("nothing")
    builder.output(builder.add(Flatten(), builder.input("x", TensorType(X.shape))), "y")
    assert_is_reference(builder.finish(), {"x": X}, tolerance=0)


def test_a_long_chain_uses_few_buffers(tmp_path: Path) -> None:
    builder = GraphBuilder("chain")
    y = builder.input("x", TensorType(X.shape))
    for number in range(20):
        y = builder.add(Transpose((0, 1, 3, 2)) if number % 2 else Abs(), y)
    builder.output(y)
    graph = builder.finish()
    assert_is_reference(graph, {"x": X}, tolerance=0)
    TARGET.compile(graph, tmp_path, silent)
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["buffers"] == [X.nbytes, X.nbytes]
    kernels = {call["kernel"] for call in plan["calls"]}
    assert len(kernels) == 3, "equal ops on equal types share a kernel"


def edit(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edited(folder: Path) -> None:
        fields = json.loads((folder / "plan.json").read_text())
        change(fields)
        (folder / "plan.json").write_text(json.dumps(fields))

    return edited


def truncate(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        [path] = folder.glob(name)
        path.write_bytes(path.read_bytes()[:-100])

    return cut


def remove(name: str) -> Callable[[Path], None]:
    def removed(folder: Path) -> None:
        [path] = folder.glob(name)
        path.unlink()

    return removed


BREAKAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no plan": (remove("plan.json"), r"plan\.json cannot be read \(No such file"),
    "half a plan": (truncate("plan.json"), r"plan\.json is broken"),
    "no object": (lambda folder: void(folder), r"plan\.json is broken"),
    "no calls": (edit(lambda fields: fields.pop("calls")), r"plan\.json is broken"),
    "odd calls": (edit(lambda fields: fields.update(calls=[3])), r"plan\.json is broken"),
    "odd features": (edit(lambda fields: fields.update(processor=[])), r"plan\.json is broken"),
    "form": (edit(lambda fields: fields.update(schema=9)), r"plan\.json has form 9, but .* form 4"),
    "TVM": (
        edit(lambda fields: fields.update(tvm="0.1")),
        r"was compiled by TVM 0\.1, but TVM .* installed\. .* or install apache-tvm==0\.1\.",
    ),
    "processor": (
        edit(lambda fields: fields["processor"].update(name="later", features=["avx9000"])),
        r"was compiled for later .*, which lacks avx9000\. Compile the model again",
    ),
    "architecture": (
        edit(lambda fields: fields["processor"].update(architecture="z80")),
        r"\(z80\), but this is .*, which lacks the architecture z80",
    ),
    "graph": (
        edit(lambda fields: fields.update(graph="0" * 64)),
        r"was compiled from another graph",
    ),
    "no library": (remove("kernels-*"), r"\.so cannot be read \(No such file"),
    "half a library": (truncate("kernels-*"), r"\.so is not what was compiled: it has changed"),
    "half a table": (truncate("tables.npz"), r"tables\.npz is not what was compiled"),
}


def void(folder: Path) -> None:
    (folder / "plan.json").write_text("[]")


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_folder_is_refused(name: str, net: Graph, folder: Path) -> None:
    break_it, message = BREAKAGES[name]
    break_it(folder)
    with pytest.raises(UserError, match=f"^{re.escape(str(folder))}.*{message}"):
        TARGET.load(net, folder)


def test_a_folder_of_another_graph_is_refused(whole: Path) -> None:
    with pytest.raises(UserError, match="was compiled from another graph"):
        TARGET.load(network(maps=5), whole)


def test_without_a_compiler(net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(
        UserError, match=r"^the target 'cpu' needs a C\+\+ compiler .* Install g\+\+"
    ):
        TARGET.compile(net, tmp_path, silent)
    assert not list(tmp_path.iterdir())


def test_with_a_compiler_that_is_named_and_not_there(
    net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "nosuch")
    with pytest.raises(UserError, match=r"^the variable CXX is 'nosuch', and there is no program"):
        TARGET.compile(net, tmp_path, silent)
    assert not list(tmp_path.iterdir())


def test_with_a_compiler_that_another_program_starts(
    net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", f"env LC_ALL=C {linker()[0]}")
    TARGET.compile(net, tmp_path, silent)
    assert list(tmp_path.glob("kernels-*.so"))


def test_with_a_compiler_that_fails(
    net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(UserError, match=r"^.*false could not compile the runtime frame\.cpp"):
        TARGET.compile(net, tmp_path, silent)
    assert not list(tmp_path.iterdir())


def test_frames_of_a_batch_do_not_mix() -> None:
    builder = GraphBuilder("batch")
    x = builder.input("x", TensorType((2, 3, 8, 9), Float32()))
    weights = builder.constant(RNG.standard_normal((12, 3, 3)).astype(np.float32), "w")
    y = builder.add(Conv(Window((3, 3)), Table.dense(3, 4)), x, weights)
    builder.output(builder.add(Tanh(), y), "y")
    graph = builder.finish()
    frames = np.concatenate([X, -X])
    both = assert_is_reference(graph, {"x": frames})["y"]
    np.testing.assert_array_equal(both[0], -both[1])


def test_names_may_hold_anything() -> None:
    graph = parse(
        'graph odd\n"a b/c\\"d" = input : f32[2,3]\n'
        '"é: *" = relu("a b/c\\"d") : f32[2,3]\nreturn "out put"="é: *"\n'
    )
    x: Array = RNG.standard_normal((2, 3)).astype(np.float32)
    assert_is_reference(graph, {'a b/c"d': x}, tolerance=0)
