"""A teacher at work: two steps, no barrier between chunks, one repair, and a row with a reason for what stays broken."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.raft.generation import Taught, ask_teacher, sample_chunks, taught_by
from resources.lake.lake import Lake
from resources.lake.tables import QA_PAIRS
from resources.llm.frames import ChunkPrompt, parse_chunk
from resources.llm.gateway import Gateway, Lane, ModelCallFailed
from resources.llm.ledger import Ledger
from resources.llm.models import ChatModel
from resources.llm.prompts import ANSWERS_VERSION, QUESTIONS_VERSION
from resources.llm.provider import Misconfigured, Refused
from resources.llm.raft_text import REFUSAL, quoted, render_answer
from resources.llm.request import Completion, ModelIdentity, Request
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role

TEXT = "The fee for a cash withdrawal from a {name} account is $5.00 per item."
ASKED = "What is the fee for a cash withdrawal from a {name} account?"


def chunk(name: str = "Harbour", page: int = 4) -> dict[str, Any]:
    return {
        "chunk_id": f"c-{name}", "document_id": "d1", "version": "v1", "page_start": page,
        "text": TEXT.format(name=name), "heading_path": ["Fees"],
    }  # fmt: skip


def questions(*texts: str) -> str:
    return json.dumps({"questions": [{"question": text, "kind": "amount"} for text in texts]})


def good(prompt: ChunkPrompt) -> str:
    """What a perfect teacher says."""
    name = prompt.text.split("from a ")[1].split(" account")[0]
    if not prompt.question:
        return questions(ASKED.format(name=name))
    return render_answer(f"The guide says {quoted(prompt.text)}", "$5.00")


@dataclass
class ScriptedService:
    """A chat service that says what `script` makes of the chunk's prompt and the number of the try."""

    script: Callable[[ChunkPrompt, int], str | Completion]
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    identity: ModelIdentity = field(default_factory=lambda: ModelIdentity("test", "local", "scripted"))

    async def complete(self, request: Request) -> Completion:
        prompt = parse_chunk(request.messages[1].content)
        self.told.append(request.user_text)
        self.asked.append((prompt.text, prompt.question, request.attempt))
        said = self.script(prompt, request.attempt)
        return Completion(said, "stop", 1, 1) if isinstance(said, str) else said

    async def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


@pytest.fixture
def teach(ledger: Ledger) -> Callable[..., tuple[Taught, ScriptedService]]:
    """Teaches from chunks with a scripted service: `teach(script, chunk(), ...)`."""

    def taught(script: Callable[[ChunkPrompt, int], Any], *chunks: dict[str, Any], count: int = 5):
        service = ScriptedService(script)
        model = ChatModel(Lane("teacher", service), Gateway(ledger))
        return ask_teacher(model, chunks or [chunk()], {"d1": "Guide"}, count), service

    return taught


def test_a_good_answer_is_an_accepted_question_with_the_place_of_its_quote(teach) -> None:
    taught, service = teach(lambda prompt, attempt: good(prompt))
    [row] = taught.rows
    assert (row["accepted"], row["gate"], row["reason"], row["page"], row["origin"]) == (
        True,
        None,
        None,
        4,
        "generated",
    )
    assert (row["final_answer"], row["kind"], row["language"]) == ("$5.00", "amount", "en")
    text = TEXT.format(name="Harbour")
    assert row["quotes"] == [{"text": text, "start": 0, "end": len(text)}]
    assert len(service.asked) == 2
    assert (taught.repairs, taught.repaired) == (0, 0)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("The fee is $5.00.", "exactly once"),
        (render_answer("It says so.", "$5.00"), "holds no quote"),
        (render_answer(quoted("The fee is $5.00"), "$5.00"), "not in the passage word for word: The fee is $5.00"),
        (render_answer(quoted("$5.00 per item"), "five " * 60), "at most 200 characters"),
        (Completion("The guide says ##begin", "length", 1, 1), "cut off"),
        (Completion("", "stop", 1, 1), "empty"),
    ],
)
def test_a_defect_of_an_answer_is_named_to_the_teacher_once_and_mended(teach, bad, problem) -> None:
    def script(prompt: ChunkPrompt, attempt: int) -> Any:
        return bad if prompt.question and not attempt else good(prompt)

    taught, service = teach(script)
    assert [row["accepted"] for row in taught.rows] == [True]
    assert [attempt for _, _, attempt in service.asked] == [0, 0, 1]
    assert (taught.repairs, taught.repaired) == (1, 1)
    assert problem in service.told[-1]


@pytest.mark.parametrize("bad", ["no json", "", Completion('{"questions": [', "length", 1, 1)])
def test_questions_that_cannot_be_read_are_asked_for_once_more(teach, bad) -> None:
    taught, _ = teach(lambda prompt, attempt: good(prompt) if prompt.question or attempt else bad)
    assert [row["accepted"] for row in taught.rows] == [True]
    assert (taught.repairs, taught.repaired) == (1, 1)


def test_what_is_still_broken_after_one_repair_is_kept_with_its_gate_and_reason(teach) -> None:
    wrong = render_answer(quoted("The fee is $7.00"), "$7.00")
    taught, service = teach(lambda prompt, attempt: wrong if prompt.question else good(prompt))
    [row] = taught.rows
    assert (row["accepted"], row["gate"], row["reason"]) == (False, "quote_not_verbatim", "The fee is $7.00")
    assert (row["question"], row["answer"], row["quotes"]) == (ASKED.format(name="Harbour"), wrong, [])
    assert len(service.asked) == 3


