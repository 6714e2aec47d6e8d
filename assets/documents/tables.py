"""Tables as GitHub pipes, after the repairs that keep a row's facts in one row."""

import re

_BULLETS = "•●▪■◦‣–·"


def repair_table(rows: list[list[str]]) -> list[str]:
    """Rows of cells (the first is the header) as markdown tables; a single column is plain lines, not a table."""
    width = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows if any(row)]
    if not rows:
        return []
    if width == 1:
        return ["\n".join(row[0] for row in rows)]
    return [_render(_joined_rows(table)) for table in _side_by_side(rows)]


def is_section_row(row: list[str]) -> bool:
    """A row that only names the rows below it: its first cell is filled, all others are empty."""
    return bool(row[0]) and not any(row[1:])


def plain_lines(text: str) -> str:
    """Pipe rows as lines of words, for what is a picture and no table."""
    lines = [line for line in text.split("\n") if not re.fullmatch(r"\|(?:\s*-{3,}\s*\|)+|\|+", line.strip())]
    return "\n".join(" ".join(line.strip().strip("|").split("|")) if line.startswith("|") else line for line in lines)


def _side_by_side(rows: list[list[str]]) -> list[list[list[str]]]:
    """Two tables printed next to each other under one repeated header, one below the other."""
    header = rows[0]
    for period in range(2, len(header) // 2 + 1):
        if len(header) % period == 0 and header == header[:period] * (len(header) // period):
            parts = [[row[start : start + period] for row in rows] for start in range(0, len(header), period)]
            return [[part[0], *(row for row in part[1:] if any(row))] for part in parts]
    return [rows]


def _joined_rows(rows: list[list[str]]) -> list[list[str]]:
    """The rows with a label that runs over two lines put together again."""
    joined = rows[:1]
    for row in map(_marks_at_home, rows[1:]):
        if len(joined) > 1 and _continues(joined[-1], row):
            joined[-1] = [f"{above} {below}".strip() for above, below in zip(joined[-1], row, strict=True)]
        else:
            joined.append(row)
    return joined


def _marks_at_home(row: list[str]) -> list[str]:
    """The row with footnote marks that slipped into the next cell back behind the marks they belong to."""
    row = list(row)
    for index in range(1, len(row)):
        slipped = re.match(r"<sup>([^<]*)</sup>\s*", row[index])
        if slipped and row[index - 1].endswith("</sup>"):
            row[index - 1] = f"{row[index - 1].removesuffix('</sup>')},{slipped[1]}</sup>"
            row[index] = row[index][slipped.end() :]
    return row


def _continues(above: list[str], row: list[str]) -> bool:
    """Whether a row is the second line of the one above, which is not a matter of course: `Savings` may be a section.

    The signs: a label without bullet below a bulleted one, that goes on in mid-sentence or whose values do; a label
    that opens with a bracket; a label above that cannot end where it does.
    """
    label, values = row[0], row[1:]
    if not label or label[0] in _BULLETS or not above[0]:
        return False
    bulleted = above[0][0] in _BULLETS
    if not any(values):
        return above[0].count("(") > above[0].count(")")
    if is_section_row(above):
        return label[0] == "(" or _hangs(above[0]) or (bulleted and label[0].islower())
    filled = [bool(value) for value in values]
    same_cells = filled == [bool(value) for value in above[1:]]
    return bulleted and same_cells and all(value[0].islower() for value in values if value)


def _hangs(label: str) -> bool:
    """Whether a label cannot end here: an open bracket, a dash, a comma or a joining word."""
    joining = "and|or|of|on|for|the|to|in|by|with|within|from|per|through|using"
    return label.count("(") > label.count(")") or bool(re.search(rf"(?:[—–,]|\b(?:{joining}))$", label))


def _render(rows: list[list[str]]) -> str:
    lines = ["|" + "|".join(cell.replace("|", "\\|") for cell in row) + "|" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
