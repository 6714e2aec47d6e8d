"""Content identity: equal values have equal names, and text that UTF-8 cannot carry never stops the pipeline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.hashing import canonical_json, content_hash, seeded_unit, short_id, well_formed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_the_order_of_keys_does_not_matter(value) -> None:
    assert content_hash(value) == content_hash(dict(reversed(value.items())))


def test_parts_are_not_run_together() -> None:
    assert content_hash("ab", "c") != content_hash("a", "bc")
    assert short_id("a", 1) != short_id("a", "1")


def test_a_number_that_is_none_has_no_identity() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


@given(st.lists(st.text(), max_size=3))
def test_a_coin_flip_is_in_the_unit_interval_and_never_changes(parts) -> None:
    assert 0 <= seeded_unit(*parts) < 1
    assert seeded_unit(*parts) == seeded_unit(*parts)


def test_chinese_text_is_its_own_utf8() -> None:
    assert canonical_json({"q": "费用"}) == '{"q":"费用"}'


@given(st.text(st.characters()))
def test_any_text_becomes_one_that_can_be_hashed_and_stored(text) -> None:
    sane = well_formed(text)
    assert len(content_hash(sane)) == 64
    assert well_formed(sane) == sane


def test_a_lone_surrogate_is_spelled_out_and_other_text_is_left_alone() -> None:
    assert well_formed("caf\udce9.pdf") == "caf\\udce9.pdf"
    assert well_formed("café 费用 😀") == "café 费用 😀"