def test_a_chunk_whose_questions_stay_unreadable_is_one_refused_row(teach) -> None:
    taught, _ = teach(lambda prompt, attempt: "no json")
    [row] = taught.rows
    assert (row["gate"], row["question"], row["final_answer"]) == ("malformed", "", "no json")
    assert row["reason"].startswith("JSONDecodeError")


def test_a_refusal_drops_the_question_without_a_second_try(teach) -> None:
    taught, service = teach(lambda prompt, attempt: REFUSAL["en"] if prompt.question else good(prompt))
    assert [row["gate"] for row in taught.rows] == ["refusal"]
    assert len(service.asked) == 2


def test_a_question_that_a_gate_refuses_is_not_paid_for_any_further(teach) -> None:
    asked = questions("How much does it cost?", ASKED.format(name="Harbour"), f"2. {ASKED.format(name='Harbour')}")
    taught, service = teach(lambda prompt, attempt: good(prompt) if prompt.question else asked)
    assert [row["gate"] for row in taught.rows] == ["not_self_contained", None, "duplicate"]
    assert len(service.asked) == 2


def test_no_questions_are_no_rows(teach) -> None:
    assert teach(lambda prompt, attempt: questions())[0].rows == []


def test_a_call_that_can_never_work_is_one_row_and_the_others_go_on(teach) -> None:
    def script(prompt: ChunkPrompt, attempt: int) -> str:
        if "Harbour" in prompt.text:
            raise Refused("the content filter refused this prompt")
        return good(prompt)

    taught, _ = teach(script, chunk("Harbour"), chunk("River"))
    assert [(row["gate"], row["reason"]) for row in taught.rows] == [
        ("call_failed", "the content filter refused this prompt"),
        (None, None),
    ]


def test_answers_of_a_chunk_do_not_wait_for_the_questions_of_another(ledger) -> None:
    answered = asyncio.Event()

    class Waiting(ScriptedService):
        async def complete(self, request: Request) -> Completion:
            prompt = parse_chunk(request.user_text)
            if "River" in prompt.text and not prompt.question:
                await asyncio.wait_for(answered.wait(), 10)
            elif prompt.question:
                answered.set()
            return await super().complete(request)

    service = Waiting(lambda prompt, attempt: good(prompt))
    model = ChatModel(Lane("teacher", service), Gateway(ledger))
    taught = ask_teacher(model, [chunk("River"), chunk("Harbour")], {"d1": "Guide"}, 5)
    assert [row["chunk_id"] for row in taught.rows] == ["c-River", "c-Harbour"]
    assert all(row["accepted"] for row in taught.rows)


def test_a_teacher_that_cannot_be_used_fails_the_stage_and_a_rerun_pays_only_what_is_missing(teach) -> None:
    def broken(prompt: ChunkPrompt, attempt: int) -> str:
        if prompt.question and "River" in prompt.text:
            raise Misconfigured("the deployment is gone")
        return good(prompt)

    chunks = [chunk(name) for name in ("Harbour", "River", "Lake")]
    with pytest.raises(ModelCallFailed, match="the deployment is gone"):
        teach(broken, *chunks)
    taught, service = teach(lambda prompt, attempt: good(prompt), *chunks)
    assert [row["accepted"] for row in taught.rows] == [True] * 3
    assert "River" in service.asked[-1][0]
    assert len(service.asked) < 6


VALUES = st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers() | st.text(max_size=4), max_size=3)
DRAFTS = st.lists(st.dictionaries(st.sampled_from(["question", "kind"]), VALUES), max_size=3)


@settings(deadline=None, max_examples=40)
@given(drafts=DRAFTS, answer=st.text(max_size=40))
def test_whatever_a_teacher_sends_becomes_rows_that_the_lake_takes(tmp_path_factory, drafts, answer) -> None:
    sent = json.dumps({"questions": drafts})
    folder = tmp_path_factory.mktemp("taught")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    service = ScriptedService(lambda prompt, attempt: answer if prompt.question else sent)
    rows = ask_teacher(ChatModel(Lane("teacher", service), Gateway(ledger)), [chunk()], {"d1": "Guide"}, 5).rows
    ledger.close()
    Lake(folder / "lake").write(QA_PAIRS, rows)
    assert not any(row["accepted"] for row in rows)


@given(st.lists(st.text(max_size=5), unique=True, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_chunk_is_sampled_by_its_own_id_and_a_higher_rate_only_adds(names, low, high) -> None:
    low, high = sorted((low, high))
    chunks = [{"chunk_id": name} for name in names]
    few, many = sample_chunks(chunks, low), sample_chunks(chunks, high)
    assert [chunk for chunk in many if chunk in few] == few
    assert sample_chunks(chunks[::2], low) == [chunk for chunk in chunks[::2] if chunk in few]
    assert sample_chunks(chunks, 1.0) == chunks
    assert sample_chunks(chunks, 0.0) == []


def test_more_chunks_than_are_taught_at_once_all_get_their_rows(teach, monkeypatch) -> None:
    monkeypatch.setattr("assets.raft.generation.CHUNKS_AT_ONCE", 2)
    chunks = [chunk(f"Plan{number}") for number in range(7)]
    taught, _ = teach(lambda prompt, attempt: good(prompt), *chunks)
    assert [row["chunk_id"] for row in taught.rows] == [one["chunk_id"] for one in chunks]


def test_what_the_questions_depend_on_names_the_teacher_and_both_prompts() -> None:
    role = Role(provider="openai_compatible", model="gpt-4o", endpoint="http://localhost:8000/v1")
    named = taught_by(ModelsResource(ledger_url="sqlite://", roles={"teacher": role}))
    assert named["model"] == "openai_compatible/gpt-4o at localhost:8000"
    assert QUESTIONS_VERSION in named["prompts"]
    assert ANSWERS_VERSION in named["prompts"]
