"""The JSON of a call: a request as the service wants it, and an answer as the gateway wants it."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from resources.llm.provider import Embedded, Unavailable
from resources.llm.providers.connection import Reply
from resources.llm.providers.headers import EMULATOR, quota, request_id
from resources.llm.providers.served import check_served
from resources.llm.providers.site import Site
from resources.llm.providers.structured import instructed, response_format, unwrapped, without_thoughts
from resources.llm.providers.words import scrubbed
from resources.llm.request import Completion, Message, Request
from resources.tokens import count_tokens

_STOP = {"eos": "stop", "eos_token": "stop", "stop_sequence": "stop", "end_turn": "stop"}
"""Other servers' words for a finished answer."""


def chat_body(request: Request, site: Site) -> dict[str, Any]:
    """The body of a chat call. Only what is set is sent."""
    mode = site.settings.structured_output
    messages = request.messages
    if request.schema and mode != "json_schema":
        messages = instructed(messages, request.schema)
    body: dict[str, Any] = {"model": site.name, "messages": [_message(message) for message in messages]}
    body |= {site.token_limit if key == "max_tokens" else key: value for key, value in request.parameters}
    wanted = response_format(request.schema, mode) if request.schema else None
    return body | ({"response_format": wanted} if wanted else {})


def completion_of(reply: Reply, request: Request, site: Site) -> Completion:
    """The answer in a reply, in whatever dialect: nulls, missing and additional fields are all right.

    Raises `Unavailable` for a reply without an answer, `Misconfigured` if another model answered. A refusal that the
    service marks as one is a completion with finish_reason `refusal`: it was paid.
    """
    body = reply.body
    choice = _first(body.get("choices"))
    if choice is None:
        told = _mapping(body.get("error")).get("message") or "no choices"
        raise Unavailable(f"{site.host} sent no answer: {scrubbed(str(told), ())}", paid=_paid(reply))
    served = str(body.get("model") or "")
    check_served(served, site)
    message = _mapping(choice.get("message"))
    text, finish_reason = _text(message.get("content")), str(choice.get("finish_reason") or "not said")
    finish_reason = _STOP.get(finish_reason, finish_reason)
    if message.get("refusal"):
        text, finish_reason = str(message["refusal"]), "refusal"
    if not site.is_azure:
        text = without_thoughts(text)
    if request.schema and site.settings.structured_output == "prompt":
        text = unwrapped(text)
    if finish_reason == "stop" and not text.strip():
        raise Unavailable(f"{site.name} at {site.host} sent an empty answer", paid=_paid(reply))
    answer = _counted(reply, text, finish_reason)
    if answer.prompt_tokens:
        return answer
    return replace(answer, prompt_tokens=_estimated(request), completion_tokens=count_tokens(text), cached_tokens=0)


def _counted(reply: Reply, text: str, finish_reason: str) -> Completion:
    """An answer with what the service says about it."""
    usage = _mapping(reply.body.get("usage"))
    prompt_tokens = _int(usage.get("prompt_tokens"))
    return Completion(
        text,
        finish_reason,
        prompt_tokens,
        _int(usage.get("completion_tokens")),
        cached_tokens=min(prompt_tokens, _int(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))),
        served_model=str(reply.body.get("model") or ""),
        request_id=request_id(reply.headers) or str(reply.body.get("id") or ""),
        real=EMULATOR not in reply.headers,
        quota=quota(reply.headers),
    )


def _paid(reply: Reply) -> Completion | None:
    """What a reply of no use did cost; None if the service does not say."""
    answer = _counted(reply, "", "lost")
    return answer if answer.prompt_tokens or answer.completion_tokens else None


def embedding_body(texts: Sequence[str], site: Site) -> dict[str, Any]:
    """The body of an embedding call. Services refuse empty texts; one space is the nearest that they take."""
    body: dict[str, Any] = {"model": site.name, "input": [text or " " for text in texts]}
    if site.settings.dimensions:
        body["dimensions"] = site.settings.dimensions
    if site.is_azure or site.is_openai:  # a quarter of the bytes; others may not know it
        body["encoding_format"] = "base64"
    return body


def embedded_of(reply: Reply, texts: Sequence[str], site: Site) -> Embedded:
    """The vectors in a reply, in the order of their texts. Raises `Unavailable` if they are not all there and finite."""
    rows = [_mapping(row) for row in reply.body.get("data") or ()]
    rows.sort(key=lambda row: _int(row.get("index")))
    served = str(reply.body.get("model") or "")
    check_served(served, site)
    try:
        vectors = tuple(_vector(row.get("embedding")) for row in rows)
    except (ValueError, TypeError):
        vectors = ()
    whole = len(vectors) == len(texts) and all(len(vector) and np.isfinite(vector).all() for vector in vectors)
    if not whole or len({len(vector) for vector in vectors}) > 1:
        raise Unavailable(f"{site.host} sent {len(vectors)} usable vectors for {len(texts)} texts", paid=_paid(reply))
    tokens = _int(_mapping(reply.body.get("usage")).get("prompt_tokens"))
    return Embedded(
        vectors,
        tokens or sum(map(count_tokens, texts)),
        served,
        request_id(reply.headers),
        EMULATOR not in reply.headers,
        quota(reply.headers),
    )


def _message(message: Message) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": message.content}
    pictures = [
        {
            "type": "image_url",
            "image_url": {
                "url": f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}",
                "detail": "high",
            },
        }
        for image in message.images
    ]
    return {"role": message.role, "content": [{"type": "text", "text": message.content}, *pictures]}


def _text(content: Any) -> str:
    """A message's content: a text, or parts of which some are texts."""
    if isinstance(content, list):
        return "".join(str(_mapping(part).get("text") or "") for part in content)
    return content if isinstance(content, str) else ""


def _vector(embedding: Any) -> np.ndarray:
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    return np.asarray(embedding, dtype=np.float32)


def _estimated(request: Request) -> int:
    """Prompt tokens of a service that does not count them, without its pictures."""
    return sum(count_tokens(message.content) for message in request.messages)


def _first(found: Any) -> dict[str, Any] | None:
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _int(found: Any) -> int:
    return int(found) if isinstance(found, int | float) else 0
