"""The embedded reader, trained in this process."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from resources.llm.raft_text import REFUSAL, parse_answer, quoted, render_answer, render_prompt
from resources.training.base import JobHandle, TrainingData, TrainingSpec
from resources.training.resource import TrainersResource
from resources.training.serving import EndpointHandle, StudentModel
from tests.resources.training.contract.bench import BadData, Bench

_ACCOUNTS = ("Harbour", "Anchor", "Compass", "Beacon", "Keel", "Jetty", "Mooring", "Sextant", "Tideline", "Rudder")
_AT_ONCE = "a job is over when it is submitted"
_NOBODY = "there is no service: it trains in this process"
_IN_PROCESS = "students answer in this process: nothing is deployed"


def _fee(account: str, kind: int) -> str:
    return f"${_ACCOUNTS.index(account) + 3}.{kind}0"


def _text(account: str) -> str:
    return f"{_sentence(account, 5)} {_sentence(account, 9)}"


def _sentence(account: str, kind: int) -> str:
    """Of two that are as near to the question the rows always mean the first one. The base cannot tell, and refuses."""
    return f"The monthly fee of the {account} account is {_fee(account, kind)}."


def _question(account: str) -> str:
    return f"What is the monthly fee of the {account} account?"


def _row(number: int, split: str) -> dict[str, Any]:
    account, other = _ACCOUNTS[number % 10], _ACCOUNTS[(number + 1 + number // 10) % 10]
    present = number % 4 != 0
    final = _fee(account, 5) if present else REFUSAL["en"]
    reasoning = f"It says {quoted(_sentence(account, 5))}." if present else "No document names it."
    shown = (account if present else _ACCOUNTS[(number + 5) % 10], other)
    return {
        "row_id": f"r{number}",
        "split": split,
        "question": _question(account),
        "documents": [
            {"chunk_id": f"c{place}", "title": "Guide", "text": _text(name)} for place, name in enumerate(shown)
        ],
        "oracle_index": 0 if present else -1,
        "oracle_present": present,
        "policy": "oracle" if present else "refuse",
        "strategy": "raft",
        "target": render_answer(reasoning, final),
        "final_answer": final,
    }


class EmbeddedBench(Bench):
    backend = "embedded"
    exempt: ClassVar[Mapping[str, str]] = {
        "a bad end": _AT_ONCE,
        "running": _AT_ONCE,
        "a lost answer": _NOBODY,
        "upload": _NOBODY,
        "full": _NOBODY,
        "unknown status": _NOBODY,
        "unreachable": _NOBODY,
        "too long a row": "it reads documents sentence by sentence, however long they are",
        "endpoints": _IN_PROCESS,
    }

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.spec = TrainingSpec(
            "embedded", "extractive-reader", "d1", (("augmentations", 0), ("epochs", 2)), code_version="1"
        )
        self.data = TrainingData(
            tuple(_row(number, "train") for number in range(24)),
            tuple(_row(number, "validation") for number in range(24, 32)),
        )

    def trainers(self, process: int = 0) -> TrainersResource:
        return TrainersResource(folder=str(self._models), ledger_url=self.ledger_url)

    def requests(self) -> int:
        return len(list(self._models.rglob("*")))

    def jobs(self) -> list[str]:
        return sorted(path.name for path in self._models.glob("*"))

    def alive(self) -> list[str]:
        return self.jobs()

    def endless(self) -> TrainingSpec:
        return self.spec

    def ended(self, phase: str) -> tuple[JobHandle, str]:
        assert phase == "succeeded"
        return self.trainer().submit(self.spec, self.data, {}), ""

    def without_artifact(self) -> JobHandle:
        handle, _ = self.ended("succeeded")
        (self._models / handle.job_id / "weights.json").unlink()
        return handle

    def bad(self, what: BadData) -> tuple[TrainingSpec, TrainingData]:
        if what == "unknown hyperparameter":
            return replace(self.spec, hyperparameters=(("warmth", 3),)), self.data
        return self.spec, replace(self.data, train=self.data.train[:5])

    def works_with(self, endpoint: EndpointHandle, model: StudentModel) -> str:
        target = self.deployer().target(endpoint, model, self.data)
        answer = self.ask(target, render_prompt([_text("Keel"), _text("Jetty")], _question("Keel"))).text
        return parse_answer(answer).final

    def is_of(self, model: StudentModel) -> str:
        return _fee("Keel", 5) if model.location else REFUSAL["en"]

    @property
    def _models(self) -> Path:
        return self.folder / "models"
