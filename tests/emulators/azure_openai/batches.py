"""Batches: checked, answered and written to files while somebody polls. Output lines come in an order of their own."""

import hashlib
import json
from typing import Any

from azure_openai import service
from azure_openai.errors import ServiceError, bad_request, refusal
from azure_openai.route import Route
from azure_openai.world import CREATED, Exchange, World

ENDED = ("completed", "failed", "cancelled", "expired")
WINDOW = 86_400
_STAMPS = {
    "in_progress": "in_progress_at",
    "finalizing": "finalizing_at",
    "completed": "completed_at",
    "failed": "failed_at",
    "expired": "expired_at",
    "cancelling": "cancelling_at",
    "cancelled": "cancelled_at",
}


def create(world: World, body: dict[str, Any], route: Route) -> dict[str, Any]:
    """A batch that is being checked. Raises `ServiceError` for an input file that is not there or not ready."""
    file = world.files.get(body["input_file_id"])
    if file is None or file["purpose"] != "batch":
        raise bad_request(f"Invalid input file: {body['input_file_id']}.", "input_file_id", "invalid_file")
    if file["status"] != "processed":
        raise refusal(400, "invalidPayload", "The input file is not processed yet.")
    name = world.next_id("batch_")
    world.batches[name] = {
        "id": name,
        "object": "batch",
        "endpoint": body["endpoint"],
        "input_file_id": body["input_file_id"],
        "completion_window": body["completion_window"],
        "status": "validating",
        "created_at": CREATED,
        "expires_at": CREATED + WINDOW,
        "output_file_id": None,
        "error_file_id": None,
        "errors": None,
        "metadata": body.get("metadata"),
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        **dict.fromkeys(_STAMPS.values()),
        "_polls": 0,
        "_plain": route.plain,
    }
    return public(world.batches[name])


def advance(world: World, batch: dict[str, Any]) -> None:
    """One look at a batch: it moves on with every so many."""
    batch["_polls"] += 1
    if batch["status"] in ENDED or batch["_polls"] % max(1, world.configuration.batch_polls):
        return
    lines, problems = _lines(world, batch)
    if batch["status"] == "validating" and problems:
        batch["errors"] = {"object": "list", "data": problems}
        _become(batch, "failed")
    elif batch["status"] == "validating":
        batch["request_counts"]["total"] = len(lines)
        _become(batch, "in_progress")
    elif batch["status"] == "in_progress":
        _become(batch, "finalizing")
    elif batch["status"] == "cancelling":
        _answer(world, batch, lines[: len(lines) // 2], [])
        _become(batch, "cancelled")
    else:
        limit = world.configuration.batch_expires_after
        done = lines if limit is None else lines[:limit]
        _answer(world, batch, done, lines[len(done) :])
        _become(batch, "completed" if limit is None else "expired")


def cancel(batch: dict[str, Any]) -> None:
    """Stops a batch; what was answered by then is still to be had."""
    if batch["status"] in ENDED:
        raise refusal(409, "conflict", f"Cannot cancel a batch with status '{batch['status']}'.")
    _become(batch, "cancelling")


def _lines(world: World, batch: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The requests of the input file, and what is wrong with it."""
    lines: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    seen: set[str] = set()
    content = world.contents.get(batch["input_file_id"], b"").decode("utf-8-sig")
    for number, text in enumerate(filter(str.strip, content.splitlines()), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            line = {}
        problem = _problem(line, batch, seen)
        if problem:
            problems.append({"code": problem[0], "message": problem[1], "param": None, "line": number})
        else:
            seen.add(line["custom_id"])
            lines.append(line)
    if not lines and not problems:
        problems.append({"code": "empty_file", "message": "The input file is empty.", "param": None, "line": None})
    if len({line["body"].get("model") for line in lines}) > 1:
        problems.append({"code": "model_mismatch", "message": "One model per batch.", "param": None, "line": None})
    return lines, problems


def _problem(line: Any, batch: dict[str, Any], seen: set[str]) -> tuple[str, str] | None:
    if not isinstance(line, dict) or not isinstance(line.get("body"), dict) or "custom_id" not in line:
        return "invalid_json_line", "This line is not parseable as valid JSON."
    if line["custom_id"] in seen:
        return "duplicate_custom_id", f"The custom_id '{line['custom_id']}' is not unique."
    if line.get("method") != "POST" or _operation(line.get("url", "")) != _operation(batch["endpoint"]):
        return "mismatched_endpoint", "The URL of this line does not match the batch's endpoint."
    return None


def _operation(url: str) -> str:
    return url.removeprefix("/v1")


def _answer(world: World, batch: dict[str, Any], done: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
    """Answers lines and writes the two files."""
    good: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    exchanges: list[Exchange] = []
    for line in done:
        exchange, response = _line_answer(world, batch, line)
        answered = response["status_code"] == 200
        (good if answered else bad).append(_output(world, line, response, None))
        if answered:
            exchanges.append(exchange)
    expired = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
    bad += [_output(world, line, None, expired) for line in late]
    batch["request_counts"] |= {"completed": len(good), "failed": len(bad)}
    if good:
        batch["output_file_id"] = _write(world, "output", good)
        world.waiting[batch["output_file_id"]] = exchanges
    if bad:
        batch["error_file_id"] = _write(world, "errors", bad)


def _line_answer(world: World, batch: dict[str, Any], line: dict[str, Any]) -> tuple[Exchange, dict[str, Any]]:
    path = _operation(batch["endpoint"])
    name = str(line["body"].get("model", ""))
    exchange = Exchange(len(world.exchanges), "BATCH", path, name, {}, line["body"])
    world.exchanges.append(exchange)
    raw = json.dumps(line["body"], ensure_ascii=False).encode()
    try:
        route = Route(path, plain=batch["_plain"])
        body: Any = service.answer_now(world, exchange, route, line["body"], raw, metered=False).body
        exchange.status = 200
    except ServiceError as error:
        exchange.status, body = error.status, error.body
    except service.Reset:
        exchange.status, body = 500, {"error": {"code": "500", "message": "The request failed."}}
    exchange.request_id = world.next_id("")
    return exchange, {"status_code": exchange.status, "request_id": exchange.request_id, "body": body}


def _output(world: World, line: dict[str, Any], response: Any, error: Any) -> dict[str, Any]:
    return {"id": world.next_id("batch_req_"), "custom_id": line["custom_id"], "response": response, "error": error}


def _write(world: World, name: str, lines: list[dict[str, Any]]) -> str:
    """A file of lines in an order that is not the input's."""
    shuffled = sorted(lines, key=lambda line: hashlib.sha256(line["custom_id"].encode()).digest())
    content = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in shuffled)
    return world.keep(f"{name}.jsonl", "batch_output", content.encode())["id"]


def _become(batch: dict[str, Any], status: str) -> None:
    batch["status"] = status
    batch[_STAMPS[status]] = CREATED


def public(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch as the service shows it."""
    return {key: value for key, value in batch.items() if not key.startswith("_")}
