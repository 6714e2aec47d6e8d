"""What endpoints cost this month, and whether what answers is the champion."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assets.serving.upkeep import bill_of, wrong_service
from resources.training.endpoints import REMOVED, EndpointBook
from resources.training.serving import EndpointHandle

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
ONE = EndpointHandle("cloud", "serving-1", "model-1", "serving", usd_per_hour=2.0)
ROW = {"model_id": "model-1", "recipe": "r", "backend": "cloud", "base_model": "b", "state": "deployed"}


@pytest.fixture
def book(tmp_path):
    """A book whose clock stands at noon of the third of November."""
    with closing(EndpointBook(f"sqlite:///{tmp_path / 'ledger.db'}", lambda: NOON)) as opened:
        yield opened


def test_the_month_is_billed_from_its_first_moment_for_whatever_was_up_in_it(book) -> None:
    book.up(replace(ONE, created_at=NOON - timedelta(days=30)))
    book.up(replace(ONE, name="evaluation-1", purpose="evaluation", created_at=NOON - timedelta(hours=1)))
    before = book.up(replace(ONE, name="october", usd_per_hour=None, created_at=NOON - timedelta(days=30)))
    bill = bill_of(book)
    assert bill.usd == pytest.approx(2.0 * (2 * 24 + 12) + 2.0)
    assert bill.unpriced == ("october",)
    book.note(before, REMOVED)
    assert [bill.within(alarm) for alarm in (None, 122.0, 121.9)] == [True, True, False]


@pytest.mark.parametrize(
    ("champion", "row", "serving", "problem"),
    [
        ("model-1", ROW, ONE, ""),
        (None, ROW | {"model_id": "base", "state": "in process"}, None, ""),
        ("model-1", ROW | {"state": "not kept"}, None, ""),
        ("model-1", None, None, "was never made"),
        ("model-2", ROW, ONE, "model-1 is served, and the champion is model-2"),
        (None, ROW, ONE, "the champion is base"),
        ("model-1", ROW | {"state": "in process"}, ONE, "serving-1 still serves model-1"),
        ("model-1", ROW, None, "in use no more"),
        ("model-1", ROW, replace(ONE, model_id="model-2"), "serves model-2, not model-1"),
    ],
)
def test_what_answers_must_be_the_champion(champion, row, serving, problem) -> None:
    found = wrong_service(champion, row, serving)
    assert problem in found
    assert bool(found) == bool(problem)
