"""Rows on their way to a training service: what the destination may not have stays here, the rest is redacted.

A row belongs to the documents that it shows and to the one that its question was asked about. Where training runs on this
machine nothing is kept back and nothing is replaced.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.raft.formats import training_files
from resources.egress.classification import DocumentClasses, exceeds, strictest
from resources.egress.policy import EgressOptions
from resources.egress.redaction import Redactor
from resources.hashing import content_hash, short_id
from resources.training.base import DataFormat, TrainingData
from resources.training.trainer import Trainer

PURPOSE = "training"
"""The name under which `egress.destinations` says what training services receive."""

_TEXTS = ("question", "documents", "oracle_text", "target", "final_answer")
"""What of a row is text; ids and hashes must not be taken for identifiers."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Upload:
    """The data as it may leave. `rules` goes into the specification; `withheld` counts rows by the class of document."""

    data: TrainingData
    rules: str
    withheld: Mapping[str, int]


def upload_rules(trainer: Trainer, egress: EgressOptions) -> str:
    """Names the rules for what a backend is sent; empty where training runs here."""
    if trainer.runs_here:
        return ""
    host = trainer.destination
    redacted = list(egress.kinds) if egress.redacts(host) else []
    return short_id(redacted, egress.ceiling(PURPOSE, host)[0], egress.classification.model_dump())


def prepare(
    data: TrainingData,
    trainer: Trainer,
    data_format: DataFormat,
    egress: EgressOptions,
    redactor: Redactor,
    class_of: Callable[[Row], str],
) -> Upload:
    """What a trainer is given: for a service, rows that may leave, redacted; with the files of its format."""
    train, validation, withheld = data.train, data.validation, {}
    if not trainer.runs_here:
        ceiling = egress.ceiling(PURPOSE, trainer.destination)[0]
        classes = {row["row_id"]: class_of(row) for row in (*train, *validation)}
        barred = {row_id: name for row_id, name in classes.items() if exceeds(name, ceiling)}
        withheld = {name: list(barred.values()).count(name) for name in sorted(set(barred.values()))}
        train, validation = (tuple(row for row in rows if row["row_id"] not in barred) for rows in (train, validation))
        if egress.redacts(trainer.destination):
            train, validation = _redacted(train, validation, redactor)
    files = training_files(data_format, train, validation)
    rules = upload_rules(trainer, egress)
    sent = content_hash([[name, files[name].decode()] for name in sorted(files)])[:16]
    return Upload(TrainingData(train, validation, files), f"{rules}-{sent}" if rules else "", withheld)


def class_of_rows(
    classes: DocumentClasses, versions: Mapping[str, str], asked_about: Mapping[str, str | None]
) -> Callable[[Row], str]:
    """Tells the class of a row: the strictest of its documents' and of the one that its question was asked about.

    `versions` gives the document version of every chunk, `asked_about` the chunk of every question. A chunk that nobody
    knows any more counts as the most sensitive.
    """

    def class_of(row: Row) -> str:
        chunks = {document["chunk_id"] for document in row["documents"]}
        source = asked_about.get(row["question_id"], "unknown")
        chunks |= {source} if source else set()
        return strictest(classes.of(versions.get(chunk, ""))[0] for chunk in sorted(chunks)) if chunks else "public"

    return class_of


def _redacted(train: Sequence[Row], validation: Sequence[Row], redactor: Redactor) -> tuple[tuple[Row, ...], ...]:
    """Both splits at once, so that a text has the same placeholders in each."""
    rows = [*train, *validation]
    cleaned = redactor.redact_rows([{name: row[name] for name in _TEXTS if name in row} for row in rows])
    merged = tuple({**row, **_with_ids(row, clean)} for row, clean in zip(rows, cleaned, strict=True))
    return merged[: len(train)], merged[len(train) :]


def _with_ids(row: Row, clean: Mapping[str, Any]) -> dict[str, Any]:
    """Redacted texts with the documents' own ids."""
    documents = [
        {**document, "chunk_id": original["chunk_id"]}
        for document, original in zip(clean["documents"], row["documents"], strict=True)
    ]
    return {**clean, "documents": documents}


def asked_about(bank: Iterable[Row]) -> dict[str, str | None]:
    """The chunk that every question of the bank was asked about."""
    return {row["question_id"]: row["chunk_id"] for row in bank}
