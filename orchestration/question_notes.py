"""What is said after a run about people's questions that cannot be used: a question that counts for nothing is no use."""

from orchestration.console import counted, say
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.lake.tables import EXTERNAL_QUESTIONS
from resources.text import one_line

_SHOWN = 5
_UNUSABLE = ("unmapped", "invalid")


def show_unusable_questions(settings: Settings) -> None:
    """Says how many of people's questions cannot be used, and names the first few with the reason."""
    rows = build_resources(settings)["lake"].open().rows_or_empty(EXTERNAL_QUESTIONS)
    unusable = sorted((row for row in rows if row["status"] in _UNUSABLE), key=lambda row: _place(row["source"]))
    if not unusable:
        return
    say(f"{len(unusable)} of {counted(len(rows), 'question')} that people brought cannot be used:", "yellow")
    for row in unusable[:_SHOWN]:
        say(f"  {row['source']}: {one_line(row['reason'])}", "yellow")
    if len(unusable) > _SHOWN:
        say(f"  and {len(unusable) - _SHOWN} more: the check `are_usable` of `external_questions` lists them", "yellow")


def _place(source: str) -> tuple[str, int]:
    """File and line, so that line 9 comes before line 10."""
    file, _, line = source.rpartition(":")
    return file, int(line)
