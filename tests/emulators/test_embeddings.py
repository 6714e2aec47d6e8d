"""The emulator's vectors: the same for the same text, near for texts that share words."""

import base64

import numpy as np
import openai
import pytest

MODEL = "text-embedding-3-small"


def test_texts_that_share_words_are_near(client) -> None:
    texts = ["The fee for a bicycle", "What is the fee for bicycles?", "An opera about lighthouses"]
    one, near, far = (np.array(row.embedding) for row in client.embeddings.create(model=MODEL, input=texts).data)
    assert one @ near > 0.5 > 0.2 > one @ far
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)


def test_a_vector_does_not_depend_on_the_batch_or_the_encoding(client, http) -> None:
    alone = client.embeddings.create(model=MODEL, input="自行车的票价", encoding_format="float").data[0].embedding
    body = {"model": MODEL, "input": ["another", "自行车的票价"], "encoding_format": "base64"}
    packed = http.post("/openai/v1/embeddings", json=body).json()["data"][1]["embedding"]
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(packed), dtype="<f4"), alone, rtol=1e-6)


def test_fewer_dimensions_may_be_asked_for_but_not_more(client) -> None:
    assert len(client.embeddings.create(model=MODEL, input="fee", dimensions=64).data[0].embedding) == 64
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        client.embeddings.create(model=MODEL, input="fee", dimensions=4096)


def test_empty_and_overlong_texts_are_refused(client) -> None:
    with pytest.raises(openai.BadRequestError, match="invalid"):
        client.embeddings.create(model=MODEL, input=["fee", ""])
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        client.embeddings.create(model=MODEL, input="fee " * 9000)


def test_a_chat_model_does_not_embed_and_an_embedder_does_not_chat(client) -> None:
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="gpt-4o", input="fee")
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "fee"}])


def test_a_plain_server_embeds_too(plain) -> None:
    answer = plain.embeddings.create(model=MODEL, input=["fee"])
    assert len(answer.data[0].embedding) == 1536
    assert answer.usage.prompt_tokens == 1
