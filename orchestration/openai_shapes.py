"""The OpenAI API as `raftline serve` speaks it: what it takes, what it refuses, how it answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assets.evaluation.asking import warning_of
from assets.serving.assistant import Answer
from resources.errors import RaftlineError
from resources.hashing import well_formed
from resources.llm.request import Message

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_NOT_OFFERED = ("tools", "functions", "tool_choice", "function_call", "audio", "web_search_options", "logprobs")
MAX_CHARACTERS = 1_000_000


class BadCall(RaftlineError):
    """A call that cannot be served, with its HTTP status and OpenAI's name for what is wrong."""

    def __init__(self, message: str, status: int = 400, param: str | None = None, code: str | None = None):
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


@dataclass(frozen=True)
class ChatCall:
    """A chat completion as it was asked for."""

    model: str
    messages: tuple[Message, ...]


def parse_call(body: bytes) -> ChatCall:
    """Raises `BadCall` naming the field at fault."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadCall("the body is not JSON", param="body") from error
    if not isinstance(data, dict):
        raise BadCall("the body must be a JSON object", param="body")
    if data.get("stream"):
        raise BadCall("answers are not streamed: send stream=false", param="stream", code="unsupported_value")
    if data.get("n") not in (None, 1):
        raise BadCall("one answer is given per call: send n=1", param="n", code="unsupported_value")
    for name in _NOT_OFFERED:
        if data.get(name):
            raise BadCall(f"`{name}` is not offered", param=name, code="unsupported_parameter")
    wanted = data.get("response_format")
    if wanted is not None and (not isinstance(wanted, dict) or wanted.get("type") != "text"):
        raise BadCall("answers are text: leave response_format out", param="response_format", code="unsupported_value")
    model = data.get("model")
    if not isinstance(model, str) or not model:
        raise BadCall("`model` is missing: send `champion`", param="model")
    return ChatCall(model, _messages(data.get("messages")))


def _messages(given: Any) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise BadCall("`messages` must be a list of messages", param="messages")
    messages = tuple(_message(one, f"messages[{place}]") for place, one in enumerate(given))
    if messages[-1].role != "user" or not messages[-1].content.strip():
        raise BadCall("the last message must be the user's, and not empty", param="messages")
    if sum(len(message.content) for message in messages) > MAX_CHARACTERS:
        raise BadCall(f"the messages are longer than {MAX_CHARACTERS} characters", 413, "messages")
    return messages


def _message(given: Any, where: str) -> Message:
    if not isinstance(given, dict) or given.get("role") not in _ROLES:
        raise BadCall(f"{where} must be an object with a role of {', '.join(_ROLES)}", param=where)
    content = given.get("content")
    if isinstance(content, list):
        texts = [
            part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content
        ]
        content = None if None in texts else "\n".join(map(str, texts))
    if not isinstance(content, str):
        raise BadCall(f"{where}.content must be text", param=f"{where}.content")
    return Message(_ROLES[given["role"]], well_formed(content))


def completion_body(answer: Answer, call_id: str, created: int) -> dict[str, Any]:
    """A chat completion; what OpenAI has no field for is in `raftline`."""
    said = answer.completion
    return {
        "id": f"chatcmpl-{call_id}",
        "object": "chat.completion",
        "created": created,
        "model": answer.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "finish_reason": said.finish_reason,
                "logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": said.prompt_tokens,
            "completion_tokens": said.completion_tokens,
            "total_tokens": said.prompt_tokens + said.completion_tokens,
        },
        "raftline": {
            "champion": answer.champion,
            "documents": answer.retrieved,
            "abstained": answer.abstained,
            "citations": [asdict(citation) for citation in answer.citations],
            "newer_than_the_model": list(answer.newer),
            "warning": warning_of(answer.newer),
            "from_the_ledger": said.cached,
        },
    }


def models_body(names: Sequence[str]) -> dict[str, Any]:
    return {"object": "list", "data": [model_body(name) for name in names]}


def model_body(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "raftline"}


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> Mapping[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
