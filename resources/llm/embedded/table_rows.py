"""The rows of a markdown table: labels and cells broken over lines joined again, section rows turned into groups."""

import re
from dataclasses import dataclass, replace

from resources.llm.embedded.table_grid import Cell
from resources.llm.embedded.values import clean, is_value

BULLET = re.compile(r"^\s*(?:<br>|\*\*|\s)*[•▪◦·–-]\s*")
_MOST_PIECES = 8  # lines that one label may be broken over
_HANGING = re.compile(
    r"(?:[,—–(&/]|\b(?:a|an|the|of|on|in|for|to|at|by|and|or|with|through|from|per|using|when|transferring))\s*$"
)


@dataclass(frozen=True)
class Row:
    """A table row after repairs: its label as raw segments, its value cells, the lines it came from."""

    label: tuple[str, ...]
    cells: tuple[Cell, ...]
    start: int
    end: int

    @property
    def name(self) -> str:
        return clean(BULLET.sub("", " ".join(self.label)))

    @property
    def raw(self) -> str:
        return " ".join(self.label).strip()

    @property
    def bold(self) -> bool:
        return self.raw.startswith("**") and not BULLET.match(self.raw)

    @property
    def bulleted(self) -> bool:
        return bool(BULLET.match(self.raw))

    @property
    def filled(self) -> tuple[int, ...]:
        return tuple(index for index, cell in enumerate(self.cells) if cell.text)

    @property
    def fragment(self) -> bool:
        """Whether the label reads as the rest of a phrase that began in the row above."""
        return bool(self.name) and (self.name[0] in "()" or self.name[0].islower())


def repaired(rows: list[Row]) -> list[Row]:
    """Rows whose label or cells were broken over several lines, joined again."""
    done: list[Row] = []
    for row in rows:
        last = done[-1] if done else None
        if last is None:
            done.append(row)
        elif not row.name:
            done.append(replace(row, label=last.label))
        elif not row.filled and last.filled and row.fragment and _unfinished(last.name, row.name):
            done[-1] = replace(last, label=(*last.label, *row.label), end=row.end)
        elif not last.filled and row.filled and (row.fragment or _unfinished(last.name, row.name)):
            done[-1] = replace(row, label=(*last.label, *row.label), start=last.start)
        elif not last.filled and not row.filled and row.fragment:
            done[-1] = replace(last, label=(*last.label, *row.label), end=row.end)
        elif row.filled and row.filled == last.filled and _same_row(last, row):
            cells = tuple(Cell(f"{a.raw} {b.raw}".strip(), a.start) for a, b in zip(last.cells, row.cells, strict=True))
            done[-1] = Row((*last.label, *row.label), cells, last.start, row.end)
        elif row.filled and row.filled == last.filled and len(last.label) < _MOST_PIECES and _hangs(last.name):
            joined = (*last.label, *row.label)  # one label beside two rows
            done[-1] = replace(last, label=joined)
            done.append(replace(row, label=joined))
        elif row.filled and last.filled and row.name.startswith("(") and len(last.label) > 1:
            done[-1] = replace(last, label=last.label[:-1])
            done.append(replace(row, label=(last.label[-1], *row.label), start=last.start))
        elif row.filled and last.filled and row.name.startswith("("):
            joined = (*last.label, *row.label)  # where the first label ends is lost: both rows stay equally likely
            done[-1] = replace(last, label=joined)
            done.append(replace(row, label=joined))
        else:
            done.append(row)
    return done


def _hangs(name: str) -> bool:
    return name.endswith("-") or bool(_HANGING.search(name))


def _unfinished(above: str, below: str) -> bool:
    return _hangs(above) or above.count("(") > above.count(")") or below[:1].islower()


def _same_row(above: Row, below: Row) -> bool:
    prose = all(not is_value(above.cells[index].text) for index in above.filled)
    return prose and above.bulleted and not below.bulleted and not below.bold


def grouped(rows: list[Row]) -> list[tuple[Row, str]]:
    """Each row that has values, with the labels of the section rows above it, outermost first."""
    bold_is_structure = 0 < sum(row.bold for row in rows) * 2 <= len(rows) + 1
    outer, inner, out = "", [], []
    previous_was_group = False
    for row in rows:
        heads = bold_is_structure and row.bold
        if row.filled:
            if heads:
                outer, inner = row.name, []
            out.append((row, " > ".join(p for p in ([] if heads else [outer]) + inner if p)))
        elif heads:
            outer, inner = row.name, []
        else:
            inner = _nested(inner, row.name, previous_was_group)
        previous_was_group = not row.filled and not heads
    return out


def _nested(above: list[str], name: str, directly: bool) -> list[str]:
    """The section labels once `name` opens a section: inside the last one if directly below it, else beside its like."""
    if directly and above:
        return [*above[-1:], name]
    like = len(above) > 1 and re.findall(r"\(.*?\)|[:：]$", above[-1]) == re.findall(r"\(.*?\)|[:：]$", name)
    return [*above[:-1], name] if like and name[-1:] in "):：" else [name]
