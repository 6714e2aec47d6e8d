"""Which requests are on their way in which batch: two tables of the ledger, written before anything is submitted.

A row is written when a batch is planned, and again as soon as the service has named it. So a process that dies between
the two leaves a plan whose hash is looked for among the service's batches before anything is submitted again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from resources.hashing import content_hash
from resources.llm.ledger import Ledger, windows
from resources.llm.ledger_schema import batch_lines, batches


@dataclass(frozen=True)
class Submission:
    """A batch of ours: the hash that it carries as metadata, and the service's id, empty until it is known."""

    key_hash: str
    batch_id: str = ""


class BatchStore:
    """The open batches of one endpoint and model. A key is in one batch at a time."""

    def __init__(self, ledger: Ledger, endpoint: str, model: str):
        self._ledger, self._endpoint, self._model = ledger, endpoint, model

    def of_keys(self, keys: Sequence[str]) -> dict[Submission, set[str]]:
        """The batches that hold any of these keys, each with the keys it holds."""
        found: dict[Submission, set[str]] = {}
        with self._ledger.reading() as connection:
            for window in windows(keys):
                query = (
                    sa.select(batch_lines.c.key, batches.c.key_hash, batches.c.batch_id)
                    .join(batches, batches.c.key_hash == batch_lines.c.key_hash)
                    .where(batch_lines.c.key.in_(window))
                )
                for key, key_hash, batch_id in connection.execute(query):
                    found.setdefault(Submission(key_hash, batch_id), set()).add(key)
        return found

    def plan(self, keys: Sequence[str]) -> Submission:
        """Writes down that these keys are about to be submitted. Equal keys submitted again get another hash."""
        with self._ledger.writing() as connection:
            count = sa.select(sa.func.count()).select_from(batches)
            earlier = connection.scalar(count)
            submission = Submission(content_hash([self._endpoint, self._model, earlier, sorted(keys)]))
            row = {"endpoint": self._endpoint, "model": self._model, "batch_id": "", "status": "planned"}
            connection.execute(
                batches.insert().values(key_hash=submission.key_hash, planned_at=datetime.now(UTC), **row)
            )
            lines = [{"key": key, "key_hash": submission.key_hash} for key in keys]
            for window in windows(lines):
                connection.execute(batch_lines.insert(), window)
        return submission

    def named(self, submission: Submission, batch_id: str, status: str) -> Submission:
        """Writes down the service's id and status of a batch."""
        with self._ledger.writing() as connection:
            connection.execute(
                batches.update()
                .where(batches.c.key_hash == submission.key_hash)
                .values(batch_id=batch_id, status=status)
            )
        return Submission(submission.key_hash, batch_id)

    def release(self, submission: Submission, keys: Iterable[str]) -> None:
        """Lets keys go that their batch did not answer, so that they can be submitted again."""
        with self._ledger.writing() as connection:
            for window in windows(sorted(keys)):
                held = (batch_lines.c.key_hash == submission.key_hash, batch_lines.c.key.in_(window))
                connection.execute(batch_lines.delete().where(*held))

    def withdraw(self, submission: Submission, status: str) -> None:
        """Ends a batch that will answer nothing more: none of its keys are held any longer."""
        with self._ledger.writing() as connection:
            connection.execute(batch_lines.delete().where(batch_lines.c.key_hash == submission.key_hash))
            connection.execute(batches.update().where(batches.c.key_hash == submission.key_hash).values(status=status))
