"""Filter banks on tensor cores, in the emulator: halves as a model rounds them, bytes exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends import reference
from sightline.backends.tvm.gpu import bank, folder_files, matrix_bank
from sightline.backends.tvm.gpu.matrix_tiles import MOST_SUMS, choose_matrix_tile, conflicts
from sightline.backends.tvm.gpu.tiles import SHARED_BYTES
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cuda_models import merged, run_checked, run_emulated
from tests.support.examples import TIMES, examples

POOLED = MaxPool(Window((2, 2), (2, 2)))
GRAPHS = 6
"""Random banks that are compiled as one program."""


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[matrix_bank.MatrixChoice | None]:
    """Tensor cores are taken wherever they can be; what they were asked for."""
    found: list[matrix_bank.MatrixChoice | None] = []
    choose = matrix_bank.choose

    def noted(*operands: object) -> matrix_bank.MatrixChoice | None:
        found.append(choose(*operands))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr(matrix_bank, "choose", noted)
    monkeypatch.setattr(bank, "pays", lambda matrix, direct: True)
    return found


def any_table(rng: np.random.Generator) -> Table:
    channels, maps = int(rng.integers(1, 40)), int(rng.integers(2, 50))

    def rows(count: int) -> tuple[tuple[int, ...], ...]:
        sizes = rng.integers(1, channels + 1, count)
        return tuple(
            tuple(sorted(map(int, rng.choice(channels, size, replace=False)))) for size in sizes
        )

    match rng.integers(4):
        case 0:
            return Table.dense(channels, maps)
        case 1:
            groups = int(rng.integers(2, 5))
            return Table.grouped(channels * groups, 8 * groups, groups)
        case 2:
            planes = sorted(map(int, rng.choice(channels, (channels + 1) // 2, replace=False)))
            seen = (tuple(planes), tuple(sorted({channels - 1 - plane for plane in planes})))
            return Table(channels, 56, 24, (*seen, seen[0]))
        case _:
            return Table(channels, maps, 1, rows(maps))


def any_window(rng: np.random.Generator) -> Window:
    kernel, strides, dilation = (tuple(map(int, rng.integers(1, top, 2))) for top in (6, 3, 3))
    return Window(kernel, strides, tuple(map(int, rng.integers(0, 3, 4))), dilation)


def floats(seed: int, size: int = 40) -> tuple[Graph, dict[str, Array], Graph, dict[str, Array]]:
    """A bank with bias and tanh, and one that is pooled; the same with operands as halves."""
    rng = np.random.default_rng(seed)
    table, window = any_table(rng), any_window(rng)
    shape = (int(rng.integers(1, 3)), table.channels, *map(int, rng.integers(14, size, 2)))
    weights = rng.standard_normal((table.pairs, *window.kernel)).astype(np.float32)
    weights /= np.sqrt(window.taps * table.channels)
    bias = rng.standard_normal(table.maps).astype(np.float32)
    x = rng.standard_normal(shape).astype(np.float32)

    def graph(weights: Array) -> Graph:
        builder = GraphBuilder("bank")
        given = builder.input("x", TensorType(shape))
        operands = (given, builder.constant(weights, "w"), builder.constant(bias, "b"))
        sums = builder.add(Conv(window, table), *operands)
        spatial = builder[sums].type.shape[2:]
        builder.output(builder.add(Tanh(), sums))
        if all(side % 2 == 0 for side in spatial):
            again = builder.add(POOLED, builder.add(Conv(window, table), *operands))
            builder.output(builder.add(Add(), again, builder.constant(bias[:1], "c")))
        return builder.finish()

    rounded = graph(halves(weights))
    return graph(weights), {"x": x}, rounded, {"x": halves(x)}


def halves(array: Array) -> Array:
    return array.astype(np.float16).astype(np.float32)


def integers(seed: int, size: int = 40) -> tuple[Graph, dict[str, Array]]:
    """A bank of bytes, signed or not, and one whose pooled sums are rounded to bytes."""
    rng = np.random.default_rng(seed)
    table, window = any_table(rng), any_window(rng)
    shape = (int(rng.integers(1, 3)), table.channels, *map(int, rng.integers(14, size, 2)))
    element = Int(8, signed=bool(seed % 2))
    low, high = element.low, element.high
    x = rng.integers(low, high + 1, shape).astype(element.dtype)
    weights = rng.integers(-127, 128, (table.pairs, *window.kernel)).astype(np.int8)
    bias = rng.integers(-5000, 5000, table.maps).astype(np.int32)
    op = IntegerConv(window, table, 32, int(rng.integers(low, high + 1)))
    builder = GraphBuilder("bank")
    given = builder.input("x", TensorType(shape, element))
    operands = (given, builder.constant(weights, "w"), builder.constant(bias, "b"))
    sums = builder.add(op, *operands)
    builder.output(sums)
    if all(side % 2 == 0 for side in builder[sums].type.shape[2:]):
        pooled = builder.add(POOLED, builder.add(op, *operands))
        builder.output(pooled)
    return builder.finish(), {"x": x}


def assert_like_halves(seeds: range, checked: bool = False) -> None:
    made = [floats(seed, 24 if checked else 40) for seed in seeds]
    graph, inputs = merged((graph, x) for graph, x, *_ in made)
    model, rounded = merged((model, x) for *_, model, x in made)
    wanted = reference.run(model, **rounded)
    exact = reference.run(graph, **inputs)
    run = run_checked if checked else run_emulated
    for name, found in run(graph, inputs, half=True).items():
        # On tensor cores it is what the model says, else what floats are.
        errors = [np.abs(found - array[name]).max() for array in (wanted, exact)]
        assert min(errors) < 2e-5
        assert errors[1] < 1e-2


@pytest.mark.parametrize("first", [100 * number for number in range(TIMES)])
def test_halves(chosen: list[matrix_bank.MatrixChoice | None], first: int) -> None:
    assert_like_halves(range(first, first + GRAPHS))
    assert sum(map(bool, chosen)) > GRAPHS


@pytest.mark.parametrize("first", [100 * number for number in range(TIMES)])
def test_bytes(chosen: list[matrix_bank.MatrixChoice | None], first: int) -> None:
    graph, inputs = merged(integers(seed) for seed in range(first, first + GRAPHS))
    wanted = reference.run(graph, **inputs)
    for name, found in run_emulated(graph, inputs).items():
        np.testing.assert_array_equal(found, wanted[name])
    assert sum(map(bool, chosen)) > GRAPHS


def test_what_a_device_allows(chosen: list[matrix_bank.MatrixChoice | None]) -> None:
    assert_like_halves(range(300, 302), checked=True)
    graph, inputs = merged(integers(seed, 20) for seed in range(300, 302))
    wanted = reference.run(graph, **inputs)
    for name, found in run_checked(graph, inputs).items():
        np.testing.assert_array_equal(found, wanted[name])
    assert any(chosen)


def dense() -> tuple[Graph, dict[str, Array]]:
    rng = np.random.default_rng(1)
    builder = GraphBuilder("bank")
    x = builder.input("x", TensorType((1, 48, 18, 18), Int(8)))
    weights = rng.integers(-127, 128, (16 * 48, 3, 3)).astype(np.int8)
    op = IntegerConv(Window((3, 3)), Table.dense(48, 16), 32)
    builder.output(builder.add(op, x, builder.constant(weights, "w")))
    return builder.finish(), {"x": rng.integers(-128, 128, (1, 48, 18, 18)).astype(np.int8)}


MUTANTS = {
    "the map of another lane": ("4 * threadIdx.y + threadIdx.x", "8 * threadIdx.x + threadIdx.y"),
    "the other half of the rows": ("number % 2 * to_half", "number / 2 * to_half"),
    "the next group of planes": ("group % GROUPS * GROUP + own", "group % GROUPS * WORD + own"),
    "half of a step": ("group = 2 * step + part", "group = step + part"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_mapping_of_lanes_is_caught(
    chosen: list[matrix_bank.MatrixChoice | None], mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = MUTANTS[mutant]
    text = (folder_files.HERE / "tensor_cores.cu").read_text()
    assert text.count(old) == 1
    read = Path.read_text

    def mutated(path: Path, **settings: str) -> str:
        whole = read(path, **settings)
        return whole.replace(old, new) if path.name == "tensor_cores.cu" else whole

    monkeypatch.setattr(Path, "read_text", mutated)
    graph, inputs = dense()
    [wanted] = reference.run(graph, **inputs).values()
    [found] = run_emulated(graph, inputs).values()
    assert (found != wanted).any()


windows = st.builds(
    Window,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)


@given(
    st.integers(1, 300),
    st.integers(1, 12),
    st.tuples(st.integers(2, 200), st.integers(2, 200)),
    windows,
    st.integers(1, 600),
    st.sampled_from([(1, 1), (2, 2)]),
    st.sampled_from([1, 2]),
)
@examples(40)
def test_a_tile_fits(
    maps: int,
    blocks: int,
    spatial: tuple[int, int],
    window: Window,
    fan_in: int,
    pooled: tuple[int, int],
    bytes_each: int,
) -> None:
    best = choose_matrix_tile(maps, blocks, 1, spatial, window, fan_in, pooled, bytes_each)
    if best is None:  # too large a kernel, or maps that no tile divides
        return
    cycles, tile = best
    assert cycles > 0
    assert tile.shared_bytes(window, bytes_each) <= SHARED_BYTES
    assert 4 * tile.own[0] * tile.pixel_products <= MOST_SUMS
    assert tile.pitch >= tile.planes
    assert tile.pitch * bytes_each % 4 == tile.planes * bytes_each % 4 == 0
    assert tile.length(window, bytes_each) >= window.kernel[1] * tile.planes
    assert tile.length(window, bytes_each) * bytes_each % 32 == 0
    assert blocks == 1 or maps % tile.maps == 0


def test_the_scene_net_reads_memory_banks_without_conflict() -> None:
    window = Window((7, 7), pads=(3, 3, 3, 3))
    for maps, fan_in, pooled, size in ((64, 16, (2, 2), (120, 160)), (24, 32, (1, 1), (60, 80))):
        best = choose_matrix_tile(maps, 1, 1, size, window, fan_in, pooled, 2)
        assert best is not None
        assert conflicts(best[1].pitch, window, pooled, 2) == 1
