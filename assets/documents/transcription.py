"""Pages read by a vision model: shown as pictures, checked against their text layer, else left to the layout reader."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from assets.documents.links import moved
from assets.documents.page_choice import text_shown, views, wanted, witnesses_of
from assets.documents.pages import TRANSCRIBER
from assets.documents.parsing import Box, Page
from assets.documents.rendering import View, page_pictures
from assets.documents.transcripts import EMPTY, TRUNCATED, end_of, joined_halves, plain_words, read_transcript
from assets.documents.witness import additions, recalls
from resources.code_version import code_version
from resources.errors import UnreadableDocument
from resources.hashing import short_id
from resources.llm.models import ChatModel
from resources.llm.raft_text import language_of
from resources.llm.resource import ModelsResource
from resources.llm.transcription_prompts import (
    LOWER,
    TRANSCRIPTION_PROMPT_VERSION,
    UPPER,
    WHOLE,
    transcription_messages,
)
from resources.options import TranscriptionOptions

VISION = "vision"
MOST_ADDED = 0.2
"""Share of a transcription's words that may be missing from the text layer: words printed inside pictures are."""

BLANK = "nothing is printed on it"
MOST_AT_ONCE = 512
"""Pages whose pictures are held at once where calls are collected for a batch."""


@dataclass(frozen=True)
class Source:
    """A document whose pages were parsed: its name, version and bytes, which are read when a page is rendered."""

    name: str
    version: str
    pages: tuple[Page, ...]
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Verdict:
    """What became of a page that was looked at. `problem` says why the layout reader's page stayed, empty if it did not."""

    name: str
    before: Page
    page: Page
    problem: str = ""


@dataclass(frozen=True)
class Transcribed:
    """The pages of every source, transcribed where that worked, and the verdicts on those that were looked at."""

    pages: list[tuple[Page, ...]]
    verdicts: list[Verdict]

    @property
    def outcome(self) -> Mapping[str, int]:
        accepted = sum(not verdict.problem for verdict in self.verdicts)
        return {"chosen": len(self.verdicts), "accepted": accepted, "fell back": len(self.verdicts) - accepted}

    @property
    def recalls(self) -> list[dict[str, str]]:
        """A row per page for people: the layout reader's recalls and what was recorded in the end."""
        return [
            {
                "document": verdict.name,
                "page": str(verdict.before.index + 1),
                "words and numbers before": f"{verdict.before.word_recall:.3f}, {verdict.before.number_recall:.3f}",
                "in the end": f"{verdict.page.word_recall:.3f}, {verdict.page.number_recall:.3f}",
                "outcome": verdict.problem or "accepted",
            }
            for verdict in self.verdicts
        ]

    @property
    def problems(self) -> Counter[str]:
        return Counter(verdict.problem for verdict in self.verdicts if verdict.problem)


def transcribed_by(models: ModelsResource, options: TranscriptionOptions) -> dict[str, str]:
    """The part of the pages' fingerprint that says who reads pages besides the layout reader; nothing if nobody does."""
    if not models.plays("transcriber"):
        return {}
    code = code_version(*(f"assets.documents.{name}" for name in ("page_choice", "rendering", "transcripts")), __name__)
    asked = models.dependencies("transcriber")
    made_with = short_id(code, TRANSCRIPTION_PROMPT_VERSION, options.model_dump(), asked)
    return {TRANSCRIBER: f"{models.identity('transcriber')} {made_with}"}


def transcribe(model: ChatModel, sources: Sequence[Source], options: TranscriptionOptions) -> Transcribed:
    """The pages of the sources, with those that the options want read by the model wherever its reading is believed."""
    chosen = [(source, page) for source in sources for page in source.pages if wanted(page, options)]
    reader = _Reader(model, options)
    verdicts = model.run(lambda: reader.read_all(chosen)) if chosen else []
    pages = []
    remaining = iter(verdicts)
    for source in sources:
        pages.append(tuple(next(remaining).page if wanted(page, options) else page for page in source.pages))
    return Transcribed(pages, verdicts)


@dataclass(frozen=True)
class _Reading:
    """A transcription, or why there is none; `final` if no other picture could mend that."""

    text: str
    problem: str = ""
    final: bool = False


