"""What the terminal shows: plain text only, whatever documents, file names or questions contain."""

import time
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from orchestration.execution import Outcome, Refresher
from orchestration.jobs import PHASES
from orchestration.planning import PlannedRun
from orchestration.progress import listening
from resources.lake.lake import WHOLE
from resources.text import one_line, visible

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
WIDE = 10_000
"""Columns of a table that nobody looks at on a screen."""
CELL = 1_000
"""Most characters of a cell: what to do about a problem stands at the end of its message."""

_STEPS = {phase.job: len(phase.assets) for phase in PHASES}


def say(text: str, style: str = "") -> None:
    """Prints lines as they are: no markup, no control characters."""
    for line in text.splitlines() or [""]:
        console.print(Text(visible(line), style=style))


def say_wrapped(text: str) -> None:
    """Prints prose: a terminal gets lines that end between words, a pipe one line for each paragraph."""
    for line in text.splitlines() or [""]:
        console.print(Text(visible(line)), soft_wrap=not console.is_terminal)


def counted(count: int, noun: str) -> str:
    """`1 new batch`, `2 new batches`, `12 questions`."""
    plural = f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def complain(text: str) -> None:
    """Prints an error's lines as they are, to standard error."""
    for line in text.splitlines():
        errors.print(Text(visible(line), style="red"))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table whose cells are text; in a pipe or file a row is one line, however long."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        grid.add_column(header, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(one_line(cell, CELL)) for cell in row))
    (console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=WIDE)).print(grid)


def show_plan(plan: Sequence[PlannedRun]) -> None:
    """What will run and why."""
    table(
        ("job", "partition", "why"),
        [(run.job, "" if run.partition == WHOLE else run.partition, _why(run)) for run in plan],
    )


def follow(refresher: Refresher) -> list[Outcome]:
    """Executes the plan with a progress line per run; returns every outcome. Raises `RunFailed`."""
    outcomes: list[Outcome] = []
    with _progress() as progress:
        bars = _Bars(progress)
        with listening(bars.step):
            for event in refresher.execute():
                if isinstance(event, PlannedRun):
                    bars.start(event)
                    continue
                outcomes.append(event)
                bars.finish()
                if event.error:
                    progress.console.print(
                        Text(visible(f"{event.run.job} {event.run.partition}: {event.error}"), "red")
                    )
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


class _Bars:
    """One bar per run, moved by every asset that is made; a plain line per run where no terminal is."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._task: TaskID | None = None
        self._name = ""
        self._started = 0.0
        self._done = 0

    def start(self, run: PlannedRun) -> None:
        self._name = run.job if run.partition == WHOLE else f"{run.job} {run.partition}"
        self._started, self._done = time.monotonic(), 0
        self._task = self._progress.add_task(self._name, total=len(run.assets) or _STEPS[run.job], rate="", step="")

    def step(self, name: str, event: str) -> None:
        if self._task is None:
            return
        if event == "STEP_START":
            self._progress.update(self._task, step=name)
        elif name in _ASSETS:
            self._done += 1
            rate = self._done / max(0.001, time.monotonic() - self._started)
            self._progress.update(self._task, advance=1, rate=f"{rate:.1f} assets/s")

    def finish(self) -> None:
        if self._task is None:
            return
        self._progress.update(self._task, completed=self._done, total=self._done or 1, step="")
        if not console.is_terminal:
            made = f"{self._done} assets in " if self._done else ""
            say(f"{self._name}: {made}{time.monotonic() - self._started:.0f} s")
        self._task = None


_ASSETS = frozenset(asset for phase in PHASES for asset in phase.assets)
