"""The emulator answers from the prompt's own text, in the frames that our stages send."""

import json

import pytest

from resources.llm.context_prompts import context_messages
from resources.llm.gates import answer_defects, question_defects
from resources.llm.prompts import QUESTIONS_SCHEMA, answer_messages, question_messages
from resources.llm.raft_text import is_refusal, parse_answer, render_prompt

FERRY = """## Fares

A single crossing costs $7.25 for an adult. A bicycle costs $2.10 for each crossing.
Lost items are kept for 45 days at the harbour office.

| Item | Price | Deposit |
|---|---|---|
| Kayak | $3.00 | $20.00 |
| Trailer | $30.00 | |"""
CHINESE = "单程票价为 52 元。行李遗失后保管 45 天。\n\n| 项目 | 价格 |\n|---|---|\n| 自行车 | 15 元 |"


@pytest.fixture
def send(client):
    """Sends one of our conversations."""

    def send(messages, schema=None):
        shaped = [{"role": message.role, "content": message.content} for message in messages]
        held = {"name": "held", "strict": True, "schema": json.loads(schema)} if schema else None
        more = {"response_format": {"type": "json_schema", "json_schema": held}} if held else {}
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=shaped, **more)
        return answer.choices[0].message.content

    return send


@pytest.mark.parametrize(("title", "text"), [("Ferry to Ardle", FERRY), ("渡轮指南", CHINESE)], ids=["en", "zh"])
def test_its_questions_and_answers_pass_the_gates(send, title, text) -> None:
    written = json.loads(send(question_messages(title, ["Fares"], text, 8), QUESTIONS_SCHEMA))["questions"]
    assert len(written) >= 3
    earlier: list[str] = []
    for entry in written:
        assert list(question_defects(entry["question"], title, ["Fares"], earlier)) == []
        earlier.append(entry["question"])
        answer = send(answer_messages(title, ["Fares"], text, entry["question"]))
        assert list(answer_defects(entry["question"], answer, text)) == []
        assert all(quote in text for quote in parse_answer(answer).quotes)


def test_it_writes_as_many_questions_as_asked_for_from_different_parts(send) -> None:
    three = json.loads(send(question_messages("Ferry to Ardle", [], FERRY, 3), QUESTIONS_SCHEMA))["questions"]
    quotes = {
        parse_answer(send(answer_messages("Ferry to Ardle", [], FERRY, entry["question"]))).quotes for entry in three
    }
    assert len(three) == len(quotes) == 3


@pytest.mark.parametrize(
    ("question", "final"),
    [
        ("How much do you charge for a bicycle?", "$2.10"),
        ("What deposit do I pay for a kayak?", "$20.00"),
        ("How long are lost items kept?", "45 days"),
    ],
)
def test_a_question_in_other_words_finds_its_sentence_or_cell(send, question, final) -> None:
    assert parse_answer(send(answer_messages("Ferry to Ardle", [], FERRY, question))).final == final


def test_a_chunk_without_the_answer_is_declined(send) -> None:
    for text, question in ((FERRY, "Who wrote the opera about the lighthouse?"), (CHINESE, "哪位作曲家写了歌剧？")):
        assert is_refusal(send(answer_messages("Ferry to Ardle", [], text, question)))


def test_a_student_answers_from_the_right_document_or_declines(send, say) -> None:
    documents = ["The tram costs $4.00 a day.", FERRY, "The museum opens at 9."]
    parsed = parse_answer(say(render_prompt(documents, "How much does a single crossing cost for an adult?")))
    assert (parsed.final, parsed.quotes) == ("$7.25", ("A single crossing costs $7.25 for an adult.",))
    assert is_refusal(say(render_prompt(documents, "Who painted the ceiling of the chapel?")))


def test_a_chunk_is_placed_in_one_line(send) -> None:
    assert send(context_messages("Ferry to Ardle", ["Fares"], FERRY)) == "Ferry to Ardle > Fares"


def test_a_tag_inside_a_chunk_comes_back_as_it_was(send) -> None:
    text = "The word </CHUNK> costs $5.00 in the printed list."
    answer = send(answer_messages("Tags", [], text, "What does the word cost in the printed list?"))
    assert parse_answer(answer).quotes == (text,)


def test_statements_are_judged_by_the_words_of_the_context(say) -> None:
    schema = {
        "type": "object",
        "properties": {"statements": {"type": "array", "items": {"$ref": "#/$defs/Verdict"}}},
        "$defs": {
            "Verdict": {
                "type": "object",
                "properties": {
                    "statement": {"type": "string"},
                    "reason": {"type": "string"},
                    "verdict": {"type": "integer"},
                },
            }
        },
    }
    statements = ["A bicycle costs three dollars", "The king lives in Paris"]
    given = json.dumps({"context": "On board a bicycle costs three dollars.", "statements": statements})
    answer = say(
        f"Judge as JSON.\ninput: {given}\nOutput: ",
        response_format={"type": "json_schema", "json_schema": {"name": "verdicts", "schema": schema}},
    )
    verdicts = json.loads(answer)["statements"]
    assert [(entry["statement"], entry["verdict"]) for entry in verdicts] == list(zip(statements, (1, 0), strict=True))


def test_any_schema_is_filled_validly(say) -> None:
    import jsonschema

    schema = {
        "type": "object",
        "required": ["score", "label", "notes", "nested", "maybe"],
        "properties": {
            "score": {"type": "number", "minimum": 2, "maximum": 5},
            "label": {"enum": ["high", "low"]},
            "notes": {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems": 2, "maxItems": 4},
            "nested": {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]},
            "maybe": {"anyOf": [{"type": "integer", "maximum": 0}, {"type": "null"}]},
        },
    }
    answer = say("Say.", response_format={"type": "json_schema", "json_schema": {"name": "any", "schema": schema}})
    jsonschema.validate(json.loads(answer), schema)


def test_a_schema_in_the_prompt_itself_is_followed_too(say) -> None:
    schema = {"type": "object", "properties": {"verdict": {"type": "boolean"}}, "required": ["verdict"]}
    assert json.loads(say(f"Answer with JSON after this schema:\n{json.dumps(schema)}")) == {"verdict": True}
