"""How a model is held to a JSON schema: by the service, as any JSON, or by an instruction alone."""

import json
import re
from typing import Any, Literal

from resources.llm.request import Message

Mode = Literal["json_schema", "json_object", "prompt"]

_NOT_STRICT = frozenset(
    "default examples minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
    "minItems maxItems uniqueItems contains minContains maxContains unevaluatedItems minProperties maxProperties "
    "patternProperties propertyNames unevaluatedProperties".split()
)
"""Keywords that strict structured output does not take. The stages check answers against the whole schema themselves."""

_HOLDERS = ("items", "prefixItems", "anyOf", "allOf", "oneOf")
"""Keywords whose value is a schema or a list of them."""

_NAMED = ("properties", "$defs", "definitions")
"""Keywords whose value is schemas by name."""

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)
_FENCED = re.compile(r"\A\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def response_format(schema: str, mode: Mode) -> dict[str, Any] | None:
    """The `response_format` of a request; None where only the instruction holds the model."""
    if mode == "prompt":
        return None
    if mode == "json_object":
        return {"type": "json_object"}
    given: dict[str, Any] = json.loads(schema)
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(given.get("title") or "answer"))[:64]
    strict = can_be_strict(given)
    body = strict_schema(given) if strict else given
    return {"type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": body}}


def instructed(messages: tuple[Message, ...], schema: str) -> tuple[Message, ...]:
    """A conversation whose system message also asks for JSON after the schema."""
    instruction = f"Answer with one JSON object and nothing else. It must be valid under this JSON schema:\n{schema}"
    if messages and messages[0].role == "system":
        first = messages[0]
        return (Message("system", f"{first.content}\n\n{instruction}", first.images), *messages[1:])
    return (Message("system", instruction), *messages)


def without_thoughts(text: str) -> str:
    """An answer without the thoughts that a server left in front of it."""
    return _THOUGHTS.sub("", text)


def unwrapped(text: str) -> str:
    """The JSON of an answer that came in a code fence."""
    fenced = _FENCED.match(text)
    return (fenced.group(1) if fenced else text).strip()


def can_be_strict(schema: Any) -> bool:
    """Whether every object says which properties it has; a free dictionary cannot be asked for strictly."""
    if isinstance(schema, list):
        return all(can_be_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if "object" in _types(schema) and not isinstance(schema.get("properties"), dict):
        return False
    inside = [schema[key] for key in _HOLDERS if key in schema]
    named = [part for key in _NAMED for part in schema.get(key, {}).values()]
    return can_be_strict(inside) and can_be_strict(named)


def strict_schema(schema: Any) -> Any:
    """A schema as strict mode wants it: closed objects, every property required, no keyword that it does not take."""
    if isinstance(schema, list):
        return [strict_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _NOT_STRICT}
    if "$ref" in schema:  # nothing but definitions may stand beside it
        kept = {key: value for key, value in kept.items() if key in ("$ref", "$defs", "definitions")}
    for key in _HOLDERS:
        if key in kept:
            kept[key] = strict_schema(kept[key])
    for key in _NAMED:
        if key in kept:
            kept[key] = {name: strict_schema(part) for name, part in kept[key].items()}
    if "object" in _types(kept):
        kept["additionalProperties"] = False
        kept["required"] = list(kept["properties"])
    return kept


def _types(schema: dict[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return [given] if isinstance(given, str) else list(given)
