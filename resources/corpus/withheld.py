"""Documents that a source lists and did not hand out: each scan looks whether some of them can be had by now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from resources.corpus.manifest import Entry, Listed

ASKED_PER_SCAN = 20
"""Withheld documents that one scan asks for. Where there are more, scans take turns with them."""


def with_refusals(
    inventory: Sequence[Listed], known: Mapping[str, Entry], readable: Callable[[Listed], bool], turn: int
) -> list[Listed]:
    """A listing in which documents that are withheld still carry the known reason; what lost it is new again.

    `turn` is a number that grows from scan to scan, and decides which are asked for.
    """
    withheld = [one for one in inventory if _is_withheld(known.get(one.uri), one)]
    first = turn * ASKED_PER_SCAN % max(1, len(withheld))
    asked = [*withheld[first:], *withheld[:first]][:ASKED_PER_SCAN]
    had = {one.uri for one in asked if readable(one)}
    refusals = {one.uri: known[one.uri].refusal for one in withheld if one.uri not in had}
    return [replace(one, refusal=refusals.get(one.uri, one.refusal)) for one in inventory]


def _is_withheld(known: Entry | None, listed: Listed) -> bool:
    """Whether this very version was withheld when its batch was read."""
    return (
        known is not None
        and bool(known.refusal)
        and not known.tombstone
        and not listed.refusal
        and known.etag == listed.etag
    )