class _Reader:
    """Reads pages concurrently: a few are rendered at a time, the gateway bounds the calls."""

    def __init__(self, model: ChatModel, options: TranscriptionOptions):
        self._model = model
        self._options = options
        self._rendering = asyncio.Semaphore(os.cpu_count() or 1)
        at_once = MOST_AT_ONCE if model.lane.batch else 2 * model.lane.limits.concurrency
        self._open = asyncio.Semaphore(at_once)  # pages whose pictures are held

    async def read_all(self, chosen: Sequence[tuple[Source, Page]]) -> list[Verdict]:
        ended = await asyncio.gather(*(self._one(*pair) for pair in chosen), return_exceptions=True)
        verdicts = []
        for one in ended:
            if isinstance(one, BaseException):
                raise one
            verdicts.append(one)
        return verdicts

    async def _one(self, source: Source, page: Page) -> Verdict:
        async with self._open:
            try:
                text, words, numbers, problem = await self._believed(source, page)
            except UnreadableDocument as error:
                text, words, numbers, problem = "", 0.0, 0.0, f"it could not be rendered: {error.reason}"
        if problem:
            note = "" if problem in (EMPTY, BLANK) else f"not transcribed: {problem}"
            return Verdict(source.name, page, replace(page, note=note), problem)
        boxes = (Box(0, len(text), 0.0, 0.0, page.width, page.height),)
        read = replace(page, markdown=text, method=VISION, boxes=boxes, word_recall=words, number_recall=numbers)
        return Verdict(source.name, page, replace(read, links=moved(page.links, page.markdown, text)))

    async def _believed(self, source: Source, page: Page) -> tuple[str, float, float, str]:
        """The first transcription that a witness confirms, its recalls, or the last problem.

        The witness is the page's text layer. A page without one is read from several pictures, and two readings must
        agree.
        """
        witnesses = witnesses_of(page)
        is_scan = not witnesses
        problem = ""
        for view in views(page, self._options):
            reading = await self._read(source, page, view)
            problem = reading.problem
            if reading.final or (is_scan and problem == EMPTY):
                break
            if problem:
                continue
            for witness in witnesses:
                words, numbers, problem = agreement(reading.text, witness, self._options.min_word_recall)
                if not problem:
                    return reading.text, words, numbers, ""
            if is_scan:
                witnesses.append(plain_words(reading.text))
                problem = "no two readings of the scan agree"
        return "", 0.0, 0.0, problem

    async def _read(self, source: Source, page: Page, view: View) -> _Reading:
        async with self._rendering:
            data = await asyncio.to_thread(source.read)
            pictures = await asyncio.to_thread(page_pictures, data, source.name, page.index, view)
        if not pictures:
            return _Reading("", BLANK, final=True)
        if not view.halves:
            return await self._ask(source, page, pictures[0], WHOLE)
        upper = await self._half(source, page, pictures[0], UPPER)
        lower = upper if upper.problem else await self._half(source, page, pictures[1], LOWER, end_of(upper.text))
        if lower.problem:
            return lower
        text = joined_halves(upper.text, lower.text)
        return _Reading(text, "" if text else EMPTY)

    async def _half(self, source: Source, page: Page, png: bytes, part: str, above: str = "") -> _Reading:
        """A half may be empty. One that was cut off cannot be made shorter by another picture."""
        reading = await self._ask(source, page, png, part, above)
        if reading.problem == EMPTY:
            return _Reading("")
        return replace(reading, final=reading.final or reading.problem == TRUNCATED)

    async def _ask(self, source: Source, page: Page, png: bytes, part: str, above: str = "") -> _Reading:
        language = language_of(page.markdown)
        messages = transcription_messages(png, part, language, above)
        request = self._model.request(
            messages, TRANSCRIPTION_PROMPT_VERSION, sources=[source.version], witness_text=text_shown(page)
        )
        completion = await self._model.ask(request)
        text, problem = read_transcript(completion)
        refused = bool(completion.failure) or completion.finish_reason == "content_filter"
        return _Reading(text, problem, final=refused)


def agreement(markdown: str, witness: str, min_word_recall: float) -> tuple[float, float, str]:
    """Word and number recall of a transcription against a text, and why it is not believed; empty if it is."""
    words, numbers = recalls(markdown, witness)
    added, invented = additions(markdown, witness)
    if numbers < 1:
        return words, numbers, "numbers of the page are missing"
    if invented:
        return words, numbers, "it has numbers that the page does not"
    if words < min_word_recall:
        return words, numbers, f"less than {min_word_recall:.0%} of the page's words are there"
    if added > MOST_ADDED:
        return words, numbers, f"more than {MOST_ADDED:.0%} of its words are not on the page"
    return words, numbers, ""
