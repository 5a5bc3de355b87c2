"""Layers and their weights: names, loading, seeds, and that each layer builds its op."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sightline.backends import reference
from sightline.frontend import nn, tables
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.op import OPS
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.types import Array
from sightline.ir.verify import verify
from tests.support.integer_ops import MADE_BY_PASSES
from tests.support.modules import untyped

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "abs": (nn.Abs(), (1, 4, 6, 6)),
    "arg_max": (nn.ArgMax(), (1, 6, 6)),
    "average_pool": (nn.AvgPool2d(2), (1, 4, 3, 3)),
    "batch_norm": (nn.BatchNorm2d(4), (1, 4, 6, 6)),
    "clip": (nn.Clip(-1, 2), (1, 4, 6, 6)),
    "conv": (nn.Conv2d(4, 8, (3, 2), stride=2, groups=2), (1, 8, 2, 3)),
    "divisive_norm": (nn.DivisiveNorm(3), (1, 4, 6, 6)),
    "flatten": (nn.Flatten(), (1, 144)),
    "global_average_pool": (nn.GlobalAvgPool2d(), (1, 4, 1, 1)),
    "global_max_pool": (nn.GlobalMaxPool2d(), (1, 4, 1, 1)),
    "identity": (nn.Dropout(), (1, 4, 6, 6)),
    "leaky_relu": (nn.LeakyReLU(0.1), (1, 4, 6, 6)),
    "linear": (nn.Sequential(nn.Flatten(), nn.Linear(144, 3, bias=False)), (1, 3)),
    "local_norm": (nn.LocalNorm(3), (1, 4, 6, 6)),
    "lp_pool": (nn.LPPool2d(2, 3, 1), (1, 4, 4, 4)),
    "max_pool": (nn.MaxPool2d(3, 2, padding=1), (1, 4, 3, 3)),
    "pyramid_down": (nn.PyramidDown(), (1, 4, 3, 3)),
    "pyramid_up": (nn.PyramidUp(11), (1, 4, 11, 11)),
    "relu": (nn.ReLU(), (1, 4, 6, 6)),
    "resize_bilinear": (nn.Upsample(7, "bilinear"), (1, 4, 7, 7)),
    "resize_nearest": (nn.Upsample((12, 6)), (1, 4, 12, 6)),
    "sigmoid": (nn.Sigmoid(), (1, 4, 6, 6)),
    "soft_shrink": (nn.SoftShrink(), (1, 4, 6, 6)),
    "softmax": (nn.Softmax(), (1, 4, 6, 6)),
    "subtractive_norm": (nn.SubtractiveNorm(3), (1, 4, 6, 6)),
    "sum_pool": (nn.SumPool2d(2), (1, 4, 3, 3)),
    "tanh": (nn.Tanh(), (1, 4, 6, 6)),
    "torch_divisive_norm": (nn.TorchContrastNorm(nn.gaussian_kernel(3)), (1, 4, 6, 6)),
    "torch_subtractive_norm": (nn.TorchSubtractiveNorm(np.ones((3, 5))), (1, 4, 6, 6)),
}
"""A layer for every op that layers make, with its output shape on an input [1, 4, 6, 6]."""

WRITTEN_ON_TENSORS = {"add", "sub", "mul", "concat", "slice", "pad", "reshape", "transpose"}
MADE_BY_IMPORT_ALONE = {"gather"}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_builds_its_op(kind: str) -> None:
    layer, shape = LAYERS[kind]
    graph = trace(layer, {"x": (1, 4, 6, 6)}).graph
    verify(graph)
    assert graph.operations[-1].op.kind == kind
    assert graph.operations[-1].type.shape == shape
    assert "test_nn.py:" in graph.operations[-1].where


def test_every_op_has_a_layer_or_another_way_to_be_written() -> None:
    reachable = set(LAYERS) | WRITTEN_ON_TENSORS | MADE_BY_IMPORT_ALONE | MADE_BY_PASSES
    unreachable = set(OPS) - reachable
    assert all(issubclass(OPS[kind], Pointwise) for kind in unreachable), "these nn.Apply takes"


def test_apply_makes_a_layer_of_any_op_without_weights() -> None:
    graph = trace(nn.Apply(OPS["tanh"]()), {"x": (2, 3)}).graph
    x = np.full((2, 3), 0.5, np.float32)
    np.testing.assert_allclose(reference.run(graph, x=x)["output"], np.tanh(x), rtol=1e-6)


def net(seed: int = 0) -> nn.Sequential:
    with nn.seeded(seed):
        return nn.Sequential(
            nn.Conv2d(1, 2, 3, table=tables.dense(1, 2)),
            nn.SubSampling2d(2, 2),
            nn.Sequential(nn.Flatten(), nn.Linear(8, 3)),
        )


def test_weights_are_named_by_path() -> None:
    assert {name: array.shape for name, array in net().parameters().items()} == {
        "0.weight": (2, 3, 3),
        "0.bias": (2,),
        "1.weight": (1, 2, 1, 1),
        "1.bias": (1, 2, 1, 1),
        "2.1.weight": (3, 8),
        "2.1.bias": (3,),
    }


def run(module: nn.Module) -> Array:
    graph = trace(module, {"x": (1, 1, 6, 6)}).graph
    x = np.random.default_rng(0).standard_normal((1, 1, 6, 6)).astype(np.float32)
    return reference.run(graph, x=x)["output"]


def test_seeds_make_networks_the_same_or_different() -> None:
    np.testing.assert_array_equal(run(net(1)), run(net(1)))
    assert not np.array_equal(run(net(1)), run(net(2)))


def test_weights_survive_a_file() -> None:
    file = io.BytesIO()
    weights: dict[str, Any] = net(1).parameters()
    np.savez(file, **weights)
    file.seek(0)
    other = net(2)
    with np.load(file, allow_pickle=False) as saved:
        other.load(saved)
    np.testing.assert_array_equal(run(other), run(net(1)))


def spoiled(**changes: Array | None) -> dict[str, Array]:
    weights: dict[str, Any] = net().parameters() | changes
    return {name: array for name, array in weights.items() if array is not None}


def test_weights_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(
        UserError, match=r": the weights do not fit Sequential: 0\.bias is missing\.$"
    ):
        net().load(spoiled(**{"0.bias": None}))
    with pytest.raises(
        UserError, match=r": the weights do not fit Sequential: 9\.bias is unknown\.$"
    ):
        net().load(spoiled(**{"9.bias": np.ones(2)}))
    with pytest.raises(
        UserError, match=r": the weights '0\.bias' have shape \[3\], but Sequential needs \[2\]\.$"
    ):
        net().load(spoiled(**{"0.bias": np.ones(3)}))


def test_subsampling_is_a_learned_weight_times_the_sum_plus_a_bias() -> None:
    layer = nn.SubSampling2d(1, 2)
    graph = trace(layer, {"x": (1, 1, 2, 2)}).graph
    y = reference.run(graph, x=np.full((1, 1, 2, 2), 3, np.float32))["output"]
    np.testing.assert_allclose(y, 12 * layer.weight + layer.bias, rtol=1e-6)


def test_a_kernel_of_one_axis_is_torch7s_gaussian() -> None:
    kernel = nn.gaussian_kernel(7)
    assert kernel[3] == 1
    np.testing.assert_allclose(kernel[0], np.exp(-((3 / 1.75) ** 2) / 2), rtol=1e-6)


def test_tied_weights_are_one_constant() -> None:
    first, second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    second.weight = first.weight
    graph = trace(nn.Sequential(first, second), {"x": (1, 3)}).graph
    assert graph.total_parameters == 9


def test_mistakes_in_layers_name_the_line() -> None:
    with pytest.raises(
        UserError,
        match=r"test_nn\.py:\d+: the table joins 6 inputs to 16 maps, but the layer has 3 and 16\.",
    ):
        nn.Conv2d(3, 16, 5, table=tables.lenet_c3())
    with pytest.raises(
        UserError, match=r"test_nn\.py:\d+: the mode 'cubic' of Upsample is unknown"
    ):
        nn.Upsample(4, "cubic")
    with pytest.raises(UserError, match=r"test_nn\.py:\d+: Module defines no forward"):
        trace(nn.Module(), {"x": (1,)})


class OwnLayers(nn.Module):
    """A user's module with a layer that cannot be."""

    def __init__(self) -> None:
        self.bank = nn.Conv2d(0, 3, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(0, 3, 3), r"the number of channels is a whole number .*, found 0\."),
        (lambda: nn.Conv2d(3, -3, 3), r"the number of maps is a whole number .*, found -3\."),
        (lambda: nn.Conv2d(3, untyped(2.5), 3), r"the number of maps is a whole .*, found 2\.5\."),
        (lambda: nn.Conv2d(4, 4, 3, groups=0), r"the number of groups is a whole .*, found 0\."),
        (lambda: nn.Conv2d(3, 3, 0), r"kernel \[0, 0\] has a number below 1\."),
        (lambda: nn.Conv2d(3, 3, (3, 3, 3)), r"a kernel is one whole .*, found \(3, "),
        (lambda: nn.Conv2d(3, 3, untyped("3")), r"a kernel is one whole .*, found '3'\."),
        (lambda: nn.Conv2d(3, 3, 3, table=untyped([[1]])), r"the table .*, found \[\[1\]\]\."),
        (lambda: nn.MaxPool2d(2, untyped(2.5)), r"a stride is one whole .*, found 2\.5\."),
        (lambda: nn.AvgPool2d(2, padding=-1), r"pads \[-1, -1, -1, -1\] has a number below 0\."),
        (lambda: nn.SubSampling2d(0, 2), r"the number of channels is a whole .*, found 0\."),
        (lambda: nn.BatchNorm2d(-1), r"the number of channels is a whole .*, found -1\."),
        (lambda: nn.Linear(0, 3), r"the number of features is a whole number .*, found 0\."),
        (lambda: nn.Linear(3, 0), r"the number of outputs is a whole number .*, found 0\."),
        (lambda: nn.Linear(10**6, 10**6), r"a value of shape \[1000000, 1000000\] has .* elements"),
        (lambda: nn.Upsample([8, 8, 8]), r"a size is one whole .*, found \[8, 8, 8\]\."),
        (lambda: nn.LeakyReLU(untyped("a")), r"the attribute 'slope' of LeakyRelu is a number,"),
        (lambda: nn.TorchSubtractiveNorm(np.zeros(3)), r"the kernel sums to zero, and is divided"),
        (lambda: nn.TorchSubtractiveNorm(np.ones(4)), r"a kernel has one or two .*shape \[4\]\."),
        (lambda: nn.TorchDivisiveNorm(np.ones((3, 2))), r"a kernel has one .*shape \[3, 2\]\."),
        (lambda: nn.TorchContrastNorm(np.ones((1, 3, 3))), r"a kernel has .*shape \[1, 3, 3\]\."),
        (lambda: nn.TorchDivisiveNorm(np.full(3, 1e30)), r"the kernel must be finite in single"),
        (lambda: nn.gaussian_kernel(0), r"the size of a kernel is a whole number .*, found 0\."),
        (lambda: nn.seeded(-1), r"a seed is a whole number of at least 0, found -1\."),
        (
            lambda: nn.seeded(untyped("one")),
            r"a seed is a whole number .*, found 'one'\.",
        ),
    ],
)
def test_layers_that_cannot_be_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=rf"^\S*test_nn\.py:\d+: {message}"):
        make()


