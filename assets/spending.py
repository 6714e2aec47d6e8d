"""What the stages that call models would send: exact requests where those are known, expected numbers where they depend
on answers that are not there yet. Calls nobody: the estimate and the approval of a stage rest on it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from assets.chunks.contexts import plan_contexts
from assets.documents.page_choice import views, wanted
from assets.documents.parsing import Page
from assets.evaluation.judging import judged_items, most_calls
from assets.raft.drafts import read_questions
from assets.raft.generation import Passage, answer_call, question_call
from resources.llm.context_prompts import CONTEXT_PROMPT_VERSION
from resources.llm.embedding import requests_of
from resources.llm.estimate import Load, StageEstimate, batched, picture_tokens, request_tokens, stage_estimate
from resources.llm.gates import Defect, question_defects
from resources.llm.history import Habit, Habits, habits
from resources.llm.models import ChatModel, Embedder
from resources.llm.probe import NAME as PROBE
from resources.llm.prompts import ANSWERS_VERSION, QUESTIONS_VERSION
from resources.llm.raft_text import language_of
from resources.llm.request import Message, Request
from resources.llm.transcription_prompts import TRANSCRIPTION_PROMPT_VERSION, WHOLE, transcription_messages
from resources.options import ContextualizationOptions, JudgeOptions, TranscriptionOptions
from resources.tokens import count_tokens

CONTEXT_TOKENS = 40
QUESTION_TOKENS = 26
ANSWER_TOKENS = 90
JUDGEMENT_TOKENS = 150
"""Lengths of a context line, a question in its JSON, a worked answer and a judgement, until the ledger knows better."""

JUDGE_FRAME_TOKENS = 900
"""What a judge is sent besides a document: instruction, examples, question and answer."""

TOKENS_PER_QUESTION = 20
"""A chunk of so many tokens gives rise to one question, up to the number asked for."""

PASSING = 0.85
"""Share of the questions that pass the gates before an answer is paid for."""

SAMPLE_QUESTION = "What is the monthly maintenance fee of the account, and under which condition is it waived?"
"""Stands for a question that is not asked yet."""

_WINDOW = 500

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answers:
    """How many tokens and seconds answers take, and what that rests on."""

    tokens: float
    seconds: float | None
    basis: str


def contexts_estimate(
    model: ChatModel, chunks: Sequence[Row], titles: Mapping[str, str], options: ContextualizationOptions
) -> StageEstimate:
    """The contextualizer's calls for rows of `chunks`, given in reading order."""
    answers = _answers(_habits(model), CONTEXT_PROMPT_VERSION, CONTEXT_TOKENS)
    plan = plan_contexts(model, chunks, titles, options)
    requests = (passage.request(model) for passage in plan.passages)
    return _estimate("contexts", model, exact_load(model, requests, answers.tokens), answers)


def transcription_estimate(model: ChatModel, pages: Iterable[Page], options: TranscriptionOptions) -> StageEstimate:
    """The transcriber's calls for pages that were just parsed, each shown once as it is shown first."""
    answers = _answers(_habits(model), TRANSCRIPTION_PROMPT_VERSION, 0.0)
    load = Load()
    for page in (page for page in pages if wanted(page, options)):
        view = views(page, options)[0]
        scale = view.longest_side * view.enlargement / max(page.width, page.height, 1.0)
        text = count_tokens(page.markdown)
        for top, bottom in view.parts:
            [system, user] = transcription_messages(b"", WHOLE, language_of(page.markdown))
            frame = model.request([system, Message("user", user.content)], TRANSCRIPTION_PROMPT_VERSION)
            picture = picture_tokens(
                round(page.width * scale), round(page.height * scale * (bottom - top)), model.identity.model
            )
            length = answers.tokens or text / len(view.parts)
            load += Load(1, 0, request_tokens(frame) + picture, round(length))
    return _estimate("pages", model, load, answers)


def embedding_estimate(embedder: Embedder, texts: Iterable[str]) -> StageEstimate:
    """The embedder's texts, without those that the ledger knows."""
    lane = embedder.lane
    load = Load()
    waiting = iter(texts)
    while window := list(islice(waiting, _WINDOW)):
        sent = embedder.door.screen_texts(lane.provider.identity, window, ())
        requests = requests_of(lane, sent, ())
        recorded = embedder.gateway.ledger.find(requests)
        missing = {request.key: request for request in requests if request.key not in recorded}
        prompt = sum(count_tokens(request.user_text) for request in missing.values())
        load += Load(len(missing), len(requests) - len(missing), prompt, 0)
    return stage_estimate("embedder: chunks", embedder.model, load, lane.price, lane.limits, 0.01, "")


