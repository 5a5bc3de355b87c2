"""The jobs of an engine, one after the other, again for every frame."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import Out

from sightline.hw.field_rom import FieldRom, shape_of
from sightline.hw.parameters import EngineParameters, Job, Task


def job_columns(parameters: EngineParameters) -> dict[str, list[int]]:
    """What the hardware must know of each job: that of its task and ring beside its own."""
    jobs, tasks = parameters.jobs, parameters.tasks
    of_jobs = [(job, tasks[job.task]) for job in jobs]
    rows: list[dict[str, int]] = [_numbers(parameters, job, task) for job, task in of_jobs]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _numbers(parameters: EngineParameters, job: Job, task: Task) -> dict[str, int]:
    shape = parameters.inside if task.inside else parameters.outside
    ring = shape.rings[task.ring]
    own = len(parameters.outside.rings) if task.inside else 0
    outlets = len(parameters.outlets)
    return {
        "first_row": job.first_row,
        "above": job.above,
        "need": job.need,
        "release": job.release,
        "pool_rows": job.pool_rows,
        "ring": own + task.ring,
        "inside": int(task.inside),
        "base": ring.base,
        "channel_bits": ring.channel_bits,
        "rows": ring.rows,
        "columns": ring.columns,
        "fill": task.fill,
        "first_block": task.first_block,
        "first_step": task.first_step,
        "first_map": task.first_map,
        "pixels": task.columns,
        "first_column": task.first_column,
        "column_step": task.column_step,
        "row_stride": task.strides[0],
        "column_stride": task.strides[1],
        "pool_columns": task.pool[1],
        "last_pool": task.last_pool,
        "destination": task.destination,
        "cost": task.row_values if task.destination < outlets else 1,
    }


def job_layout(parameters: EngineParameters) -> data.StructLayout:
    """The numbers of a job, each as wide as the jobs of this engine need."""
    shapes = {name: shape_of(column) for name, column in job_columns(parameters).items()}
    return data.StructLayout(shapes)


class JobList(wiring.Component):
    """Offers jobs as a stream, in their order, without end.

    The next job is offered `latency` cycles after one was taken. After reset it is the first.
    """

    latency = 3

    def __init__(self, parameters: EngineParameters) -> None:
        self.columns = job_columns(parameters)
        self.layout = job_layout(parameters)
        super().__init__({"o": Out(stream.Signature(self.layout))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.jobs = jobs = FieldRom(self.columns)
        number = Signal(range(max(2, jobs.depth)))
        age = Signal(range(self.latency + 1))  # cycles since the number is asked for
        m.d.comb += [
            jobs.address.eq(number),
            self.o.valid.eq(age == jobs.latency),
            self.o.payload.eq(jobs.row),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                number.eq(Mux(number == jobs.depth - 1, 0, number + 1)),
                age.eq(0),
            ]
        with m.Elif(~self.o.valid):
            m.d.sync += age.eq(age + 1)
        return m