def test_a_mistake_within_a_module_names_the_line_within() -> None:
    with pytest.raises(UserError) as error:
        OwnLayers()
    first = inspect.getsourcelines(OwnLayers)[1]
    assert error.value.where.endswith(f"test_nn.py:{first + 4}")


def test_lists_and_numpys_integers_are_sizes() -> None:
    eight, two = untyped(np.array([8, 2]))
    assert vars(nn.Upsample([8, 8]).resize) == vars(nn.Upsample((8, 8)).resize)
    assert vars(nn.Upsample(eight).resize) == vars(nn.Upsample(untyped(np.array([8, 8]))).resize)
    assert nn.MaxPool2d(two).op == nn.MaxPool2d([2, 2]).op == nn.MaxPool2d(2).op
    layer = nn.Conv2d(two, eight, [3, 1], stride=np.int64(2), padding=[1, 0], groups=two)
    assert layer.weight.shape == (8, 3, 1)


def test_a_padding_is_for_all_sides_for_axes_or_for_each_side() -> None:
    layers = [nn.MaxPool2d(3, padding=given) for given in (1, (1, 1), [1, 1, 1, 1])]
    assert layers[0].op == layers[1].op == layers[2].op
    cut_short = trace(nn.MaxPool2d(4, padding=(0, 0, 2, 0)), {"x": (1, 4, 6, 6)}).graph
    assert cut_short.operations[-1].type.shape == (1, 4, 2, 1)
    with pytest.raises(
        UserError, match=r"a padding is one whole number, or two, found \(1, 1, 1\)"
    ):
        nn.MaxPool2d(3, padding=(1, 1, 1))


def test_an_empty_sequential_gives_what_it_takes() -> None:
    graph = trace(nn.Sequential(nn.Sequential(), nn.ReLU()), {"x": (1, 2)}).graph
    assert [node.op.kind for node in graph.operations] == ["relu"]


def test_a_table_and_groups_are_not_both_given() -> None:
    with pytest.raises(
        UserError,
        match=r"test_nn\.py:\d+: a filter bank was given both a table and 2 groups\. Say what",
    ):
        nn.Conv2d(6, 16, 5, table=tables.lenet_c3(), groups=2)
