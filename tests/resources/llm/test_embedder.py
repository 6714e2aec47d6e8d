import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.llm.embedded.embedder import DIMENSIONS, embed

TEXTS = ["The monthly fee is $5.00.", "储蓄账户的月费为5元", "", "getUserName()", "The monthly fee is $5.00."]


def cosine(left, right):
    return float(embed(left) @ embed(right))


def test_one_batch_or_two_give_equal_bytes():
    whole = b"".join(embed(text).tobytes() for text in TEXTS)
    halves = [b"".join(embed(text).tobytes() for text in part) for part in (TEXTS[3:], TEXTS[:3])]
    assert whole == halves[1] + halves[0]


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_with_another_hash_seed_gives_equal_bytes(hash_seed):
    code = "from resources.llm.embedded.embedder import embed; print(embed('ATM fee, 月费').tobytes().hex())"
    output = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
    )
    assert output.stdout.strip() == embed("ATM fee, 月费").tobytes().hex()


@given(st.text())
def test_a_vector_has_unit_length_or_is_all_zero(text):
    vector = embed(text)
    assert vector.shape == (DIMENSIONS,)
    assert vector.dtype == np.float32
    assert np.isclose(np.linalg.norm(vector), 1.0, atol=1e-5) or not vector.any()


def test_a_text_without_features_is_all_zero():
    assert not embed("|---| the of").any()


@pytest.mark.parametrize("dimensions", [1, 64, 100, 1024])
def test_any_number_of_dimensions_can_be_had(dimensions):
    assert embed("monthly fee", dimensions).shape == (dimensions,)


def test_related_texts_are_nearer_than_unrelated_ones():
    question = "What is the monthly fee of a savings account?"
    assert cosine(question, "Savings accounts: monthly fees") > cosine(question, "Call us if your card is lost") + 0.3


def test_a_typo_stays_near():
    assert cosine("withdrawal", "withdrawl") > 0.1 > abs(cosine("withdrawal", "insurance"))
