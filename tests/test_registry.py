"""Every declared op, swept: whoever adds an op to ir/ops has these tests without writing one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import sightline.ir.ops
from sightline.ir.attribute import Attribute
from sightline.ir.build import graph_of_sample
from sightline.ir.op import OPS, Op, Sample, op
from sightline.ir.ops import movement
from sightline.ir.ops.pointwise import Math, Pointwise, Relu
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Array, TensorType, type_of
from sightline.ir.verify import verify
from tests.support.naive import naive

SEEDS = range(10)
KINDS = list(OPS)
UNARY = [k for k, cls in OPS.items() if issubclass(cls, Pointwise) and cls.arity == 1]
each_op = pytest.mark.parametrize("kind", KINDS)
each_sample = pytest.mark.parametrize(("kind", "seed"), [(k, s) for k in KINDS for s in SEEDS])


def sample_of(kind: str, seed: int) -> Sample:
    return OPS[kind].sample(np.random.default_rng(seed))


def check_meaning(op_: Op, *operands: Array) -> None:
    """Movement of data must equal the naive model exactly, arithmetic within float's accuracy."""
    found, wanted = op_.evaluate(*operands), naive(op_, *operands)
    assert found.shape == wanted.shape
    if wanted.dtype != np.float64:
        np.testing.assert_array_equal(found, wanted, strict=True)
    else:
        scale = max(float(np.abs(wanted).max()), 1e-34)  # what is denormal in float may be zero
        np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=1e-4)


@each_sample
def test_means_what_its_naive_model_says(kind: str, seed: int) -> None:
    sample = sample_of(kind, seed)
    check_meaning(sample.op, *sample.operands)


@each_sample
def test_infer_foretells_evaluate(kind: str, seed: int) -> None:
    sample = sample_of(kind, seed)
    inferred = sample.op.infer(*sample.types)
    y = sample.op.evaluate(*sample.operands)
    assert isinstance(y, np.ndarray)
    assert (y.shape, y.dtype) == (inferred.shape, inferred.element.dtype)
    assert all(type(size) is int for size in inferred.shape)


@each_sample
def test_its_graph_is_valid_and_reads_back(kind: str, seed: int) -> None:
    graph = graph_of_sample(sample_of(kind, seed))
    verify(graph)
    text = to_text(graph)
    again = parse(text, constants_of(graph))
    assert again == graph
    assert to_text(again) == text


@each_sample
def test_operands_are_left_as_they_are(kind: str, seed: int) -> None:
    sample = sample_of(kind, seed)
    before = [operand.tobytes() for operand in sample.operands]
    y = sample.op.evaluate(*sample.operands)
    assert [operand.tobytes() for operand in sample.operands] == before
    if type(sample.op).__module__ != movement.__name__:
        assert not any(np.shares_memory(y, operand) for operand in sample.operands)


@each_sample
def test_layout_and_write_protection_of_operands_do_not_matter(kind: str, seed: int) -> None:
    sample = sample_of(kind, seed)
    scattered = [scatter(operand) for operand in sample.operands]
    wanted, found = sample.op.evaluate(*sample.operands), sample.op.evaluate(*scattered)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def scatter(x: Array) -> Array:
    """The same numbers, but every second element of a transposed, read-only array."""
    room = np.zeros(tuple(2 * size for size in reversed(x.shape)), x.dtype).T
    view = room[(slice(None, None, 2),) * x.ndim]
    view[...] = x
    view.setflags(write=False)
    return view


@each_op
def test_samples_vary_and_are_plain(kind: str) -> None:
    samples = [sample_of(kind, seed) for seed in SEEDS]
    assert len({operand.tobytes() for sample in samples for operand in sample.data}) > 1
    for sample in samples:
        assert sample.data, "a sample has data besides weights"
        assert type(sample.op) is OPS[kind]
        assert hash(sample.op) == hash(dataclasses.replace(sample.op))  # type: ignore[type-var]
        assert type(sample.op.macs(*sample.types)) is int


@each_op
def test_says_what_it_means(kind: str) -> None:
    doc = OPS[kind].__doc__ or ""
    assert len(doc) > 5
    assert doc.strip().endswith(".")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kind)


@each_op
def test_attribute_names_are_clear_of_each_other(kind: str) -> None:
    names: list[str] = []
    sample_op = sample_of(kind, 0).op
    for field in dataclasses.fields(sample_op):  # type: ignore[arg-type]
        value = getattr(sample_op, field.name)
        names += value.KEYS if isinstance(value, Attribute) else [field.name]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", UNARY)
def test_pointwise_ops_bear_extreme_numbers(kind: str) -> None:
    numbers = [0.0, 1e-45, 1e-30, 1.0, 88.0, 89.0, 104.0, 709.0, 1e4, 1e18, 1e30]
    for number in (*numbers, *(-number for number in numbers)):
        check_meaning(sample_of(kind, 0).op, np.array([number], np.float32))


@pytest.mark.parametrize("kind", UNARY)
def test_what_claims_to_be_monotone_is(kind: str) -> None:
    sample = sample_of(kind, 0)
    assert isinstance(sample.op, Pointwise)
    if sample.op.is_monotone():
        x = np.sort(np.random.default_rng(0).standard_normal(10_000).astype(np.float32) * 20)
        assert (np.diff(sample.op.evaluate(x)) >= 0).all()


