"""Embeddings: one vector per text, as numbers or base64."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from azure_openai.configuration import Deployment
from azure_openai.errors import bad_request
from azure_openai.tokens import counted
from azure_openai.vectors import vector

MOST_INPUTS, MOST_TOKENS = 2048, 300_000


def texts_of(body: Mapping[str, Any]) -> list[str]:
    """The inputs of a request. Token ids stand for themselves."""
    given = body["input"]
    if isinstance(given, str):
        return [given]
    if given and isinstance(given[0], int):
        return [" ".join(map(str, given))]
    return [item if isinstance(item, str) else " ".join(map(str, item)) for item in given]


def embed(body: Mapping[str, Any], deployment: Deployment) -> tuple[dict[str, Any], int]:
    """The answer's body and the tokens it cost. Raises `ServiceError` for inputs that are refused."""
    texts = texts_of(body)
    if not deployment.embedding_dimensions:
        message = "The embeddings operation does not work with the specified model. Please choose different model."
        raise bad_request(message, code="OperationNotSupported")
    if not texts or any(not text for text in texts):
        raise bad_request("'$.input' is invalid. Please check the API reference.", "input")
    if len(texts) > MOST_INPUTS:
        raise bad_request(f"Too many inputs. The max number of inputs is {MOST_INPUTS}.", "input")
    sizes = [counted(text) for text in texts]
    if max(sizes) > deployment.context_window or sum(sizes) > MOST_TOKENS:
        message = (
            f"This model's maximum context length is {deployment.context_window} tokens, however you requested "
            f"{max(sizes)} tokens. Please reduce your prompt."
        )
        raise bad_request(message, "input", "context_length_exceeded")
    dimensions = body.get("dimensions") or deployment.embedding_dimensions
    if dimensions > deployment.embedding_dimensions:
        raise bad_request(f"Invalid value for 'dimensions' = {dimensions}.", "dimensions")
    packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _shown(vector(text, dimensions), packed)}
        for index, text in enumerate(texts)
    ]
    used = sum(sizes)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": deployment.model, "usage": usage}, used


def _shown(values: np.ndarray, packed: bool) -> str | list[float]:
    if packed:
        return base64.b64encode(values.astype("<f4").tobytes()).decode()
    return [float(value) for value in values]
