"""The JSON of an endpoint: an OpenAI-shaped request as its container takes it, and its answer as the gateway wants it.

A student that was trained on instructions is asked with the very text that it was trained on: the template, and after it
the key that JumpStart's scripts put before every response.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.llm.provider import Refused, Unavailable
from resources.llm.providers.words import scrubbed
from resources.llm.request import Completion, Request
from resources.tokens import count_tokens
from resources.training.sagemaker_jumpstart.hub import Hosting
from resources.training.sagemaker_jumpstart.rows import DEFAULT_PROMPT, RESPONSE_KEY, filled
from resources.training.serving import StudentModel

_FINISHED = {"eos_token": "stop", "stop_sequence": "stop", "end_turn": "stop", "": "stop"}
_TEXTS = ("generated_text", "generation", "generated_texts", "text", "outputs")


@dataclass(frozen=True)
class Style:
    """How a student is asked: with messages, or with one text made by `template` and `before_answer`."""

    chat: bool
    template: str = DEFAULT_PROMPT
    before_answer: str = ""


def style_of(model: StudentModel, hosting: Hosting) -> Style:
    """As it was trained; a base model as the hub's own example asks it."""
    if not model.location:
        return Style(chat=hosting.speaks_chat, before_answer="\n\n")
    if model.provenance.get("format") == "chat":
        return Style(chat=True)
    return Style(False, model.provenance.get("template") or DEFAULT_PROMPT, RESPONSE_KEY)


def payload_of(request: Request, style: Style, answer_tokens: int) -> dict[str, Any]:
    """The body of an invocation. Raises `Refused` for pictures."""
    if any(message.images for message in request.messages):
        raise Refused("a JumpStart student takes no pictures")
    given = dict(request.parameters)
    most = given.pop("max_tokens", None) or given.pop("max_completion_tokens", None) or answer_tokens
    if style.chat:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        return {"messages": messages, "max_tokens": most, **given}
    temperature = float(given.pop("temperature", 0) or 0)
    sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
    parameters = {"max_new_tokens": most, "details": True, "return_full_text": False, **sampling, **given}
    return {"inputs": prompt_of(request, style), "parameters": parameters}


def prompt_of(request: Request, style: Style) -> str:
    """The one text of a conversation: examples and earlier turns stand before the last question."""
    instruction = "\n\n".join(message.content for message in request.messages if message.role == "system")
    turns = [message for message in request.messages if message.role != "system"]
    context = "\n\n".join(message.content for message in turns)
    return filled(style.template, {"instruction": instruction, "context": context}) + style.before_answer


def completion_of(body: Any, request: Request, sent: Mapping[str, Any], real: bool) -> Completion:
    """The answer in a container's reply: `generated_text` in its variants, or OpenAI's shape.

    Raises `Unavailable` for a reply without an answer.
    """
    found = body[0] if isinstance(body, list) and body and isinstance(body[0], dict) else body
    if not isinstance(found, dict):
        raise Unavailable("the container sent no answer")
    if isinstance(found.get("choices"), list) and found["choices"]:
        return _of_choices(found, request, real)
    text = next((found[name] for name in _TEXTS if isinstance(found.get(name), str)), None)
    if text is None:
        told = scrubbed(str(found.get("error") or found.get("message") or "no text"), ())
        raise Unavailable(f"the container sent no answer: {told}")
    text = text.removeprefix(str(sent.get("inputs", "")))
    details = found.get("details") if isinstance(found.get("details"), dict) else {}
    counted = int((details or {}).get("generated_tokens") or 0) or count_tokens(text)
    reason = str((details or {}).get("finish_reason") or "")
    if not reason and counted >= int(sent.get("parameters", {}).get("max_new_tokens", counted + 1)):
        reason = "length"
    return _checked(text, _FINISHED.get(reason, reason), _prompt_tokens(request), counted, real)


def _of_choices(found: Mapping[str, Any], request: Request, real: bool) -> Completion:
    choice = found["choices"][0] if isinstance(found["choices"][0], dict) else {}
    message = choice.get("message") if isinstance(choice.get("message"), dict) else {}
    text = (message or {}).get("content") or choice.get("text") or ""
    usage = found.get("usage") if isinstance(found.get("usage"), dict) else {}
    prompt = int((usage or {}).get("prompt_tokens") or 0) or _prompt_tokens(request)
    counted = int((usage or {}).get("completion_tokens") or 0) or count_tokens(str(text))
    reason = str(choice.get("finish_reason") or "")
    return _checked(str(text), _FINISHED.get(reason, reason), prompt, counted, real)


def _checked(text: str, reason: str, prompt: int, counted: int, real: bool) -> Completion:
    answer = Completion(text.strip(), reason, prompt, counted, real=real)
    if reason == "stop" and not answer.text:
        raise Unavailable("the container sent an empty answer", paid=answer)
    return answer


def _prompt_tokens(request: Request) -> int:
    return sum(count_tokens(message.content) for message in request.messages)
