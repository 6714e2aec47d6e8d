"""The operations that cost tokens: faults, quotas and contract around chat completions and embeddings."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure_openai import chat, embeddings, hosting
from azure_openai.configuration import CONTENT_FAULTS, Deployment, Fault
from azure_openai.errors import (
    bad_request,
    filtered_prompt,
    injected,
    no_quota,
    no_such_deployment,
    refusal,
    too_many,
)
from azure_openai.route import Route
from azure_openai.specs import violations
from azure_openai.world import CREATED, Exchange, World


class Reset(Exception):
    """The connection is to break off without an answer, after so many seconds of silence."""

    def __init__(self, silence: float = 0.0):
        super().__init__(silence)
        self.silence = silence


@dataclass(frozen=True)
class Answer:
    """A good answer and the headers that go with it."""

    body: dict[str, Any]
    headers: Mapping[str, str]


def check_contract(world: World, method: str, route: Route, body: Any) -> None:
    """Notes what breaks the description and refuses it, as a strict service would."""
    if not world.configuration.validate:
        return
    problems = violations(method, route.path, body, route.plain)
    if problems:
        world.violations.append({"method": method, "path": route.path, "plain": route.plain, "problems": problems})
        raise refusal(400, "spec_violation", "; ".join(problems[:5]))


async def answer(world: World, exchange: Exchange, route: Route, body: Any, raw: bytes) -> Answer:
    """Answers a chat or embeddings request. Raises `ServiceError`, or `Reset` for a broken connection."""
    configuration = world.configuration
    if configuration.latency:
        await asyncio.sleep(configuration.latency)
    return answer_now(world, exchange, route, body, raw)


def answer_now(world: World, exchange: Exchange, route: Route, body: Any, raw: bytes, metered: bool = True) -> Answer:
    """The answer without the wait. A batch's lines are not metered: they have a quota of their own."""
    configuration = world.configuration
    fault = world.dice.roll(configuration, exchange.path, raw)
    exchange.fault = fault.kind if fault else ""
    if fault and fault.when == "before":
        fail(fault, route, exchange.deployment)
    deployment = _deployment(world, exchange.deployment, route)
    exchange.model = deployment.model
    check_contract(world, "POST", route, body)
    if route.path == "/embeddings":
        made = _embed(world, exchange, deployment, body, route, metered)
    else:
        made = _chat(world, exchange, deployment, body, route, fault, metered)
    if fault and fault.when == "after":
        fail(fault, route, exchange.deployment, after=True)
    return made


def fail(fault: Fault, route: Route, deployment: str, after: bool = False) -> None:
    """Raises what the fault is about, unless it damages an answer that is still to be made or sent."""
    if fault.kind == "reset":
        raise Reset
    if fault.kind == "hang":
        raise Reset(fault.delay)
    if fault.kind == "quota":
        raise no_quota()
    if fault.kind == "content_filter" and not after:
        raise filtered_prompt()
    if fault.kind.isdigit():
        raise injected(int(fault.kind), fault.retry_after, route.plain, deployment)


def _deployment(world: World, name: str, route: Route) -> Deployment:
    configuration = world.configuration
    hosted = hosting.find(world, name)
    if hosted is not None:
        return hosting.answering(world, hosted, route)
    known = configuration.deployment(name)
    if known is None and route.plain:
        known = next((one for one in configuration.deployments.values() if one.model == name), None)
    if known is None:
        raise no_such_deployment(route.plain, name)
    return known


def _chat(
    world: World,
    exchange: Exchange,
    deployment: Deployment,
    body: Any,
    route: Route,
    fault: Fault | None,
    metered: bool,
) -> Answer:
    prompt = chat.read_prompt(body, deployment)
    headers = _admit(world, exchange, deployment, prompt.estimate, route) if metered else {}
    kind = fault.kind if fault and fault.kind in CONTENT_FAULTS else ""
    reply = chat.reply_to(prompt, world.caches[exchange.deployment], world.configuration, kind)
    exchange.prompt_tokens, exchange.completion_tokens = reply.prompt_tokens, reply.completion_tokens
    exchange.cached_tokens, exchange.answer, exchange.paid = reply.cached_tokens, reply.content, True
    if metered and world.configuration.quota_counts == "actual":
        world.windows[exchange.deployment].tokens += reply.prompt_tokens + reply.completion_tokens
    observed = world.configuration.dialect == "observed" and not route.plain
    identifier = world.next_id("chatcmpl-")
    return Answer(chat.render(reply, identifier, deployment.model, CREATED, observed), headers)


def _embed(world: World, exchange: Exchange, deployment: Deployment, body: Any, route: Route, metered: bool) -> Answer:
    made, used = embeddings.embed(body, deployment)
    headers = _admit(world, exchange, deployment, used, route) if metered else {}
    exchange.prompt_tokens, exchange.paid = used, True
    return Answer(made, headers)


def _admit(world: World, exchange: Exchange, deployment: Deployment, estimate: int, route: Route) -> dict[str, str]:
    """Counts a request against its deployment's quota; the headers that say what is left."""
    configuration = world.configuration
    window, now = world.windows[exchange.deployment], time.monotonic()
    reserved = estimate if configuration.quota_counts == "estimate" or route.path == "/embeddings" else 0
    if deployment.tokens_per_minute == 0 or deployment.requests_per_minute == 0:
        raise no_quota()
    broken = window.refused(deployment, reserved, now, configuration.quota_window_s)
    headers = window.headers(deployment, now, configuration.quota_window_s)
    if broken is not None:
        error = too_many(*broken, route.plain)
        error.headers.update(headers)
        raise error
    return headers


def read_json(body: Any) -> dict[str, Any]:
    """A body that must be an object."""
    if not isinstance(body, dict):
        raise bad_request("We could not parse the JSON body of your request.")
    return body