def judging_estimate(judge: ChatModel, items: Sequence[Row], options: JudgeOptions, arms: int) -> StageEstimate:
    """The most calls that the judge can need for the items of a snapshot, of so many arms each.

    Arms that answer alike, and metrics that do not apply to an answer, make it fewer.
    """
    answers = _answers(_habits_together(judge), "", JUDGEMENT_TOKENS)
    load = Load()
    for item in judged_items(items, options):
        documents = [count_tokens(document["text"]) for document in item["documents"]]
        calls = options.repeats * sum(most_calls(item, name, arms) for name in options.metrics)
        prompt = JUDGE_FRAME_TOKENS + sum(documents) / max(1, len(documents))
        load += Load(calls, 0, round(calls * prompt), round(calls * answers.tokens))
    return _estimate("scores", judge, load, replace(answers, basis=f"at most; {answers.basis}"))


def teaching_estimates(
    teacher: ChatModel, chunks: Sequence[Row], titles: Mapping[str, str], per_chunk: int
) -> list[StageEstimate]:
    """The teacher's calls for chunks: their questions, and the answers to those.

    Where a chunk's questions are in the ledger, so are the requests for their answers known.
    """
    known = _habits(teacher)
    asking = _answers(known, QUESTIONS_VERSION, 0.0)
    answering = _answers(known, ANSWERS_VERSION, ANSWER_TOKENS)
    questions, answers = Load(), Load()
    expected_calls = expected_prompt = 0.0
    everything = iter([Passage(chunk, titles[chunk["document_id"]]) for chunk in chunks])
    while window := list(islice(everything, _WINDOW)):
        requests = [question_call(passage, per_chunk).request(teacher) for passage in window]
        recorded = teacher.gateway.ledger.find(requests)
        follow: list[Request] = []
        for passage, request in zip(window, requests, strict=True):
            if request.refusal:
                continue
            if request.key in recorded:
                questions += Load(recorded=1)
                read = read_questions(recorded[request.key], per_chunk)
                texts = [] if isinstance(read, Defect) else _worth_answering(passage, [one.text for one in read])
                follow += [answer_call(passage, text).request(teacher) for text in texts]
                continue
            count = _questions_expected(passage, per_chunk, known)
            length = asking.tokens or 10 + QUESTION_TOKENS * count
            questions += Load(1, 0, request_tokens(request), round(length))
            each = request_tokens(answer_call(passage, SAMPLE_QUESTION).request(teacher))
            expected_calls += count
            expected_prompt += each * count
        answers += exact_load(teacher, follow, answering.tokens)
    answers += Load(round(expected_calls), 0, round(expected_prompt), round(answering.tokens * expected_calls))
    return [
        _estimate("questions", teacher, questions, asking),
        _estimate("answers", teacher, answers, answering),
    ]


def exact_load(model: ChatModel, requests: Iterable[Request], answer_tokens: float) -> Load:
    """Requests that are known word for word, without those that the ledger answers or that may not leave."""
    load = Load()
    waiting = iter(requests)
    while window := list(islice(waiting, _WINDOW)):
        window = list({request.key: request for request in window if not request.refusal}.values())
        recorded = model.gateway.ledger.find(window)
        missing = [request for request in window if request.key not in recorded]
        prompt = sum(map(request_tokens, missing))
        load += Load(len(missing), len(recorded), prompt, round(len(missing) * answer_tokens))
    return load


def _worth_answering(passage: Passage, questions: Sequence[str]) -> list[str]:
    """Questions that no gate refuses: the others are not paid for any further."""
    title, heading_path, _ = passage.place
    earlier: list[str] = []
    good = []
    for question in questions:
        if next(question_defects(question, title, heading_path, earlier), None) is None:
            good.append(question)
        earlier.append(question)
    return good


def _questions_expected(passage: Passage, per_chunk: int, known: Habits) -> float:
    """Answers that one chunk's questions lead to: as in the past, else by the chunk's length."""
    asked, answered = known.get(QUESTIONS_VERSION), known.get(ANSWERS_VERSION)
    if asked and answered:
        return min(per_chunk, answered.calls / asked.calls)
    return PASSING * min(per_chunk, max(1, round(count_tokens(passage.chunk["text"]) / TOKENS_PER_QUESTION)))


def _habits(model: ChatModel) -> Habits:
    return habits(model.gateway.ledger, model.role, model.identity.model)


def _habits_together(model: ChatModel) -> Habits:
    """All prompts of a role as one, without the doctor's."""
    found = [habit for version, habit in _habits(model).items() if version != PROBE]
    calls = sum(habit.calls for habit in found)
    if not calls:
        return {}
    return {"": Habit(calls, 0.0, sum(h.calls * h.completion_tokens for h in found) / calls, None)}


def _answers(known: Habits, version: str, default: float) -> Answers:
    habit = known.get(version)
    if habit is None:
        return Answers(default, None, "answers of assumed length")
    calls = "one call" if habit.calls == 1 else f"{habit.calls} calls"
    return Answers(habit.completion_tokens, habit.seconds, f"answers as in {calls} before")


def _estimate(stage: str, model: ChatModel, load: Load, answers: Answers) -> StageEstimate:
    lane = model.lane.batch.direct if model.lane.batch else model.lane
    reckoned = stage_estimate(
        f"{model.role}: {stage}", model.identity.id, load, lane.price, lane.limits, answers.seconds, answers.basis
    )
    return batched(reckoned, lane.price) if model.lane.batch else reckoned
