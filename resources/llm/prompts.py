"""The teacher's prompts: chunks and questions rendered into messages, and the problems named for a second try.

The texts are in `prompt_files/*.md`, one file per step and language. A prompt's version hashes what is sent besides
the chunk, so that an edited prompt is another request and never takes an old prompt's answer.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from resources.hashing import canonical_json, short_id
from resources.llm.frames import CHUNK_FRAME, as_data, render_chunk
from resources.llm.raft_text import REFUSAL, language_of
from resources.llm.request import Message, chat

LANGUAGES = ("en", "zh")

KINDS = (
    "definition", "amount", "date", "duration", "number", "condition", "procedure", "list", "table_cell", "which",
    "yes_no", "tick", "who", "contact", "reason", "definition_term", "other",
)  # fmt: skip

_QUESTIONS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["questions"],
    "properties": {
        "questions": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["question", "kind"],
                "properties": {"question": {"type": "string"}, "kind": {"type": "string", "enum": list(KINDS)}},
            },
        }
    },
}
QUESTIONS_SCHEMA = canonical_json(_QUESTIONS)
"""The JSON schema of the questions' structured output."""

_COUNT = "\n<COUNT>{count}</COUNT>"
_QUESTION = "\n<QUESTION>{question}</QUESTION>"
_PROBLEM = "<PROBLEM>{problem}</PROBLEM>\n{instruction}"


def question_messages(title: str, heading_path: Sequence[str], text: str, count: int) -> tuple[Message, ...]:
    """The conversation that asks for up to `count` questions about a chunk. Shared text first, for prompt caches."""
    user = render_chunk(title, heading_path, text) + _COUNT.format(count=count)
    return chat(system_prompt("teacher_questions", language_of(text)), user)


def answer_messages(title: str, heading_path: Sequence[str], text: str, question: str) -> tuple[Message, ...]:
    """The conversation that asks for the worked answer to one question from its chunk."""
    user = render_chunk(title, heading_path, text) + _QUESTION.format(question=as_data(question))
    return chat(system_prompt("teacher_answers", language_of(text)), user)


def repair_messages(messages: Sequence[Message], reply: str, problem: str, detail: str = "") -> tuple[Message, ...]:
    """The same conversation, continued: what came back, and what is wrong with it (a code of `teacher_repairs`)."""
    lines = _repairs(language_of(messages[0].content))
    said = lines[problem].format(detail=as_data(detail))
    user = _PROBLEM.format(problem=said, instruction=lines["again"])
    return (*messages, Message("assistant", reply or "-"), Message("user", user))


@cache
def system_prompt(role: str, language: str) -> str:
    """The instruction of a role or step in a language."""
    path = files("resources.llm") / "prompt_files" / f"{role}.{language}.md"
    return path.read_text(encoding="utf-8").strip().replace("{REFUSAL}", REFUSAL[language])


@cache
def prompt_version(step: str) -> str:
    """A hash of everything that is sent in a step besides the chunk: its instructions, the frame and the schema."""
    instructions = [system_prompt(name, language) for name in (step, "teacher_repairs") for language in LANGUAGES]
    return short_id(step, instructions, *CHUNK_FRAME, _COUNT, _QUESTION, _PROBLEM, QUESTIONS_SCHEMA)


@cache
def _repairs(language: str) -> Mapping[str, str]:
    """What is said of each repairable defect: the lines `- code: text` of the file."""
    lines = system_prompt("teacher_repairs", language).splitlines()
    pairs = (line[2:].partition(": ") for line in lines if line.startswith("- "))
    return {code: text for code, _, text in pairs}


QUESTIONS_VERSION = prompt_version("teacher_questions")
ANSWERS_VERSION = prompt_version("teacher_answers")
