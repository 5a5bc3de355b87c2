"""`sightline synth`: what an accelerator takes of its chip, as Yosys synthesizes it."""

from __future__ import annotations

import dataclasses

import click

from sightline.terminal import progress, show_json, show_table

FAILED = 1


@click.command()
@click.argument("artifact", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def synth(artifact: str, as_json: bool) -> int:
    """Synthesize the accelerator of the artifact DIR by Yosys, for the chip it was planned for.

    It takes minutes. LUTs are counted before placement, which merges some: an upper bound. The
    exit status is 1 if the chip has too little of anything.
    """
    from sightline.accelerators import accelerator_of
    from sightline.artifact import load

    accelerated = accelerator_of(load(artifact))

    from sightline.backends.fpga import devices
    from sightline.backends.fpga.estimate import total
    from sightline.backends.fpga.resources import TOLD
    from sightline.backends.fpga.synthesize import synthesize

    device = devices.device(accelerated.plan.device)
    with progress() as report:
        used = synthesize(accelerated.verilog, device, report)
    counts = dataclasses.asdict(used)
    estimate = dataclasses.asdict(total(accelerated.plan.parts))
    budget = {kind: getattr(device, kind) for kind in TOLD}
    fits = used.fits(device)
    if as_json:
        whole = {"device": device.name, **counts, "estimate": estimate, "budget": budget}
        show_json({**whole, "fits": fits})
    else:
        rows = [
            [told, *(f"{each[kind]:,g}" for each in (counts, estimate, budget))]
            for kind, told in TOLD.items()
        ]
        columns = ["", "synthesized", "estimated", f"on {device.name}"]
        show_table(columns, rows, numbers=columns[1:])
        click.echo(f"{'It fits' if fits else 'It does not fit'} {device.told}.")
    return 0 if fits else FAILED
