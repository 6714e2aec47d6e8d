"""A text taken apart into what can be quoted: sentences, list items and table rows, each a substring of it."""

import re
from dataclasses import dataclass

_SENTENCE = re.compile(r"[^.!?。！？；]*(?:[.!?](?!\s|$)[^.!?。！？；]*)*(?:[.!?]+(?=\s|$)|[。！？；]+|$)")
_MARKER = re.compile(r"^\s*(?:[-*+•]|\d+[.)]|#{1,6}|>)\s+")
_RULE = re.compile(r"^[\s|:+-]*-[\s|:+-]*$")
CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Cell:
    """A table's cell with the names of its row and column."""

    row: str
    column: str
    value: str


@dataclass(frozen=True)
class Passage:
    """A quotable part. `cells` are a table row's; `heading` marks a line that only names what follows."""

    text: str
    cells: tuple[Cell, ...] = ()
    heading: bool = False

    @property
    def searched(self) -> str:
        """The text with the names of its columns."""
        return " ".join((self.text, *(cell.column for cell in self.cells)))


def passages(text: str) -> list[Passage]:
    """The quotable parts of a text, in order."""
    found: list[Passage] = []
    header: list[str] = []
    for line in text.split("\n"):
        bare = line.strip()
        if not bare:
            header = []
        elif bare.startswith("|") and bare.count("|") >= 2:
            row = [cell.strip() for cell in bare.strip("|").split("|")]
            if _RULE.match(bare):
                continue
            if not header:
                header = row
                found.append(Passage(bare, heading=True))
                continue
            found.append(Passage(bare, _cells(header, row)))
        else:
            header = []
            heading = bare.startswith("#")
            body = _MARKER.sub("", bare)
            found += [Passage(sentence, heading=heading) for sentence in _sentences(body)]
    return found


def _cells(header: list[str], row: list[str]) -> tuple[Cell, ...]:
    named = zip(header[1:], row[1:], strict=False)
    return tuple(Cell(plain(row[0]), plain(column), plain(value)) for column, value in named if value)


def _sentences(line: str) -> list[str]:
    return [part for match in _SENTENCE.finditer(line) if (part := match.group().strip())]


def plain(text: str) -> str:
    """Text without Markdown's emphasis and line breaks."""
    return re.sub(r"\*\*|__|`|<br\s*/?>", " ", text).strip()


def is_chinese(text: str) -> bool:
    """Whether a fifth of the letters are ideographs."""
    ideographs = len(CJK.findall(text))
    return ideographs > 0 and ideographs * 5 >= sum(character.isalpha() for character in text)
