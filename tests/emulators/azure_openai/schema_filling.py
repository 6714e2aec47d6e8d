"""A value that fits any JSON schema, with the prompt's own words where a field's name asks for them.

A judge's prompt ends with its input as JSON (`input: {...}`): statements are judged by the words that they share with
the input's context, so that scores tell supported answers from made-up ones.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from azure_openai.passages import passages
from azure_openai.replies import words

DEEPEST = 12
_INPUT = re.compile(r"input:\s*(?=\{)", re.IGNORECASE)
_ANSWERS = ("answer", "response", "text", "statement")
_EVIDENCE = ("context", "contexts", "retrieved_contexts", "ground_truth", "reference", "user_input")


def fill(schema: Mapping[str, Any], prompt: str) -> Any:
    """A valid value. Lists are as long as the list of statements that the prompt shows, where it shows one."""
    return _Filler(schema, prompt).value(schema, "", 0, "")


def input_of(prompt: str) -> Mapping[str, Any]:
    """The JSON object that the prompt gives last as its input."""
    starts = [match.end() for match in _INPUT.finditer(prompt)]
    if not starts:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(prompt[starts[-1] :])
    except ValueError:
        return {}
    return found


class _Filler:
    """Walks one schema. `about` is the statement that the value at hand is about, if any."""

    def __init__(self, schema: Mapping[str, Any], prompt: str):
        self.definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}
        self.given = input_of(prompt)
        self.evidence = words(" ".join(str(self.given[name]) for name in _EVIDENCE if name in self.given) or prompt)

    def value(self, schema: Mapping[str, Any], name: str, depth: int, about: str) -> Any:
        if "$ref" in schema:
            return self.value(self.definitions[schema["$ref"].rsplit("/", 1)[-1]], name, depth + 1, about)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum") == [0, 1]:
            return int(self._holds(name, about))
        if "enum" in schema:
            return schema["enum"][0]
        for union in ("anyOf", "oneOf"):
            if union in schema:
                options = [option for option in schema[union] if option.get("type") != "null"] or schema[union]
                return None if depth > DEEPEST else self.value(options[0], name, depth + 1, about)
        if "allOf" in schema:
            merged = {key: value for part in schema["allOf"] for key, value in part.items()}
            return self.value(merged, name, depth + 1, about)
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = next((kind for kind in kinds if kind != "null"), "null") if isinstance(kinds, list) else kinds
        match kind:
            case "object":
                fields = schema.get("properties", {})
                wanted = fields if depth <= DEEPEST else {key: fields[key] for key in schema.get("required", [])}
                return {key: self.value(part, key, depth + 1, about) for key, part in wanted.items()}
            case "array":
                return self._array(schema, name, depth)
            case "boolean":
                return self._holds(name, about)
            case "integer":
                return int(_bounded(int(self._holds(name, about)), schema))
            case "number":
                return float(_bounded(float(self._holds(name, about)), schema))
            case "null":
                return None
        return self._text(schema, name, about)

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 64)
        about = list(self._statements(name)) if depth <= DEEPEST else []
        about += [""] * (least - len(about))
        return [self.value(schema.get("items", {}), name, depth + 1, one) for one in about[:most]]

    def _statements(self, name: str) -> Sequence[str]:
        """What a list is about: its own field of the input, else any list there, else the answer's sentences."""
        lists = {key: value for key, value in self.given.items() if isinstance(value, list)}
        answered, true = (_texts(lists.get(key, ())) for key in ("answer", "ground_truth"))
        if name == "TP":
            return [text for text in answered if _shares(text, " ".join(true))]
        if name == "FP":
            return [text for text in answered if not _shares(text, " ".join(true))]
        if name == "FN":
            return [text for text in true if not _shares(text, " ".join(answered))]
        if lists:
            return _texts(lists.get(name) or next(iter(lists.values())))
        said = " ".join(str(self.given[key]) for key in _ANSWERS if key in self.given)
        return [part.text for part in passages(said)]

    def _text(self, schema: Mapping[str, Any], name: str, about: str) -> str:
        said = about or next((str(self.given[key]) for key in _ANSWERS if key in self.given), "")
        text = said or "The text at hand says so."
        if "question" in name:
            text = f"What is it about {said}?"
        elif name in ("reason", "explanation", "rationale"):
            text = "The words at hand decide it."
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

    def _holds(self, name: str, about: str) -> bool:
        """Whether most words of the statement stand in the evidence. Nothing is ever noncommittal."""
        if "noncommittal" in name:
            return False
        text = about or " ".join(str(self.given[key]) for key in _ANSWERS if key in self.given)
        asked = words(text)
        return not asked or 2 * len(asked & self.evidence) >= len(asked)


def _texts(items: Sequence[Any]) -> list[str]:
    return [str(item.get("statement", item)) if isinstance(item, dict) else str(item) for item in items]


def _shares(text: str, other: str) -> bool:
    asked = words(text)
    return 2 * len(asked & words(other)) >= len(asked)


def _bounded(value: float, schema: Mapping[str, Any]) -> float:
    return min(max(value, schema.get("minimum", value)), schema.get("maximum", value))
