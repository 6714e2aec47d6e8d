"""The smallest call that proves a role: made at once, never answered from the ledger, recorded there as paid."""

import asyncio
import io
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from resources.errors import RaftlineError
from resources.llm.ledger import Entry
from resources.llm.models import Models
from resources.llm.prices import Price
from resources.llm.provider import Embedded, RateLimited
from resources.llm.request import Completion, Image, Message, Request
from resources.llm.roles import ROLES, Role

T = TypeVar("T")

NAME = "doctor"
"""What stands in the ledger as run and prompt version of a probe."""

STRUCTURED_ROLES = ("teacher", "judge")
LONGEST_PAUSE = 10.0
"""Seconds that a probe waits, once, for a deployment that is busy."""

_SCHEMA = json.dumps(
    {
        "title": "probe",
        "type": "object",
        "properties": {"ready": {"type": "boolean"}},
        "required": ["ready"],
        "additionalProperties": False,
    }
)
_NUMBER = "4072"


@dataclass(frozen=True)
class Finding:
    """What a probe found out about a role. `found` is for the user; `cost` is USD."""

    role: str
    works: bool
    found: str
    cost: float = 0.0


def probe_roles(models: Models, roles: Sequence[str]) -> list[Finding]:
    """Probes several roles at once; one finding per role, in order."""

    async def work() -> list[Finding]:
        return await asyncio.gather(*(_probe(models, role) for role in roles))

    return asyncio.run(work())


def roles_to_probe(roles: dict[str, Role]) -> list[str]:
    """The roles that somebody plays: the configured ones, and those that the embedded provider plays by default."""
    return [role for role in ROLES if role in roles or role in ("contextualizer", "teacher", "embedder")]


async def _probe(models: Models, role: str) -> Finding:
    settings = models.roles.get(role, Role())
    try:
        if role == "embedder":
            return await _probe_embedder(models, settings)
        if settings.provider == "embedded":
            return Finding(role, True, f"{models.chat(role).identity.id}: embedded, nothing leaves this machine")
        return await _probe_chat(models, role, settings)
    except RaftlineError as error:
        return Finding(role, False, str(error))


async def _probe_chat(models: Models, role: str, settings: Role) -> Finding:
    model = models.chat(role)
    schema = _SCHEMA if role in STRUCTURED_ROLES else None
    # A draw that nobody else makes: the ledger cannot know its answer.
    request = model.request(_messages(role), NAME, schema, sample=secrets.randbits(62), witness_text=_NUMBER)
    request = replace(request, parameters=_short(settings))
    provider = model.lane.provider
    try:
        started = time.perf_counter()
        answer = await _patiently(lambda: provider.complete(request))
        seconds = time.perf_counter() - started
    finally:
        await provider.close()
    answer = replace(answer, cost=model.lane.price.cost(answer))
    models.gateway.ledger.record([Entry(request, answer, seconds, NAME)])
    problem, note = _judged(role, settings, answer)
    facts = [_place(settings, answer.served_model), note, f"{seconds:.2f} s", _price(role, model.lane.price, answer)]
    if answer.quota and answer.quota.limit_tokens:
        facts.append(f"quota {answer.quota.limit_tokens:,} tokens a minute")
    found = "; ".join(fact for fact in (problem, *facts, _reality(answer.real)) if fact)
    return Finding(role, not problem, found, answer.cost)


