"""PDF pages as markdown with the place of every piece on the page, parsed in isolation and remembered by content."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import Any

from assets.documents.inspection import DocumentFacts, in_child
from assets.documents.isolation import stop_with
from assets.documents.parsing import Page
from assets.documents.readers import LAYOUT_READER, Reader
from resources.errors import UnreadableDocument

SECONDS_PER_DOCUMENT = 20.0
SECONDS_PER_PAGE = 3.0
CPU_SECONDS_WITHOUT_A_PAGE = SECONDS_PER_DOCUMENT + SECONDS_PER_PAGE
"""The work that opening a document or one of its pages may take: one that hangs ends then, however many pages it has.

A page of thousands of crossing lines takes 13 s, others less than one."""

CROWDED = 4
"""How much longer than its work a task may take by the clock, on a machine with other work."""

_FEWEST_PAGES, _MOST_PAGES = 8, 32
"""Pages of a task. A child's first page costs half as much again."""

Inspect = Callable[[bytes, str], DocumentFacts]


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
    documents: Iterable[tuple[str, bytes]],
    known: Mapping[str, Page],
    processes: int | None = None,
    inspect: Inspect | None = None,
    versions: Mapping[str, Sequence[str]] | None = None,
    reader: Reader = LAYOUT_READER,
    objects: Mapping[str, str] | None = None,
) -> Iterator[Extracted]:
    """One Extracted per (name, bytes), in the order given. A page whose hash is in `known` is not parsed again.

    `known` holds pages that this same code has parsed, by `page_sha`; `versions` the page hashes of files whose pages are
    all known, by the sha256 of the file, so that such a file is not even opened; `objects` the page hash by the hash of
    a page's objects, so that such a page is neither laid out nor drawn. `inspect` decides which documents are
    usable, by default those with a text layer. `reader` reads them. A page that several of these documents have is parsed once.

    Pages depend on their own content alone, so the result is the same for any number of processes. Documents are
    taken from the iterable as they are needed, a few ahead. Whoever stops early stops the child processes too.
    """
    workers = processes or os.cpu_count() or 1
    stop = threading.Event()
    # The pool's threads only wait for child processes.
    pool = ThreadPoolExecutor(workers, initializer=stop_with, initargs=(stop,))
    work = _Work(pool, workers, known, versions or {}, objects or {}, inspect or reader.inspect(), reader)
    try:
        source = iter(documents)
        ahead: list[tuple[str, Future[_Plan]]] = []
        while True:
            for name, data in islice(source, workers + 1 - len(ahead)):
                ahead.append((name, pool.submit(work.plan, name, data)))
            if not ahead:
                return
            yield work.finish(*ahead.pop(0))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Plan:
    """A document on its way: its bytes, each page's hash and that of its objects, the pages that its own tasks parse."""

    data: bytes
    hashes: Sequence[str]
    objects: Sequence[str]
    own: frozenset[str]


