"""From a model to an artifact: passes once, then each target's compiler."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sightline.artifact import Artifact
from sightline.artifact_files import file_hashes
from sightline.backends import registry
from sightline.backends.fpga.plan_options import FpgaOptions
from sightline.backends.target import Meaning, StandsAlone, Target
from sightline.backends.tvm.cpu_options import CpuOptions
from sightline.backends.tvm.cuda_options import DEFAULT_ARCHITECTURE, CudaOptions
from sightline.files import TemporaryFolder, failures_named
from sightline.frontend.model import Model
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.progress import Report, silent
from sightline.manifest import TargetEntry
from sightline.passes import pipeline
from sightline.picture import require_fits
from sightline.source import read


def compile(
    model: Any,
    targets: str | Sequence[str] = ("cpu",),
    *,
    fpga: FpgaOptions | None = None,
    arch: str | None = None,
    half: bool = False,
    tune: int | None = None,
    report: Report = silent,
    dump_passes: str | Path | None = None,
    source: str = "",
) -> Artifact:
    """Compile a model, or whatever `read` takes, for `reference`, `cpu`, `cuda` or `fpga`.

    The artifact lives in a temporary folder until it is saved. `fpga` says what the target of that
    name is to make, `arch` which devices the target `cuda` is for (`sm_90`), `half` that it may
    multiply in 16 bits, `tune` how many candidates of each kernel `cpu` and `cuda` measure here.
    `dump_passes` names a folder for the graph's text after each pass, `source` what the artifact
    says it was compiled from.
    """
    compilers = find_targets(targets, options_of(targets, fpga, arch, half, tune))
    read_model = read(model)
    _require_usable_picture(read_model)
    dump = None if dump_passes is None else Path(dump_passes)
    passes = pipeline.passes_for(read_model.graph)
    graph = pipeline.run(read_model.graph, passes=passes, dump=dump, report=report)
    for compiler in compilers:
        compiler.check(graph)
    named = source or (str(model) if isinstance(model, str | Path) else graph.name)
    folder = TemporaryFolder()
    try:
        entries = {
            each.name: _compile_one(_with_meaning(each, read_model), graph, folder.path, report)
            for each in compilers
        }
    except BaseException:
        folder.remove()
        raise
    return Artifact(dataclasses.replace(read_model, graph=graph), entries, folder, named)


def options_of(
    targets: str | Sequence[str],
    fpga: FpgaOptions | None,
    arch: str | None,
    half: bool,
    tune: int | None,
) -> dict[str, Any]:
    """What is asked of each target, if anything is; `tune` is asked of those that can."""
    on_device = tune if "cuda" in _names(targets) else None
    on_host = None if on_device and "cpu" not in _names(targets) else tune
    is_asked = arch or half is not False or on_device is not None
    return {
        "cpu": None if on_host is None else CpuOptions(on_host),
        "cuda": CudaOptions(arch or DEFAULT_ARCHITECTURE, half, on_device) if is_asked else None,
        "fpga": fpga,
    }


def _names(targets: str | Sequence[str]) -> tuple[str, ...]:
    return (targets,) if isinstance(targets, str) else tuple(dict.fromkeys(targets or ()))


def find_targets(targets: str | Sequence[str], options: Mapping[str, Any]) -> list[Target]:
    """The targets of those names, with what they are told."""
    names = _names(targets)
    if not names:
        raise UserError("no target is named", fix=f"Choose from {', '.join(registry.TARGETS)}.")
    for name, told in options.items():
        if told is not None and name not in names:
            raise UserError(
                f"options of the target {name} are given, but the target is {', '.join(names)}",
                fix=f"Add the target: -t {name}.",
            )
    return [_told(registry.target(name), options.get(name)) for name in names]


def _told(target: Target, options: Any) -> Target:
    """The target with what the user asks of it."""
    if options is None:
        return target
    kind: Any = type(target)
    told: Target = kind(options)
    return told


def _with_meaning(target: Target, model: Model) -> Target:
    """The target with what the artifact knows, where its folder is used without that."""
    if not isinstance(target, StandsAlone):
        return target
    picture = None if model.picture is None else dataclasses.asdict(model.picture)
    return target.with_meaning(Meaning(picture, model.classes))


def _compile_one(target: Target, graph: Graph, folder: Path, report: Report) -> TargetEntry:
    own = folder / target.name
    with failures_named(
        f"cannot compile for the target '{target.name}' in the folder '{own}'",
        fix="Make room there, or name another place in the variable TMPDIR.",
    ):
        own.mkdir()
        target.compile(graph, own, report)
        return TargetEntry(registry.maker(target.name), file_hashes(own))


def _require_usable_picture(model: Model) -> None:
    """A picture must fit some input; several inputs may be several pictures and other things."""
    if model.picture is None:
        return
    types = [node.type for node in model.graph.inputs]
    if len(types) == 1:
        require_fits(model.picture, types[0])
