"""What the emulator says: decided by the prompt's own text alone, the same for every deployment."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from azure_openai.configuration import Configuration
from azure_openai.facts import Fact, facts, spread
from azure_openai.frames import Frame, Turn, read_frame
from azure_openai.replies import answer_from_chunk, answer_from_documents, quoted
from azure_openai.schema_filling import fill

UNSEEN = "The emulator cannot see pictures."


def answer(turns: tuple[Turn, ...], response_format: Mapping[str, Any], configuration: Configuration) -> str:
    """The content of the completion."""
    everything = "\n".join(turn.text for turn in turns)
    for override in configuration.answers:
        if override.match in everything:
            return override.text
    pictures = [picture for turn in turns for picture in turn.pictures]
    if pictures:
        seen = [configuration.transcriptions.get(hashlib.sha256(data).hexdigest(), UNSEEN) for data in pictures]
        return "\n\n".join(dict.fromkeys(seen))
    frame = read_frame(turns)
    kind = response_format.get("type", "text")
    if kind == "json_schema":
        schema = response_format["json_schema"].get("schema", {})
        return json.dumps(_structured(schema, frame, everything), ensure_ascii=False)
    if frame.count >= 0:
        return json.dumps({"questions": _questions(frame, ("question", "kind"), ())}, ensure_ascii=False)
    written = _schema_in(everything)
    if kind == "json_object" or written:
        return json.dumps(fill(written, everything) if written else {"answer": "ok"}, ensure_ascii=False)
    return _text(frame)


def _text(frame: Frame) -> str:
    if frame.chunk and frame.question:
        return answer_from_chunk(frame.title, frame.chunk, frame.question)
    if frame.chunk:
        return _context(frame)
    if frame.documents:
        return answer_from_documents(frame.documents, frame.rest)
    return "ok"


def _context(frame: Frame) -> str:
    """One line that places a chunk."""
    place = " > ".join(filter(None, (frame.title, *frame.headings)))
    return " ".join(place.split()) or "A passage."


def _structured(schema: Mapping[str, Any], frame: Frame, everything: str) -> Any:
    questions = schema.get("properties", {}).get("questions", {})
    item = questions.get("items", {})
    if frame.chunk and item.get("type") == "object" and "question" in item.get("properties", {}):
        fields = item["properties"]
        return {"questions": _questions(frame, tuple(fields), tuple(fields.get("kind", {}).get("enum", ())))}
    return fill(schema, everything)


def _questions(frame: Frame, fields: tuple[str, ...], kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    count = frame.count if frame.count >= 0 else 3
    return [_draft(fact, fields, kinds) for fact in spread(facts(frame.title, frame.chunk), count)]


def _draft(fact: Fact, fields: tuple[str, ...], kinds: tuple[str, ...]) -> dict[str, Any]:
    kind = fact.kind if not kinds or fact.kind in kinds else kinds[-1]
    known = {
        "question": fact.question,
        "kind": kind,
        "quotes": [fact.quote],
        "answer": f"The text says: {quoted(fact.quote)} <ANSWER>: {fact.answer}",
        "final_answer": fact.answer,
    }
    return {name: known.get(name, "") for name in fields}


def _schema_in(text: str) -> Mapping[str, Any]:
    """A JSON schema that the prompt itself spells out, if there is one."""
    for match in re.finditer(r"\{", text):
        if '"properties"' not in text[match.start() :]:
            break
        try:
            found, _ = json.JSONDecoder().raw_decode(text[match.start() :])
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("properties"), dict):
            return found
    return {}
