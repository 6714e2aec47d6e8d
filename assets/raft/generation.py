"""From chunks to questions: the teacher proposes questions per chunk, then answers each from the same chunk.

Answers start as soon as their chunk's questions are there; the gateway bounds how many calls are in flight. A defect
that can be mended is named to the teacher once. What is still defective is a row with its gate and reason.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.raft.drafts import OTHER_KIND, Answer, Question, problem_of, read_answer, read_questions
from resources.hashing import seeded_unit, short_id, well_formed
from resources.llm.gates import REPAIRABLE, Defect, question_defects
from resources.llm.models import ChatModel
from resources.llm.prompts import (
    ANSWERS_VERSION,
    QUESTIONS_SCHEMA,
    QUESTIONS_VERSION,
    answer_messages,
    question_messages,
    repair_messages,
)
from resources.llm.raft_text import language_of
from resources.llm.request import Completion, Message, Request
from resources.llm.resource import ModelsResource
from resources.llm.together import all_of

Row = dict[str, Any]
CHUNKS_AT_ONCE = 1024
"""Chunks whose questions or answers are awaited at once: more calls than any quota lets through."""

NO_QUESTION = Question("", OTHER_KIND)


@dataclass(frozen=True)
class Taught:
    """What a teacher made of chunks: rows of `qa_pairs`, and how many second tries were asked for and helped."""

    rows: list[Row] = field(default_factory=list)
    repairs: int = 0
    repaired: int = 0


@dataclass(frozen=True)
class Passage:
    """A chunk under its document's title."""

    chunk: Mapping[str, Any]
    title: str

    @property
    def place(self) -> tuple[str, Sequence[str], str]:
        return self.title, self.chunk["heading_path"], self.chunk["text"]


def taught_by(models: ModelsResource) -> dict[str, str]:
    """What the questions depend on besides their inputs: the teacher, and what it is told."""
    return {**models.dependencies("teacher"), "prompts": f"{QUESTIONS_VERSION} {ANSWERS_VERSION}"}


def sample_chunks(chunks: Sequence[Mapping[str, Any]], rate: float) -> list[Mapping[str, Any]]:
    """The chunks the teacher sees: each is in or out by its own id, so that new chunks move no old one."""
    return [chunk for chunk in chunks if seeded_unit("teacher", chunk["chunk_id"]) < rate]


def ask_teacher(
    teacher: ChatModel, chunks: Sequence[Mapping[str, Any]], titles: Mapping[str, str], per_chunk: int
) -> Taught:
    """The rows of `qa_pairs` for these chunks. `titles` are those of their documents."""
    lesson = _Lesson(teacher, per_chunk)
    passages = [Passage(chunk, titles[chunk["document_id"]]) for chunk in chunks]

    # A batch wants every call at once; otherwise a chunk is finished before many others are begun.
    room = asyncio.Semaphore(max(1, len(passages)) if teacher.lane.batch else CHUNKS_AT_ONCE)

    async def taught(passage: Passage) -> list[Row]:
        async with room:
            return await lesson.teach(passage)

    async def work() -> list[list[Row]]:
        return await all_of(taught(passage) for passage in passages)

    rows = (row for of_chunk in teacher.run(work) for row in of_chunk)
    return Taught(list({row["question_id"]: row for row in rows}.values()), lesson.repairs, lesson.repaired)


@dataclass(frozen=True)
class Call:
    """One of the two steps for a passage, as it is before redaction: what is said, and how the answer is to look."""

    passage: Passage
    messages: tuple[Message, ...]
    prompt_version: str
    schema: str | None = None

    def request(self, teacher: ChatModel) -> Request:
        return self._of(teacher, self.messages, 0)

    def repair(self, teacher: ChatModel, reply: str, defect: Defect) -> Request:
        """The second try, with the problem named."""
        messages = repair_messages(self.messages, reply, problem_of(defect), defect.detail)
        return self._of(teacher, messages, 1)

    def _of(self, teacher: ChatModel, messages: tuple[Message, ...], attempt: int) -> Request:
        sources = [self.passage.chunk["version"]]
        return teacher.request(messages, self.prompt_version, self.schema, sources, attempt)


def question_call(passage: Passage, per_chunk: int) -> Call:
    """The call that asks for a passage's questions."""
    return Call(passage, question_messages(*passage.place, per_chunk), QUESTIONS_VERSION, QUESTIONS_SCHEMA)


def answer_call(passage: Passage, question: str) -> Call:
    """The call that asks for the answer to one question."""
    return Call(passage, answer_messages(*passage.place, question), ANSWERS_VERSION)


class _Lesson:
    """A teacher at work on many chunks at once."""

    def __init__(self, teacher: ChatModel, per_chunk: int):
        self._teacher = teacher
        self._per_chunk = per_chunk
        self.repairs = 0
        self.repaired = 0

    async def teach(self, passage: Passage) -> list[Row]:
        """The rows of one chunk."""
        call = question_call(passage, self._per_chunk)
        completion = await self._teacher.ask(call.request(self._teacher))
        read = read_questions(completion, self._per_chunk)
        if isinstance(read, Defect) and (again := await self._repair(call, completion, read)):
            read = read_questions(again, self._per_chunk)
            self.repaired += not isinstance(read, Defect)
        if isinstance(read, Defect):
            return [_row(passage, NO_QUESTION, Answer("", well_formed(completion.text[:200]), (), read))]
        earlier: list[str] = []
        waiting = []
        for question in read:
            title, heading_path, _ = passage.place
            defect = next(question_defects(question.text, title, heading_path, earlier), None)
            earlier.append(question.text)
            waiting.append(self._answered(passage, question, defect))
        return await all_of(waiting)

    async def _answered(self, passage: Passage, question: Question, defect: Defect | None) -> Row:
        """The row of one question; a question that a gate refused is not paid for any further."""
        if defect:
            return _row(passage, question, Answer("", "", (), defect))
        call = answer_call(passage, question.text)
        completion = await self._teacher.ask(call.request(self._teacher))
        answer = read_answer(completion, question.text, passage.chunk["text"])
        if answer.defect and (again := await self._repair(call, completion, answer.defect)):
            answer = read_answer(again, question.text, passage.chunk["text"])
            self.repaired += answer.defect is None
        return _row(passage, question, answer)

    async def _repair(self, call: Call, completion: Completion, defect: Defect) -> Completion | None:
        """The answer to the second try; None if there is nothing to mend or no answer came."""
        if defect.gate not in REPAIRABLE:
            return None
        self.repairs += 1
        again = await self._teacher.ask(call.repair(self._teacher, completion.text, defect))
        return None if again.failure else again


def _row(passage: Passage, question: Question, answer: Answer) -> Row:
    chunk, defect = passage.chunk, answer.defect
    return {
        "question_id": short_id("generated", chunk["chunk_id"], question.text, answer.final),
        "chunk_id": chunk["chunk_id"],
        "document_id": chunk["document_id"],
        "version": chunk["version"],
        "page": chunk["page_start"],
        "language": language_of(question.text),
        "question": question.text,
        "answer": answer.text,
        "quotes": [{"text": quote.text, "start": quote.start, "end": quote.end} for quote in answer.quotes],
        "final_answer": answer.final,
        "kind": question.kind,
        "origin": "generated",
        "accepted": defect is None,
        "gate": defect.gate if defect else None,
        "reason": defect.detail or None if defect else None,
    }
