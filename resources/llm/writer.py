"""The ledger's thread: looks up, claims and records for an event loop, many at a time.

While one transaction runs, the next one's work gathers, so that a busy gateway commits in groups and an idle one at once.
A future resolves after the commit that it stands for. The thread also keeps this owner's lease alive and watches for
answers that another process is about to pay for.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from resources.errors import RaftlineError
from resources.llm.claims import LEASE_SECONDS, Claims
from resources.llm.ledger import Entry, Ledger, LedgerError
from resources.llm.request import Completion, Request

GROUP = 1000
"""Most pieces of work in one transaction."""

WATCH_SECONDS = 0.1
"""How often answers are looked for that another process claimed."""


@dataclass(frozen=True, eq=False)
class _Look:
    request: Request
    future: "asyncio.Future[Completion | None]"


@dataclass(frozen=True, eq=False)
class _Record:
    entries: Sequence[Entry]
    future: "asyncio.Future[dict[str, Completion]]"


@dataclass(frozen=True, eq=False)
class _Looks:
    """Looks that are answered together."""

    looks: Sequence[_Look]


@dataclass(frozen=True)
class _Attribute:
    request: Request


@dataclass(frozen=True)
class _Release:
    key: str


@dataclass(frozen=True)
class _Close:
    pass


_Work = _Looks | _Record | _Attribute | _Release | _Close
_Outcome = tuple[_Look | _Record, Any]


class LedgerThread:
    """A thread of its own for one gateway run. Everything but `close` is called on the event loop."""

    def __init__(self, ledger: Ledger, lease: float = LEASE_SECONDS):
        self._ledger = ledger
        self._claims = Claims(ledger, lease)
        self._beat_every = lease / 3
        self._beat_at = time.monotonic() + self._beat_every
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._watched: dict[str, _Look] = {}
        self._watch_at = 0.0
        self._broken: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def look(self, request: Request) -> "asyncio.Future[Completion | None]":
        """The recorded answer, or None: then nobody has one, and the claim to pay for it is ours.

        If another process is about to pay, the future waits for its answer, or for its claim to fall to us.
        """
        return self.look_all([request])[0]

    def look_all(self, requests: Sequence[Request]) -> "list[asyncio.Future[Completion | None]]":
        """The same for distinct requests, looked up together."""
        looks = [_Look(request, self._loop.create_future()) for request in requests]
        self._queue.put(_Looks(looks))
        return [look.future for look in looks]

    def record(self, entries: Sequence[Entry]) -> "asyncio.Future[dict[str, Completion]]":
        """The answers that stand, by key, once they are on disk."""
        future: asyncio.Future[dict[str, Completion]] = self._loop.create_future()
        self._queue.put(_Record(entries, future))
        return future

    def attribute(self, request: Request) -> None:
        """Notes the sources of a request that another one's answer served."""
        self._queue.put(_Attribute(request))

    def release(self, key: str) -> None:
        """Gives up the claim of a call that brought nothing."""
        self._queue.put(_Release(key))

    def close(self) -> None:
        """Finishes what was asked for, gives up every claim and ends the thread."""
        self._queue.put(_Close())
        self._thread.join()

    def _work(self) -> None:
        closing = False
        while not closing:
            group = self._next_group()
            closing = any(isinstance(work, _Close) for work in group)
            outcomes: list[_Outcome] = []
            self._record(_of(group, _Record), outcomes)
            # A place in the line waits for each record.
            self._tell(outcomes)
            outcomes = []
            self._guard(self._claims.release, {work.key for work in _of(group, _Release)})
            self._guard(self._ledger.attribute, [work.request for work in _of(group, _Attribute)])
            self._look([look for asked in _of(group, _Looks) for look in asked.looks], outcomes)
            if self._watched and time.monotonic() >= self._watch_at:
                self._take(list(self._watched.values()), outcomes)
            if time.monotonic() >= self._beat_at:
                self._beat_at = time.monotonic() + self._beat_every
                self._guard(self._claims.beat)
            self._tell(outcomes)
        self._guard(self._claims.close)
        self._tell([(look, RaftlineError("the gateway was closed")) for look in self._watched.values()])

    def _next_group(self) -> list[_Work]:
        patience = max(0.0, self._beat_at - time.monotonic())
        group: list[_Work] = []
        with suppress(queue.Empty):
            group.append(self._queue.get(timeout=min(WATCH_SECONDS, patience) if self._watched else patience))
            while len(group) < GROUP:
                group.append(self._queue.get_nowait())
        return group

    def _record(self, records: list[_Record], outcomes: list[_Outcome]) -> None:
        if not records:
            return
        try:
            standing = self._ledger.record([entry for record in records for entry in record.entries])
        except LedgerError as error:
            self._broken = error
            outcomes.extend((record, error) for record in records)
        except Exception as error:
            # One answer that the database cannot hold takes none of the others with it.
            if len(records) == 1:
                outcomes.append((records[0], error))
                return
            for record in records:
                self._record([record], outcomes)
        else:
            outcomes.extend(
                (record, {key: standing[key] for entry in record.entries if (key := entry.request.key) in standing})
                for record in records
            )

    def _look(self, looks: list[_Look], outcomes: list[_Outcome]) -> None:
        if not looks:
            return
        try:
            found = self._ledger.find([look.request for look in looks])
            self._ledger.attribute([look.request for look in looks if look.request.key in found])
        except Exception as error:
            outcomes.extend((look, error) for look in looks)
            return
        outcomes.extend((look, found[look.request.key]) for look in looks if look.request.key in found)
        missing = [look for look in looks if look.request.key not in found]
        if missing:
            self._take(missing, outcomes)

    def _take(self, looks: list[_Look], outcomes: list[_Outcome]) -> None:
        waiting = [look for look in looks if not look.future.done()]
        for look in looks:
            self._watched.pop(look.request.key, None)
        if not waiting:
            return
        try:
            if self._broken:
                raise self._broken
            taken = self._claims.take({look.request.key for look in waiting})
            self._ledger.attribute([look.request for look in waiting if look.request.key in taken.answered])
        except Exception as error:
            self._broken = error
            outcomes.extend((look, error) for look in waiting)
            return
        self._watch_at = time.monotonic() + WATCH_SECONDS
        for look in waiting:
            key = look.request.key
            if key in taken.others:
                self._watched[key] = look
            else:
                outcomes.append((look, taken.answered.get(key)))

    def _guard(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except Exception as error:
            self._broken = error

    def _tell(self, outcomes: list[_Outcome]) -> None:
        if outcomes and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _settle(self, outcomes: list[_Outcome]) -> None:
        for work, outcome in outcomes:
            if work.future.done():
                # Whoever asked has gone. A claim that it would have got is given up.
                if isinstance(work, _Look) and outcome is None:
                    self.release(work.request.key)
            elif isinstance(outcome, BaseException):
                work.future.set_exception(outcome)
            else:
                work.future.set_result(outcome)


def _of(group: list[_Work], kind: type) -> list[Any]:
    return [work for work in group if isinstance(work, kind)]
