"""The runtime: invocations answered from the prompt's own text, in the shape that the container speaks."""

import json
import re
from typing import Any

from azure_openai.answering import answer
from azure_openai.configuration import Configuration as Chat
from azure_openai.frames import Turn
from sagemaker import stores
from sagemaker.errors import ServiceError
from sagemaker.hosting import known, state_of
from sagemaker.world import ACCOUNT, Endpoint, World

RESPONSE_KEY = "\n\n### Response:\n"
"""What the training scripts put between prompt and completion."""

_DOCUMENTS = re.compile(r"(?:<DOCUMENT>.*?</DOCUMENT>\n?)+", re.DOTALL)


class ModelError(ServiceError):
    """The container's own refusal, wrapped by the runtime."""

    def __init__(self, status: int, message: str):
        words = f"Received client error ({status}) from primary with message {message!r}."
        super().__init__("ModelError", words, 424)
        self.original_status = status
        self.original_message = message


def invoke(world: World, name: str, body: bytes) -> Any:
    """The JSON that an endpoint answers."""
    endpoint = _serving(world, name)
    if endpoint.asynchronous:
        raise ServiceError("ValidationError", f"Endpoint {name} is asynchronous: use InvokeEndpointAsync.")
    return _answered(world, endpoint, body)


def invoke_later(world: World, name: str, location: str) -> dict[str, str]:
    """Answers a request that lies in storage; the answer, or the failure, is put there too."""
    endpoint = _serving(world, name)
    if not endpoint.asynchronous:
        raise ServiceError("ValidationError", f"Endpoint {name} is not asynchronous.")
    if not stores.keys_below(location):
        raise ServiceError("ValidationError", f"No S3 object at {location}")
    output = world.configs[endpoint.config]["AsyncInferenceConfig"]["OutputConfig"]
    number = f"{len(world.served):06d}"
    answers = f"{output['S3OutputPath'].rstrip('/')}/{number}.out"
    failures = f"{output.get('S3FailurePath', output['S3OutputPath'] + '/failed').rstrip('/')}/{number}-error.out"
    try:
        stores.write(answers, json.dumps(_answered(world, endpoint, stores.read(location))).encode())
    except ModelError as error:
        stores.write(failures, error.message.encode())
    return {"InferenceId": number, "OutputLocation": answers, "FailureLocation": failures}


def _serving(world: World, name: str) -> Endpoint:
    try:
        endpoint = known(world, name)
    except ServiceError as error:
        raise ServiceError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.") from error
    if state_of(world, endpoint) != "InService":
        raise ServiceError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
    endpoint.last_invoked = world.now
    return endpoint


def _answered(world: World, endpoint: Endpoint, body: bytes) -> Any:
    try:
        asked = json.loads(body)
    except ValueError:
        raise ModelError(400, "the body is no JSON") from None
    turns = _turns(asked)
    prompt = "".join(turn.text for turn in turns)
    if len(prompt) // 4 > world.configuration.context_window:
        raise ModelError(
            422, f"Input validation error: `inputs` must have less than {world.configuration.context_window} tokens"
        )
    override = next((given for given in world.configuration.answers if given.match in prompt), None)
    text = override.text if override else answer(turns, {}, Chat())
    parameters = asked.get("parameters", {})
    most = parameters.get("max_new_tokens", asked.get("max_tokens"))
    words = text.split(" ")
    cut = most is not None and len(words) > most
    if cut:
        text = " ".join(words[:most])
    return _shaped(world, endpoint, asked, prompt, text, "length" if cut else "stop")


def _turns(asked: Any) -> tuple[Turn, ...]:
    if isinstance(asked, dict) and isinstance(asked.get("messages"), list):
        return tuple(Turn(message["role"], message["content"]) for message in asked["messages"])
    if isinstance(asked, dict) and isinstance(asked.get("inputs"), str):
        before, after = _last_question(asked["inputs"].removesuffix(RESPONSE_KEY).strip())
        return (Turn("system", before), Turn("user", after))
    raise ModelError(422, "Failed to deserialize the JSON body: missing field `inputs`")


def _last_question(text: str) -> tuple[str, str]:
    """A prompt's text before its last documents and question, and these: examples come before them."""
    blocks = list(_DOCUMENTS.finditer(text))
    start = blocks[-1].start() if blocks else text.rfind("\n\n") + 2 if "\n\n" in text else 0
    return text[:start], text[start:]


def _shaped(world: World, endpoint: Endpoint, asked: dict[str, Any], prompt: str, text: str, finish: str) -> Any:
    shape = world.configuration.reply_shape
    counts = (len(prompt) // 4, len(text) // 4)
    if shape == "openai" or (shape == "container" and "messages" in asked):
        return {
            "id": "chatcmpl-emulator",
            "object": "chat.completion",
            "model": "lmi",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
            "usage": {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)},
        }
    reply: dict[str, Any] = {"generated_text": text}
    if asked.get("parameters", {}).get("return_full_text"):
        reply["generated_text"] = asked["inputs"] + text
    if asked.get("parameters", {}).get("details"):
        reason = {"stop": "eos_token", "length": "length"}[finish]
        reply["details"] = {"finish_reason": reason, "generated_tokens": counts[1], "inputs": None}
    is_list = shape == "list" or (shape == "container" and "tgi" in endpoint.loaded["image"])
    return [reply] if is_list else reply
