"""What the terminal shows: plain text only, whatever documents, file names or questions contain."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from orchestration.execution import Outcome, Refresher
from orchestration.jobs import PHASES
from orchestration.planning import PlannedRun
from orchestration.progress import listening
from resources.lake.lake import WHOLE
from resources.lake.metadata import plain

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
_STEPS = {phase.job: len(phase.assets) for phase in PHASES}


def say(text: str, style: str = "") -> None:
    """Prints lines as they are: no markup, no control characters."""
    for line in text.splitlines() or [""]:
        console.print(Text(clean(line), style=style))


def clean(text: str) -> str:
    """Text without control characters, of any length."""
    return "".join(plain(text[start : start + 150]) for start in range(0, len(text), 150))


def complain(text: str) -> None:
    for line in text.splitlines():
        errors.print(Text(clean(line), style="red"))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table whose cells are text."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        grid.add_column(header, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(plain(cell)) for cell in row))
    console.print(grid)


def show_plan(plan: Sequence[PlannedRun]) -> None:
    """What will run and why."""
    table(
        ("job", "partition", "why"),
        [(run.job, "" if run.partition == WHOLE else run.partition, _why(run)) for run in plan],
    )


def follow(refresher: Refresher) -> list[Outcome]:
    """Executes the plan with a progress line per run; returns every outcome. Raises `RunFailed`."""
    outcomes: list[Outcome] = []
    with _progress() as progress, _stepping(progress) as start:
        for event in refresher.execute():
            if isinstance(event, PlannedRun):
                start(event)
            else:
                outcomes.append(event)
                if event.error:
                    progress.console.print(Text(clean(f"{event.run.job} {event.run.partition}: {event.error}"), "red"))
    return outcomes


def _why(run: PlannedRun) -> str:
    return f"expected: {run.reason}" if run.expected else run.reason


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[step]}", markup=False),
        console=console,
        transient=not console.is_terminal,
    )


@contextmanager
def _stepping(progress: Progress) -> Iterator:
    """Moves the bar of the current run with every step that ends."""
    current = {"task": None, "started": 0.0, "done": 0}

    def start(run: PlannedRun) -> None:
        finish()
        name = run.job if run.partition == WHOLE else f"{run.job} {run.partition}"
        current.update(started=time.monotonic(), done=0)
        current["task"] = progress.add_task(name, total=_STEPS[run.job], rate="", step="")

    def finish() -> None:
        if current["task"] is not None:
            progress.update(current["task"], completed=progress.tasks[current["task"]].total, step="")

    def step(name: str, event: str) -> None:
        if current["task"] is None:
            return
        if event == "STEP_START":
            progress.update(current["task"], step=name)
        elif name in _ASSETS:
            current["done"] += 1
            seconds = max(0.001, time.monotonic() - current["started"])
            progress.update(current["task"], advance=1, rate=f"{current['done'] / seconds:.1f} steps/s")

    with listening(step):
        yield start
    finish()


_ASSETS = frozenset(asset for phase in PHASES for asset in phase.assets)