def test_every_family_is_declared_by_importing_the_package() -> None:
    folder = Path(sightline.ir.ops.__file__).parent
    families = {path.stem for path in folder.glob("*.py") if "\n@op\n" in path.read_text()}
    assert {cls.__module__.rpartition(".")[2] for cls in OPS.values()} == families


# A new op.


@pytest.fixture
def registry() -> Iterator[None]:
    """Ops that a test declares are gone after it."""
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


class Complete(Op):
    """y = x, for classes that leave one member out."""

    def infer(self, x: TensorType) -> TensorType:
        return x

    def evaluate(self, x: Array) -> Array:
        return x.copy()

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(), (rng.standard_normal(3).astype(np.float32),))


@pytest.mark.usefixtures("registry")
def test_a_new_pointwise_op_is_swept_as_it_is() -> None:
    @op
    @dataclasses.dataclass(frozen=True)
    class HardSwish(Pointwise):
        """y = x * min(max(x + 3, 0), 6) / 6."""

        def formula(self, m: Math, x: Any) -> Any:
            return x * m.minimum(m.maximum(x + 3.0, 0.0), 6.0) / 6.0

    assert OPS["hard_swish"] is HardSwish
    for seed in SEEDS:
        test_means_what_its_naive_model_says("hard_swish", seed)
        test_infer_foretells_evaluate("hard_swish", seed)
        test_its_graph_is_valid_and_reads_back("hard_swish", seed)


@pytest.mark.usefixtures("registry")
def test_a_wrong_evaluate_is_found() -> None:
    @op
    @dataclasses.dataclass(frozen=True)
    class Crooked(Pointwise):
        """y = 2 x."""

        def formula(self, m: Math, x: Any) -> Any:
            return x + x

        def evaluate(self, *x: Array) -> Array:
            return (x[0] * 2.001).astype(np.float32)

    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        test_means_what_its_naive_model_says("crooked", 0)


@pytest.mark.usefixtures("registry")
def test_another_new_op_is_asked_for_its_naive_model() -> None:
    @op
    @dataclasses.dataclass(frozen=True)
    class Lonely(Complete):
        """y = x."""

    with pytest.raises(AssertionError, match=r"^Lonely has no naive model: add one to the MODELS"):
        test_means_what_its_naive_model_says("lonely", 0)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("member", ["infer", "evaluate", "sample"])
def test_op_refuses_a_class_that_lacks(member: str) -> None:
    members = {name: vars(Complete)[name] for name in Op.REQUIRED if name != member}
    cls: type[Op] = dataclasses.dataclass(frozen=True)(
        type("Partial", (Op,), {"__doc__": "y = x.", **members})
    )
    with pytest.raises(TypeError, match=f"^Partial lacks {member}$"):
        op(cls)


@pytest.mark.usefixtures("registry")
def test_op_refuses_a_pointwise_op_without_formula() -> None:
    @dataclasses.dataclass(frozen=True)
    class Bare(Pointwise):
        """y = ?"""

    with pytest.raises(TypeError, match=r"^Bare lacks formula$"):
        op(Bare)


@pytest.mark.usefixtures("registry")
def test_op_refuses_what_is_not_a_frozen_dataclass() -> None:
    class Plain(Complete):
        """y = x."""

    @dataclasses.dataclass
    class Thawed(Complete):
        """y = x."""

    class Heir(Relu):
        """Its parent is a frozen dataclass, and it is not."""

        slope: ClassVar[float] = 0.5

    for cls in (Plain, Thawed, Heir):
        with pytest.raises(TypeError, match=f"^{cls.__name__} must be a frozen dataclass$"):
            op(cls)


@pytest.mark.usefixtures("registry")
def test_op_refuses_a_class_without_docstring() -> None:
    @dataclasses.dataclass(frozen=True)
    class Silent(Complete):
        size: int = 1

    with pytest.raises(TypeError, match=r"^Silent lacks a docstring that says what it means$"):
        op(Silent)


@pytest.mark.usefixtures("registry")
def test_op_refuses_a_kind_that_is_taken() -> None:
    @dataclasses.dataclass(frozen=True)
    class MaxPool(Complete):
        """y = x."""

    with pytest.raises(TypeError, match=r"^an op named max_pool is declared already$"):
        op(MaxPool)
    assert OPS["max_pool"] is not MaxPool


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("name", "kind"),
    [("Conv", "conv"), ("LPPool", "lp_pool"), ("ArgMax", "arg_max")],
)
def test_kinds_are_snake_case(name: str, kind: str) -> None:
    OPS.clear()
    cls: type[Op] = dataclasses.dataclass(frozen=True)(
        type(name, (Complete,), {"__doc__": "y = x."})
    )
    assert op(cls).kind == kind


@pytest.mark.parametrize("member", ["infer", "evaluate", "macs", "sample"])
def test_what_op_leaves_to_its_subclasses_names_the_class(member: str) -> None:
    class Empty(Op):
        """Nothing."""

    if member == "macs":
        assert Empty().macs() == 0
    else:
        with pytest.raises(TypeError, match=f"^Empty lacks {member}$"):
            getattr(Empty(), member)(*([np.random.default_rng(0)] if member == "sample" else []))


def test_sample_types_are_those_of_its_operands() -> None:
    sample = sample_of("linear", 0)
    assert sample.types == tuple(type_of(operand) for operand in (*sample.data, *sample.weights))
