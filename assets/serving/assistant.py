"""The champion as an assistant that stays: answers conversations over the current index, whoever is champion just now."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from assets.evaluation.asking import Citation, Unanswered, reply, retrieve
from assets.evaluation.incumbent import Incumbent, in_service, incumbent_of
from assets.raft.recipe_files import valid_recipes
from assets.training.students import standing
from resources.errors import RaftlineError
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.resource import LakeResource
from resources.lake.tables import CHAMPION_MODEL, CORPUS, EVAL_REPORT, LEARNED_DOCUMENTS, RAFT_DATASET, SEARCH_INDEX
from resources.llm.lanes import ModelCallFailed
from resources.llm.models import ChatModel, Models
from resources.llm.raft_text import parse_prompt
from resources.llm.request import Completion, Message
from resources.llm.resource import ModelsResource
from resources.search.index import SearchIndex
from resources.search.resource import IndexResource
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serving import ChatTarget

ALIAS = "champion"
"""The name under which clients ask for the champion, whoever that is."""

FRAME = "<DOCUMENT>"
_PASSED_THROUGH = "as the client wrote it"

Row = Mapping[str, Any]
Key = list[Any]
"""Versions of the tables behind something that is held."""


@dataclass(frozen=True)
class Answer:
    """What the champion said. `retrieved` counts the documents it was shown by us: 0 where the client brought its own.

    `newer` names the cited documents that are newer than the champion.
    """

    text: str
    champion: str
    model: str
    completion: Completion
    retrieved: int = 0
    abstained: bool | None = None
    citations: tuple[Citation, ...] = ()
    newer: tuple[str, ...] = ()


class Assistant:
    """Answers for the champion of a home. What it holds is renewed when the tables behind it change; safe for threads."""

    def __init__(
        self,
        lake: LakeResource,
        index: IndexResource,
        folders: FoldersResource,
        models: ModelsResource,
        trainers: TrainersResource,
        documents: int,
    ):
        self._lake: Lake = lake.open()
        self._index, self._folders, self._models, self._trainers = index, folders, models, trainers
        self._documents = documents
        self._lock = threading.Lock()
        self._held: dict[str, tuple[Key, Any]] = {}

    def names(self) -> tuple[str, str]:
        """The alias, and the name of the student behind it."""
        return ALIAS, self._incumbent()[1].participant.student.name

    def answer(self, messages: Sequence[Message]) -> Answer:
        """The answer to a conversation: its last user message counts, with our documents if it brings none.

        Raises `Unanswered` if the champion gave no whole answer, `RaftlineError` if it cannot be asked.
        """
        asked = next((message.content for message in reversed(messages) if message.role == "user"), "")
        key, incumbent = self._incumbent()
        with self._models.open() as models:
            target = self._target(key, incumbent)
            student = models.target(target.provider, incumbent.participant.parameters, target.price)
            try:
                if FRAME in asked:
                    return self._passed_through(messages, asked, student, incumbent)
                return self._over_the_index(asked, student, incumbent, models)
            except ModelCallFailed:
                self._forget("target")  # its endpoint may be gone: the next call looks where it is
                raise

    def _over_the_index(self, question: str, student: ChatModel, incumbent: Incumbent, models: Models) -> Answer:
        found = retrieve(question, self._chunks(), self._search_index(), models, self._documents)
        said = reply(question, found, student, incumbent)
        name = incumbent.participant.student.name
        shown = len(found), said.abstained, said.quotes, said.newer
        return Answer(said.answer, said.model, name, said.completion, *shown)

    def _passed_through(
        self, messages: Sequence[Message], asked: str, student: ChatModel, incumbent: Incumbent
    ) -> Answer:
        request = student.request(messages, _PASSED_THROUGH, sources=self._sources(asked))
        [completion] = student.complete([request])
        if not completion.usable:
            raise Unanswered(completion)
        return Answer(completion.text, incumbent.label, incumbent.participant.student.name, completion)

    def _sources(self, prompt: str) -> list[str]:
        """The versions of our documents that a client's prompt quotes, so that erasing them finds the recorded call."""
        shown, _ = parse_prompt(prompt)
        chunks = self._chunks().values()
        return sorted({chunk["version"] for chunk in chunks if any(chunk["text"] in text for text in shown)})

    def _incumbent(self) -> tuple[Key, Incumbent]:
        """Who answers, and what that was read from: where a hosted champion is not up yet, the one before it."""
        key: Key = [self._lake.version(table) for table in (CHAMPION_MODEL, EVAL_REPORT)]
        for table in (RAFT_DATASET, LEARNED_DOCUMENTS):
            key += [self._lake.version(table, partition) for partition in self._lake.partitions(table)]
        recipes = valid_recipes(self._folders.recipes_path)
        champion = self._kept("champion", key, lambda: incumbent_of(self._lake, self._trainers, recipes))
        if self._trainers.get(champion.participant.student.backend).runs_here:
            return key, champion
        with closing(EndpointBook(self._trainers.ledger())) as book:
            serving = book.serving()
        key = [*key, serving]
        return key, self._kept("in service", key, lambda: in_service(champion, serving, self._lake, self._trainers))

    def _target(self, key: Key, incumbent: Incumbent) -> ChatTarget:
        """The student as it can be asked, in this process or behind its endpoint. Deploys nothing."""
        student, data = incumbent.participant.student, incumbent.participant.data
        return self._kept("target", key, lambda: standing(student, self._trainers, data))

    def _chunks(self) -> Mapping[str, Row]:
        """The current chunks by id."""
        key = [self._lake.version(CORPUS)]
        if None in key:
            raise RaftlineError("there is nothing to ask yet: run `raftline add PATH` and `raftline refresh`")
        return self._kept("chunks", key, lambda: {row["chunk_id"]: row for row in self._lake.rows(CORPUS)})

    def _search_index(self) -> SearchIndex:
        return self._kept("index", [self._lake.version(SEARCH_INDEX)], self._index.load)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._held.pop(name, None)

    def _kept(self, name: str, key: Key, load: Callable[[], Any]) -> Any:
        """What was loaded under this key, or is now. One thread loads, others wait for it."""
        with self._lock:
            known = self._held.get(name)
            if known is None or known[0] != key:
                known = self._held[name] = (key, load())
            return known[1]
