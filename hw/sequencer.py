"""The loops of an engine: which step of which sum of which result comes next."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.field_rom import FieldRom
from sightline.hw.job_list import job_layout
from sightline.hw.modulo import wrapped
from sightline.hw.parameters import EngineParameters

STEP_FIELDS = (
    "inside",
    "base",
    "channel_bits",
    "rows",
    "columns",
    "fill",
    "first_map",
    "destination",
)
"""What steps must know of their job when it is over for the sequencer."""


def issue_layout(parameters: EngineParameters) -> data.StructLayout:
    """One step: where its window lies, and what becomes of its products."""
    job = job_layout(parameters).members
    rings = (*parameters.outside.rings, *parameters.inside.rings)
    rows = max(ring.rows for ring in rings) + parameters.kernel[0]
    columns = max(ring.columns for ring in rings) + parameters.kernel[1]
    return data.StructLayout(
        {
            "step": range(max(2, len(parameters.channels))),
            "row": signed(rows.bit_length() + 1),
            "column": signed(columns.bit_length() + 1),
            "slot": range(parameters.slots),
            "first_step": 1,
            "last_step": 1,
            "first_sum": 1,
            "last_sum": 1,
            "first_block": 1,
            "maps": range(parameters.lanes + 1),
            "job": data.StructLayout({name: job[name] for name in STEP_FIELDS}),
        }
    )


class Sequencer(wiring.Component):
    """Takes jobs, and issues one step in every cycle of a job, without a gap.

        for pixel in row:                      results of the row, from left to right
          for block in blocks:                 maps that are computed together
            for sum in pool window:            row by row
              for step in block: issue

    A job must be offered only when all that it needs is there; `slot` is the row slot of the
    oldest row of its ring. A job that is taken in one cycle issues its first step in the next;
    it is taken, at the earliest, with the last step of the job before. `ended` pulses with that
    step, and says of which ring the job was and how many rows it lets go of. After reset nothing is
    issued until a job is taken.
    """

    def __init__(self, parameters: EngineParameters) -> None:
        self.parameters = parameters
        self.layout = issue_layout(parameters)
        super().__init__(
            {
                "jobs": In(stream.Signature(job_layout(parameters))),
                "slot": In(range(parameters.slots)),
                "valid": Out(1),
                "issue": Out(self.layout),
                "ended": Out(1),
                "ended_ring": Out(job_layout(parameters).members["ring"]),
                "ended_release": Out(job_layout(parameters).members["release"]),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.declare()
        self.connect_blocks(m)
        last_column = Mux(self.last_pixel, self.job.last_pool, self.job.pool_columns) - 1
        pool_row_ends = self.pool_column == last_column
        m.d.comb += [
            self.pool_ends.eq(pool_row_ends & (self.pool_row == self.job.pool_rows - 1)),
            self.block_ends.eq(self.sum_ends & self.pool_ends),
            self.pixel_ends.eq(self.block_ends & self.block_last),
            self.ended.eq(self.running & self.pixel_ends & self.last_pixel),
            self.jobs.ready.eq(~self.running | self.ended),
        ]
        with m.If(self.jobs.valid & self.jobs.ready):
            self.begin_job(m)
        with m.Elif(self.ended):
            m.d.sync += self.running.eq(0)
        with m.Elif(self.running):
            with m.If(self.pixel_ends):
                self.begin_pixel(m)
            with m.Elif(self.block_ends):
                self.begin_block(m)
            with m.Elif(self.sum_ends):
                self.begin_sum(m, pool_row_ends)
            with m.Else():
                m.d.sync += [
                    self.step.eq(self.step + 1),
                    self.first_step.eq(0),
                    self.steps_left.eq(self.steps_left - 1),
                    self.sum_ends.eq(self.steps_left == 2),
                ]
        self.send(m)
        return m

    def declare(self) -> None:
        """Registers of the loops, outermost first, and the ends of each."""
        parameters, issue = self.parameters, self.layout.members
        self.running = Signal()
        self.job = Signal(job_layout(parameters), reset_less=True)
        self.pixels_left = Signal(range(max(t.columns for t in parameters.tasks) + 1))
        self.last_pixel = Signal()
        self.pixel_column = Signal(issue["column"], reset_less=True)
        self.first_slot = Signal(issue["slot"], reset_less=True)
        self.block_steps = Signal(range(max(b.steps for b in parameters.blocks) + 1))
        self.block_maps = Signal(issue["maps"], reset_less=True)
        self.block_first, self.block_last = Signal(), Signal()
        self.block_step = Signal(issue["step"], reset_less=True)
        self.pool_row = Signal(range(max(task.pool[0] for task in parameters.tasks)))
        self.pool_column = Signal(range(max(task.pool[1] for task in parameters.tasks)))
        self.row = Signal(issue["row"], reset_less=True)
        self.column = Signal(issue["column"], reset_less=True)
        self.row_slot = Signal(issue["slot"], reset_less=True)
        self.steps_left = Signal.like(self.block_steps)
        self.step = Signal(issue["step"], reset_less=True)
        self.first_step, self.sum_ends = Signal(), Signal()
        self.pool_ends, self.block_ends, self.pixel_ends = Signal(), Signal(), Signal()

    def connect_blocks(self, m: Module) -> None:
        """The table of blocks, read at the next one, and at the first one of a pixel."""
        parameters = self.parameters
        ends = {task.first_block + len(parameters.task_blocks(task)) for task in parameters.tasks}
        columns = {
            "steps": [block.steps for block in parameters.blocks],
            "maps": [block.maps for block in parameters.blocks],
            "last": [int(number + 1 in ends) for number in range(len(parameters.blocks))],
        }
        m.submodules.next_blocks = self.next_blocks = FieldRom(columns, ahead=True)
        m.submodules.first_blocks = self.first_blocks = FieldRom(columns, ahead=True)
        self.next_block = Signal.like(self.next_blocks.address, reset_less=True)
        takes = self.jobs.valid & self.jobs.ready
        m.d.comb += [
            self.next_blocks.address.eq(self.next_block),
            self.first_blocks.address.eq(
                Mux(takes, self.jobs.payload.first_block, self.job.first_block)
            ),
        ]

    def begin_job(self, m: Module) -> None:
        job = self.jobs.payload
        first_slot = Signal.like(self.first_slot, name="slot_of_first_row")
        below = self.slot + self.parameters.slots - job.above
        m.d.comb += first_slot.eq(wrapped(below, self.parameters.slots))
        m.d.sync += [
            self.running.eq(1),
            self.job.eq(job),
            self.pixels_left.eq(job.pixels),
            self.last_pixel.eq(job.pixels == 1),
            self.first_slot.eq(first_slot),
        ]
        self.load_block(m, self.first_blocks, job.first_step, is_first=True)
        self.begin_window(m, job.first_row, job.first_column, first_slot)

    def begin_pixel(self, m: Module) -> None:
        column = Signal.like(self.pixel_column, name="next_pixel_column")
        m.d.comb += column.eq(self.pixel_column + self.job.column_step)
        m.d.sync += [
            self.pixels_left.eq(self.pixels_left - 1),
            self.last_pixel.eq(self.pixels_left == 2),
        ]
        self.load_block(m, self.first_blocks, self.job.first_step, is_first=True)
        self.begin_window(m, self.job.first_row, column, self.first_slot)

    def begin_block(self, m: Module) -> None:
        self.load_block(m, self.next_blocks, self.step + 1, is_first=False)
        self.begin_window(m, self.job.first_row, self.pixel_column, self.first_slot)

    def load_block(self, m: Module, table: FieldRom, step: Value, *, is_first: bool) -> None:
        m.d.sync += [
            self.block_steps.eq(table.row.steps),
            self.block_maps.eq(table.row.maps),
            self.block_first.eq(int(is_first)),
            self.block_last.eq(table.row.last),
            self.block_step.eq(step),
            self.next_block.eq(table.address + 1),
        ]
        self.begin_steps(m, table.row.steps, step)

    def begin_window(self, m: Module, row: Value, column: Value, slot: Value) -> None:
        """At the first sum of a pool window."""
        m.d.sync += [
            self.pool_row.eq(0),
            self.pool_column.eq(0),
            self.pixel_column.eq(column),
            self.row.eq(row),
            self.column.eq(column),
            self.row_slot.eq(slot),
        ]

    def begin_sum(self, m: Module, pool_row_ends: Value) -> None:
        """The same block again, at the next place of the pool window."""
        with m.If(pool_row_ends):
            slot = self.row_slot + self.job.row_stride
            m.d.sync += [
                self.pool_row.eq(self.pool_row + 1),
                self.pool_column.eq(0),
                self.row.eq(self.row + self.job.row_stride),
                self.column.eq(self.pixel_column),
                self.row_slot.eq(wrapped(slot, self.parameters.slots)),
            ]
        with m.Else():
            m.d.sync += [
                self.pool_column.eq(self.pool_column + 1),
                self.column.eq(self.column + self.job.column_stride),
            ]
        self.begin_steps(m, self.block_steps, self.block_step)

    def begin_steps(self, m: Module, steps: Value, first: Value) -> None:
        m.d.sync += [
            self.step.eq(first),
            self.first_step.eq(1),
            self.steps_left.eq(steps),
            self.sum_ends.eq(steps == 1),
        ]

    def send(self, m: Module) -> None:
        issue = self.issue
        m.d.comb += [
            self.valid.eq(self.running),
            self.ended_ring.eq(self.job.ring),
            self.ended_release.eq(self.job.release),
            issue.step.eq(self.step),
            issue.row.eq(self.row),
            issue.column.eq(self.column),
            issue.slot.eq(self.row_slot),
            issue.first_step.eq(self.first_step),
            issue.last_step.eq(self.sum_ends),
            issue.first_sum.eq((self.pool_row == 0) & (self.pool_column == 0)),
            issue.last_sum.eq(self.pool_ends),
            issue.first_block.eq(self.block_first),
            issue.maps.eq(self.block_maps),
            *(issue.job[name].eq(self.job[name]) for name in STEP_FIELDS),
        ]
