"""PDF pages as markdown with the place of every piece on the page, parsed in isolation and remembered by content."""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from assets.documents.inspection import in_child, inspect_pdf
from assets.documents.parsing import Page, page_hashes, parse_pages
from resources.errors import UnreadableDocument

SECONDS_PER_DOCUMENT = 20.0
SECONDS_PER_PAGE = 3.0
_PAGES_PER_TASK = 8


@dataclass(frozen=True)
class Extracted:
    """What became of one document: its pages, or the error; how many pages were taken from memory and parsed."""

    name: str
    pages: tuple[Page, ...] = ()
    reused: int = 0
    parsed: int = 0
    error: UnreadableDocument | None = None


def extract_pages(data: bytes, name: str, known: Mapping[str, Page] | None = None) -> list[Page]:
    """The pages of one PDF in order; raises UnreadableDocument."""
    [result] = extract_many([(name, data)], known or {})
    if result.error:
        raise result.error
    return list(result.pages)


def extract_many(
    documents: Iterable[tuple[str, bytes]], known: Mapping[str, Page], processes: int | None = None
) -> Iterator[Extracted]:
    """One Extracted per (name, bytes), in the order given. A page whose hash is in `known` is not parsed again.

    `known` holds pages that this same code has parsed, by `page_sha`.

    Pages depend on their own content alone, so the result is the same for any number of processes. Documents are
    taken from the iterable as they are needed, a few ahead.
    """
    workers = processes or os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)  # its threads only wait for child processes
    try:
        source = iter(documents)
        ahead: list[tuple[str, Future[_Plan]]] = []
        while True:
            for name, data in islice(source, workers + 1 - len(ahead)):
                ahead.append((name, pool.submit(_plan, data, name, known, pool)))
            if not ahead:
                return
            yield _finish(*ahead.pop(0), known)
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Plan:
    """A document on its way: the hash of every page, and the tasks that parse the pages not known yet."""

    hashes: list[str]
    tasks: "list[Future[list[Page]]]"


def _plan(data: bytes, name: str, known: Mapping[str, Page], pool: ThreadPoolExecutor) -> _Plan:
    page_count = inspect_pdf(data, name).page_count
    hashes = in_child(page_hashes, (data,), name, deadline(page_count))
    missing = [index for index, page_sha in enumerate(hashes) if page_sha not in known]
    slices = [missing[start : start + _PAGES_PER_TASK] for start in range(0, len(missing), _PAGES_PER_TASK)]
    return _Plan(hashes, [pool.submit(_parse, data, name, part, hashes) for part in slices])


def _parse(data: bytes, name: str, indexes: list[int], hashes: list[str]) -> list[Page]:
    return in_child(parse_pages, (data, indexes, hashes), name, deadline(len(indexes)))


def _finish(name: str, planned: Future[_Plan], known: Mapping[str, Page]) -> Extracted:
    try:
        plan = planned.result()
        parsed = {page.index: page for task in plan.tasks for page in task.result()}
    except UnreadableDocument as error:
        return Extracted(name, error=error)
    pages = tuple(
        parsed[index] if index in parsed else replace(known[page_sha], index=index)
        for index, page_sha in enumerate(plan.hashes)
    )
    return Extracted(name, pages, reused=len(pages) - len(parsed), parsed=len(parsed))


def deadline(pages: int) -> float:
    """Seconds that parsing this many pages may take."""
    return SECONDS_PER_DOCUMENT + SECONDS_PER_PAGE * pages