class _Work:
    """What the documents of one call share: the pool, what is known, and which task parses which page."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        workers: int,
        known: Mapping[str, Page],
        versions: Mapping[str, Sequence[str]],
        objects: Mapping[str, str],
        inspect: Inspect,
        reader: Reader,
    ):
        self._pool = pool
        self._known = known
        self._workers = workers
        self._versions = versions
        self._objects = dict(objects)
        self._inspect = inspect
        self._reader = reader
        self._claims = threading.Lock()
        self._task_of: dict[str, Future[list[Page]]] = {}

    def plan(self, name: str, data: bytes) -> _Plan:
        """Hashes the pages and starts the tasks for those that nobody knows or parses yet."""
        hashes = self._versions.get(hashlib.sha256(data).hexdigest())
        hashes, objects = (hashes, [""] * len(hashes)) if hashes else self._hashes(name, data)
        with self._claims:
            first = {page_sha: index for index, page_sha in reversed(list(enumerate(hashes)))}
            missing = sorted(
                index
                for page_sha, index in first.items()
                if page_sha not in self._known and page_sha not in self._task_of
            )
            for part in self._slices(missing):
                task = self._pool.submit(self._parse, data, name, part, hashes)
                self._task_of |= {hashes[index]: task for index in part}
        return _Plan(data, hashes, objects, frozenset(hashes[index] for index in missing))

    def finish(self, name: str, planned: Future[_Plan]) -> Extracted:
        """The document once its pages are there."""
        try:
            plan = planned.result()
            parsed = self._parsed(name, plan)
        except UnreadableDocument as error:
            return Extracted(name, error=error)
        found = (parsed.get(page_sha) or self._known[page_sha] for page_sha in plan.hashes)
        pages = tuple(
            replace(page, index=index, object_sha=object_sha or page.object_sha)
            for index, (page, object_sha) in enumerate(zip(found, plan.objects, strict=True))
        )
        return Extracted(name, pages, reused=len(pages) - len(plan.own), parsed=len(plan.own))

    def _parsed(self, name: str, plan: _Plan) -> dict[str, Page]:
        """The pages that were not known, by hash. Those that failed with another document are tried with this one."""
        tasks: dict[Future[list[Page]], set[str]] = {}
        for page_sha in plan.hashes:
            if page_sha not in self._known:
                tasks.setdefault(self._task_of[page_sha], set()).add(page_sha)
        pages: list[Page] = []
        again: set[str] = set()
        for task, wanted in tasks.items():
            try:
                pages += task.result()
            except (UnreadableDocument, CancelledError):
                if wanted & plan.own:
                    _cancel(other for other, shown in tasks.items() if shown & plan.own)
                    raise
                again |= wanted
        first = {page_sha: index for index, page_sha in reversed(list(enumerate(plan.hashes)))}
        for part in self._slices(sorted(first[page_sha] for page_sha in again)):
            pages += self._parse(plan.data, name, part, plan.hashes)
        return {page.page_sha: page for page in pages}

    def _hashes(self, name: str, data: bytes) -> tuple[Sequence[str], Sequence[str]]:
        """The hashes of a document's pages, and of their objects where the reader knows such."""
        count = self._inspect(data, name).page_count
        if self._reader.object_hashes is None:
            hashes = self._read(self._reader.page_hashes, (data,), name, count)
            return hashes, [""] * len(hashes)
        objects = self._read(self._reader.object_hashes, (data,), name, count)
        hashes = [self._objects.get(object_sha, "") for object_sha in objects]
        unknown = [index for index, page_sha in enumerate(hashes) if not page_sha]
        if unknown:
            looked = self._read(self._reader.page_hashes, (data, unknown), name, len(unknown))
            for index, page_sha in zip(unknown, looked, strict=True):
                hashes[index] = page_sha
                if objects[index]:
                    self._objects[objects[index]] = page_sha
        return hashes, objects

    def _slices(self, indexes: list[int]) -> list[list[int]]:
        """The pages of one document in tasks for one child each, as many as there are workers if they are few."""
        size = min(_MOST_PAGES, max(_FEWEST_PAGES, ceil(len(indexes) / self._workers)))
        return [indexes[start : start + size] for start in range(0, len(indexes), size)]

    def _parse(self, data: bytes, name: str, indexes: list[int], hashes: Sequence[str]) -> list[Page]:
        return self._read(self._reader.parse_pages, (data, indexes, hashes), name, len(indexes))

    def _read(self, function: Callable[..., Any], args: tuple[Any, ...], name: str, pages: int) -> Any:
        """What a function of the reader finds out about this many pages, in time."""
        seconds = CROWDED * (SECONDS_PER_DOCUMENT + SECONDS_PER_PAGE * pages)
        return in_child(function, args, name, seconds, self._reader.parsers, CPU_SECONDS_WITHOUT_A_PAGE)


def _cancel(tasks: Iterable[Future[Any]]) -> None:
    """Nobody needs the other pages of a document that is lost, and each might take as long as the one that lost it."""
    for task in tasks:
        task.cancel()
