"""Embeddings over real HTTP: batches, both encodings, counts."""

import asyncio
import base64

import numpy as np
import pytest

from resources.llm.providers import embedding_provider, identity_of


def encoded(vector: list[float]) -> str:
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def embed(settings, texts):
    provider = embedding_provider(settings)

    async def work():
        try:
            return await provider.embed(texts)
        finally:
            await provider.close()

    return asyncio.run(work())


@pytest.mark.parametrize("form", [list, encoded])
def test_a_batch_is_one_call_and_its_vectors_come_in_the_order_of_the_texts(service, azure, form) -> None:
    rows = [{"index": 1, "embedding": form([0.0, 1.0])}, {"index": 0, "embedding": form([1.0, 0.0])}]
    service.says({"data": rows, "model": "text-embedding-3-small", "usage": {"prompt_tokens": 6}}, x_emulator="yes")
    found = embed(azure(model="text-embedding-3-small"), ["first", ""])
    assert [vector.tolist() for vector in found.vectors] == [[1.0, 0.0], [0.0, 1.0]]
    assert {vector.dtype for vector in found.vectors} == {np.dtype("float32")}
    assert (found.prompt_tokens, found.served_model, found.real) == (6, "text-embedding-3-small", False)
    [call] = service.asked
    assert call.path == "/openai/v1/embeddings"
    assert call.body == {"model": "writer", "input": ["first", " "], "encoding_format": "base64"}


def test_a_compatible_server_is_asked_for_its_default_encoding_and_its_silence_is_estimated(
    service, compatible
) -> None:
    service.says({"data": [{"embedding": [1.0]}]})
    found = embed(compatible(), ["two words"])
    assert "encoding_format" not in service.asked[0].body
    assert found.prompt_tokens == 2


def test_shortened_vectors_are_another_model_s(service, azure) -> None:
    service.says({"data": [{"index": 0, "embedding": [1.0]}], "model": "text-embedding-3-small"})
    short = azure(model="text-embedding-3-small", dimensions=1)
    embed(short, ["a"])
    assert service.asked[0].body["dimensions"] == 1
    assert identity_of("embedder", short) != identity_of("embedder", azure(model="text-embedding-3-small"))
