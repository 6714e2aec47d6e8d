"""Chat completions: what a request may hold, what it costs, and the body of the answer in either dialect."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure_openai.answering import answer
from azure_openai.configuration import Configuration, Deployment
from azure_openai.errors import bad_request
from azure_openai.frames import Turn
from azure_openai.tokens import PromptCache, counted, prompt_tokens

FINGERPRINT = "fp_emulator_not_a_real_model"
DEFAULT_COMPLETION = 512
"""Tokens that the quota reserves for an answer whose length is not bounded."""
_SAFE = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}
_NOT_STRICT = frozenset(
    "default minLength maxLength pattern format minimum maximum multipleOf minItems maxItems uniqueItems contains "
    "patternProperties propertyNames minProperties maxProperties unevaluatedProperties unevaluatedItems oneOf".split()
)
"""Keywords that strict structured output does not permit."""
_STRICT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Prompt:
    """A chat request that may be answered, and its size."""

    turns: tuple[Turn, ...]
    response_format: Mapping[str, Any]
    tokens: int
    max_tokens: int | None

    @property
    def estimate(self) -> int:
        """What the quota reserves: the prompt and the longest answer."""
        return self.tokens + (self.max_tokens or DEFAULT_COMPLETION)

    @property
    def text(self) -> str:
        """What a repeated prefix is looked for in."""
        return "\n".join(f"{turn.role}:{turn.text}" for turn in self.turns)


@dataclass(frozen=True)
class Reply:
    """The answer with its cost."""

    content: str
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


def read_prompt(body: Mapping[str, Any], deployment: Deployment) -> Prompt:
    """The prompt of a request body. Raises `ServiceError` for what this deployment does not accept."""
    turns = tuple(_turn(message) for message in body["messages"])
    pictures = [picture for turn in turns for picture in turn.pictures]
    if body.get("stream"):
        raise bad_request("The emulator does not stream.", "stream")
    if body.get("n") not in (None, 1):
        raise bad_request("The emulator gives one choice.", "n")
    if deployment.embedding_dimensions:
        message = "The chatCompletion operation does not work with the specified model. Please choose different model."
        raise bad_request(message, code="OperationNotSupported")
    if pictures and not deployment.vision:
        raise bad_request("Invalid content type. image_url is only supported by certain models.", "messages")
    response_format = body.get("response_format") or {"type": "text"}
    schema = _checked_schema(response_format, deployment, turns)
    small = "mini" in deployment.model
    tokens = prompt_tokens([turn.text for turn in turns], pictures, schema, small)
    longest = body.get("max_completion_tokens") or body.get("max_tokens")
    needed = tokens + (longest or 0)
    if needed > deployment.context_window:
        message = (
            f"This model's maximum context length is {deployment.context_window} tokens. However, you requested "
            f"{needed} tokens ({tokens} in the messages, {longest or 0} in the completion). "
            "Please reduce the length of the messages or completion."
        )
        raise bad_request(message, "messages", "context_length_exceeded")
    return Prompt(turns, response_format, tokens, longest)


def reply_to(prompt: Prompt, cache: PromptCache, configuration: Configuration, fault: str = "") -> Reply:
    """What the model says, damaged as a content fault wants it."""
    content = answer(prompt.turns, prompt.response_format, configuration)
    finish_reason = "stop"
    if fault == "empty":
        content = ""
    elif fault == "malformed":
        content = _malformed(content, prompt.response_format)
    elif fault == "content_filter":
        content, finish_reason = content[: len(content) // 3], "content_filter"
    elif fault == "length":
        content, finish_reason = content[: len(content) // 2], "length"
    spent = counted(content)
    if prompt.max_tokens is not None and spent > prompt.max_tokens:
        content, finish_reason = _first_tokens(content, prompt.max_tokens), "length"
        spent = prompt.max_tokens
    return Reply(content, finish_reason, prompt.tokens, cache.cached_tokens(prompt.text), spent)


def render(reply: Reply, identifier: str, model: str, created: int, observed: bool) -> dict[str, Any]:
    """The answer's body: as the service was observed to send it, or as its description says."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": None}
    choice: dict[str, Any] = {"index": 0, "finish_reason": reply.finish_reason, "logprobs": None, "message": message}
    usage: dict[str, Any] = {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    body: dict[str, Any] = {
        "id": identifier,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": [choice],
        "usage": usage,
    }
    if observed:
        filtered = reply.finish_reason == "content_filter"
        violence = {"violence": {"filtered": True, "severity": "medium"}} if filtered else {}
        message["annotations"] = []
        if filtered and not reply.content:
            message["content"] = None
        choice["content_filter_results"] = {**_SAFE, **violence}
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": _SAFE}]
    return body


def _turn(message: Mapping[str, Any]) -> Turn:
    content = message.get("content") or ""
    if isinstance(content, str):
        return Turn(message["role"], content)
    text = "\n".join(part.get("text", "") for part in content if part["type"] == "text")
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    return Turn(message["role"], text, tuple(_picture(url) for url in urls))


def _picture(url: str) -> bytes:
    head, found, data = url.partition(";base64,")
    if not found or not head.startswith("data:image/"):
        raise bad_request("Invalid image URL. The emulator reads data URLs only.", "messages", "invalid_image_url")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise bad_request("Invalid image data.", "messages", "invalid_base64") from error


def _checked_schema(
    response_format: Mapping[str, Any], deployment: Deployment, turns: tuple[Turn, ...]
) -> Mapping[str, Any] | None:
    kind = response_format["type"]
    if kind == "json_object" and not any("json" in turn.text.casefold() for turn in turns):
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise bad_request(message, "messages")
    if kind != "json_schema":
        return None
    if not deployment.structured_output:
        message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
        raise bad_request(message, "response_format")
    described = response_format["json_schema"]
    name, schema = described.get("name", ""), described.get("schema") or {}
    if not _STRICT_NAME.fullmatch(name):
        raise bad_request("Invalid 'response_format.json_schema.name'.", "response_format.json_schema.name")
    if described.get("strict"):
        for problem in _strict_problems(schema, "()"):
            raise bad_request(f"Invalid schema for response_format '{name}': {problem}", "response_format")
    return schema


def _strict_problems(schema: Any, where: str) -> list[str]:
    """What strict structured output refuses: open objects, optional properties, keywords that it does not know."""
    if isinstance(schema, list):
        return [problem for part in schema for problem in _strict_problems(part, where)]
    if not isinstance(schema, dict):
        return []
    problems = [f"In context={where}, '{key}' is not permitted." for key in sorted(_NOT_STRICT & set(schema))]
    if "$ref" in schema and len(schema) > 1:
        problems.append(f"In context={where}, $ref cannot have keywords beside it.")
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            problems.append(f"In context={where}, 'additionalProperties' is required to be supplied and to be false.")
        missing = sorted(set(schema.get("properties", {})) - set(schema.get("required", [])))
        if missing:
            problems.append(f"In context={where}, 'required' has to list every property. Missing {missing[0]!r}.")
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions"):
            problems += [problem for name, part in value.items() for problem in _strict_problems(part, f"({name})")]
        elif key in ("items", "anyOf", "allOf", "oneOf"):
            problems += _strict_problems(value, where)
    return problems


def _malformed(content: str, response_format: Mapping[str, Any]) -> str:
    """An answer that ends well and means nothing: broken JSON, or prose without quotes and answer tag."""
    if response_format["type"] != "text":
        return content[: max(1, len(content) // 2)].rstrip("}]\"' ") + ' "": ['
    return "Sure! Here you go: \ufffd\ufffd ### ]] undefined"


def _first_tokens(text: str, limit: int) -> str:
    """The longest start of a text that has at most so many tokens."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if counted(text[:middle]) <= limit else (low, middle - 1)
    return text[:low]