async def _probe_embedder(models: Models, settings: Role) -> Finding:
    embedder = models.embedder()
    provider = embedder.lane.provider
    try:
        started = time.perf_counter()
        answer: Embedded = await _patiently(lambda: provider.embed(["raftline doctor"]))
        seconds = time.perf_counter() - started
    finally:
        await provider.close()
    dimensions = f"{len(answer.vectors[0])} dimensions"
    if settings.provider == "embedded":
        return Finding("embedder", True, f"{embedder.model}: embedded, {dimensions}, nothing leaves this machine")
    paid = Completion("", "stop", answer.prompt_tokens)
    paid = replace(paid, cost=embedder.lane.price.cost(paid), real=answer.real, request_id=answer.request_id)
    text = Message("user", "raftline doctor")
    request = Request("embedder", provider.identity, (text,), prompt_version=NAME, sample=secrets.randbits(62))
    models.gateway.ledger.record([Entry(request, paid, seconds, NAME)])
    facts = [_place(settings, answer.served_model), dimensions, f"{seconds:.2f} s"]
    facts += [_price("embedder", embedder.lane.price, paid), _reality(answer.real)]
    return Finding("embedder", True, "; ".join(fact for fact in facts if fact), paid.cost)


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """One call, repeated once after the pause that a busy deployment asks for."""
    try:
        return await call()
    except RateLimited as busy:
        if busy.retry_after is None or busy.retry_after > LONGEST_PAUSE:
            raise
        await asyncio.sleep(busy.retry_after)
    return await call()


def _messages(role: str) -> tuple[Message, ...]:
    if role == "transcriber":
        text = "Which number is in the picture? Answer with its digits only."
        return (Message("user", text, (Image("image/png", number_image(_NUMBER)),)),)
    if role in STRUCTURED_ROLES:
        return (Message("user", 'Answer with the JSON object {"ready": true}.'),)
    return (Message("user", "Answer with the word ready."),)


def _short(settings: Role) -> tuple[tuple[str, float | int | str], ...]:
    """The role's own parameters with a small bound on the answer; a model that thinks first needs room."""
    thinks = settings.parameters.reasoning_effort or settings.parameters.temperature is None
    bound = 1024 if thinks else 32
    own = settings.parameters.max_tokens
    kept = [(key, value) for key, value in settings.parameters.pairs() if key != "max_tokens"]
    return tuple(sorted([*kept, ("max_tokens", min(own, bound) if own else bound)]))


def _judged(role: str, settings: Role, answer: Completion) -> tuple[str, str]:
    """What is wrong with the answer, and what is worth a note."""
    if answer.finish_reason not in ("stop", "length"):
        return f"the answer to a harmless question ended with {answer.finish_reason}", ""
    if role in STRUCTURED_ROLES:
        if answer.finish_reason == "length":
            return (
                f"the answer did not end in time; if the model reasons, set roles.{role}.parameters.temperature to null",
                "",
            )
        if _keeps_to_schema(answer.text):
            return "", f"structured output works ({settings.structured_output})"
        others = [mode for mode in ("json_schema", "json_object", "prompt") if mode != settings.structured_output]
        key = f"roles.{role}.structured_output"
        return f"the model did not keep to a JSON schema: set {key} to {' or '.join(others)}, or take another model", ""
    if role == "transcriber" and answer.real:
        seen = _NUMBER in re.sub(r"\D", "", answer.text)
        if not seen:
            return "the model took a picture but could not read the number in it: does it have vision?", ""
        return "", "vision works"
    return "", "takes pictures" if role == "transcriber" else ""


def _keeps_to_schema(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and list(found) == ["ready"] and isinstance(found["ready"], bool)


def _place(settings: Role, served: str) -> str:
    named = f"deployment {settings.deployment}" if settings.deployment else settings.model
    serves = f" serves {served}" if served and served != named else ""
    return f"{named} at {settings.endpoint}{serves}"


def _price(role: str, price: Price, answer: Completion) -> str:
    tokens = f"{answer.prompt_tokens + answer.completion_tokens} tokens"
    if not price.known:
        return f"{tokens}, price unknown (set roles.{role}.price)"
    return f"{tokens}, {answer.cost:.6f} USD"


def _reality(real: bool) -> str:
    return "" if real else "an emulator, not a real model"


def number_image(number: str) -> bytes:
    """A small PNG with a number in it."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    picture = Pictures.new("L", (160, 80), 255)
    ImageDraw.Draw(picture).text((20, 15), number, fill=0, font=ImageFont.load_default(48))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
