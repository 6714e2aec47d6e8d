"""Where the words of a page lead to: web and mail addresses, checked, with the range of the text that carries them.

They stay beside the text instead of in it as `[words](address)`: a quote is then what a reader sees on the page, numbers in
addresses are no numbers of the page, and a chunk spends no tokens on addresses.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

LONGEST = 2000
_MAIL = re.compile(r"mailto:[\w.+%-]+@[\w-]+(?:\.[\w-]+)+(?:\?[\w.+%=&-]*)?")
_UNSAFE = re.compile(r"[\s<>\"'`\\{}|^()\[\]]")


class Area(Protocol):
    """A range of the markdown and its rectangle on the page."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def x0(self) -> float: ...
    @property
    def y0(self) -> float: ...
    @property
    def x1(self) -> float: ...
    @property
    def y1(self) -> float: ...


@dataclass(frozen=True)
class Link:
    """Characters `start:end` of a page's markdown lead to `target`, an http, https or mailto address."""

    start: int
    end: int
    target: str


def safe_target(address: str) -> str:
    """The address if a person may be sent there, else nothing: no scripts, no files, no logins, nothing invisible."""
    address = address.strip()
    if len(address) > LONGEST or _UNSAFE.search(address):
        return ""
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Cs") for character in address):
        return ""
    if address.lower().startswith("mailto:"):
        return address if _MAIL.fullmatch(address) else ""
    try:
        parts = urlsplit(address)
        safe = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return ""
    return address if safe else ""


def links_of(page: Any) -> list[tuple[str, list[float]]]:
    """The safe targets of a page's links with their rectangles, in the order of the file."""
    found = ((safe_target(link.get("uri") or ""), link["from"]) for link in page.get_links())
    return [(target, [round(side, 1) for side in area]) for target, area in found if target]


def placed(
    links: Iterable[tuple[str, list[float]]],
    words_in: Callable[[list[float]], str],
    markdown: str,
    boxes: Sequence[Area],
) -> tuple[Link, ...]:
    """The links with the words they lie on. One whose words cannot be told has its whole box, one beside all text none."""
    found: list[Link] = []
    for target, area in links:
        box = next((box for box in boxes if _holds(box, area)), None)
        if box is None:
            continue
        taken = [link.end for link in found if box.start <= link.start < box.end]
        span = _words(markdown, words_in(area).strip().rstrip(".,;:"), max(taken, default=box.start), box.end)
        found.append(Link(*(span or (box.start, box.end)), target))
    return tuple(_joined(sorted(set(found), key=lambda link: (link.start, link.end, link.target)), markdown))


def moved(links: Iterable[Link], before: str, after: str) -> tuple[Link, ...]:
    """The links of a text in another text of the same page; those whose words it does not have are left out."""
    found: list[Link] = []
    for link in links:
        span = _words(after, before[link.start : link.end], max((one.end for one in found), default=0), len(after))
        found += [Link(*span, link.target)] if span else []
    return tuple(found)


def _holds(box: Area, area: Sequence[float]) -> bool:
    x, y = (area[0] + area[2]) / 2, (area[1] + area[3]) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def _words(markdown: str, words: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the words stand between these characters, however they are spaced."""
    if not words:
        return None
    match = re.search(r"\s+".join(map(re.escape, words.split())), markdown[start:end])
    return (start + match.start(), start + match.end()) if match else None


def _joined(links: Iterable[Link], markdown: str) -> list[Link]:
    """The links with those of one target that follow each other, a line each, as one."""
    joined: list[Link] = []
    for link in links:
        last = joined[-1] if joined else None
        if last and last.target == link.target and not markdown[last.end : link.start].strip():
            joined[-1] = Link(last.start, max(last.end, link.end), link.target)
        else:
            joined.append(link)
    return joined
