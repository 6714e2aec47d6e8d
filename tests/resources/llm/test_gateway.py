"""The gateway: equal requests are called once, answers keep their order, and what was paid for is never lost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.errors import SettingsError
from resources.llm.embedded.provider import EmbeddedEmbedder
from resources.llm.gateway import EmbeddingLane, Gateway, Lane, ModelCallFailed
from resources.llm.ledger import Ledger
from resources.llm.prices import Price
from resources.llm.resource import ModelsResource
from resources.llm.roles import Limits

TEXTS = ["The fee is $5.00.", "费用为五元。", "", "The fee is $5.00.", "x" * 3000]


def test_equal_requests_are_called_once_and_answers_keep_their_order(ledger, service) -> None:
    requests = [service.request(text) for text in ("b", "a", "b", "c")]
    answers = Gateway(ledger).complete(Lane("teacher", service), requests)
    assert [answer.text for answer in answers] == ["echo: b", "echo: a", "echo: b", "echo: c"]
    assert sorted(service.asked) == ["a", "b", "c"]


def test_a_second_run_calls_nothing(ledger, service) -> None:
    requests = [service.request(str(number)) for number in range(70)]
    first = Gateway(ledger).complete(Lane("teacher", service), requests)
    again = Gateway(ledger)
    second = again.complete(Lane("teacher", service), requests)
    assert len(service.asked) == 70
    assert [answer.text for answer in second] == [answer.text for answer in first]
    assert (again.usage.calls, again.usage.cached) == (0, 70)
    assert all(answer.cached for answer in second)


def test_usage_counts_calls_tokens_and_money(ledger, service) -> None:
    gateway = Gateway(ledger)
    lane = Lane("teacher", service, Price(prompt=1000.0, completion=2000.0))
    gateway.complete(lane, [service.request("a"), service.request("b")])
    assert (gateway.usage.calls, gateway.usage.tokens) == (2, 220)
    assert gateway.usage.cost == pytest.approx(2 * (100 * 1000 + 10 * 2000) / 1e6)
    assert ledger.spend().to_pylist()[0]["cost"] == pytest.approx(gateway.usage.cost)


def test_a_failed_call_is_named_and_costs_none_of_the_others_their_answer(ledger, service) -> None:
    requests = [service.request(text) for text in ("a", "fail", "b")]
    with pytest.raises(ModelCallFailed, match=r"teacher.*test/echo-1.*the line is dead"):
        Gateway(ledger).complete(Lane("teacher", service), requests)
    assert len(ledger.find(requests)) == 2
    service.asked.clear()
    Gateway(ledger).complete(Lane("teacher", service), [requests[0], requests[2]])
    assert service.asked == []


def test_after_a_failure_what_is_not_yet_called_never_is(ledger, service) -> None:
    lane = Lane("teacher", service, limits=Limits(concurrency=1))
    with pytest.raises(ModelCallFailed):
        Gateway(ledger).complete(lane, [service.request(text) for text in ("fail", "a", "b", "c")])
    assert service.asked == ["fail"]


def test_an_answer_that_another_process_recorded_meanwhile_is_the_one_used(ledger, service) -> None:
    class Racing:
        identity = service.identity
        close = service.close

        async def complete(self, request):
            answer = await service.complete(request)
            Gateway(ledger).ledger.record([_entry(request, "the other's answer")])
            return answer

    [answer] = Gateway(ledger).complete(Lane("teacher", Racing()), [service.request("a")])
    assert answer.text == "the other's answer"


def _entry(request, text):
    from resources.llm.ledger import Entry
    from resources.llm.request import Completion

    return Entry(request, Completion(text, "stop", 1, 1), 0.0)


def test_no_requests_are_no_calls(ledger, service) -> None:
    assert Gateway(ledger).complete(Lane("teacher", service), []) == []
    assert Gateway(ledger).embed(EmbeddingLane(EmbeddedEmbedder()), []) == []


def test_a_text_is_embedded_to_the_same_bytes_in_one_batch_in_two_or_from_the_ledger(tmp_path) -> None:
    def embed(name: str, *batches: list[str]) -> list[bytes]:
        ledger = Ledger(f"sqlite:///{tmp_path / name}.db")
        gateway = Gateway(ledger)
        vectors = [vector for batch in batches for vector in gateway.embed(EmbeddingLane(EmbeddedEmbedder()), batch)]
        ledger.close()
        return [vector.tobytes() for vector in vectors]

    whole = embed("one", TEXTS)
    assert embed("two", TEXTS[:2], TEXTS[2:]) == whole
    assert embed("three", *([text] for text in TEXTS)) == whole
    assert embed("one", TEXTS) == whole
    assert whole[0] == whole[3]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=6), st.data())
def test_where_a_batch_is_cut_changes_no_vector(tmp_path, texts, data) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    whole, parts = Ledger("sqlite://"), Ledger("sqlite://")
    one = Gateway(whole).embed(EmbeddingLane(EmbeddedEmbedder()), texts)
    two = [
        *Gateway(parts).embed(EmbeddingLane(EmbeddedEmbedder()), texts[:cut]),
        *Gateway(parts).embed(EmbeddingLane(EmbeddedEmbedder()), texts[cut:]),
    ]
    assert [vector.tobytes() for vector in one] == [vector.tobytes() for vector in two]
    assert all(vector.dtype == np.float32 for vector in one)
    whole.close()
    parts.close()


def test_the_documents_of_a_cached_text_are_recorded_too(tmp_path, ledger) -> None:
    gateway = Gateway(ledger)
    gateway.embed(EmbeddingLane(EmbeddedEmbedder()), ["same text"], [("version-1",)])
    gateway.embed(EmbeddingLane(EmbeddedEmbedder()), ["same text", "same text"], [("version-2",), ("version-3",)])
    import sqlite3

    with sqlite3.connect(ledger.url.removeprefix("sqlite:///")) as database:
        found = {version for (version,) in database.execute("select document_version from call_sources")}
    assert found == {"version-1", "version-2", "version-3"}


def test_roles_are_opened_over_one_ledger_and_unknown_ones_are_named(tmp_path) -> None:
    resource = ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}")
    with resource.open() as models:
        assert models.chat("teacher").identity.model.startswith("extractive-teacher@")
        assert models.chat("contextualizer").identity != models.chat("teacher").identity
        models.embedder().embed(["text"])
        assert models.usage.calls == 1
        with pytest.raises(SettingsError, match=r"'oracle'.*contextualizer, teacher"):
            models.chat("oracle")
    assert resource.spend().to_pylist()[0]["stage"] == "embedder"


@pytest.mark.parametrize("erased", ["version-1", "version-2"])
def test_equal_requests_of_two_documents_are_called_once_and_belong_to_both(ledger, service, erased) -> None:
    requests = [service.request("same", "version-1"), service.request("same", "version-2")]
    Gateway(ledger).complete(Lane("teacher", service), requests)
    assert service.asked == ["same"]
    assert ledger.erase([erased]).bodies == 1


def test_a_request_that_may_not_leave_is_not_answered_in_the_name_of_an_equal_one(ledger, service) -> None:
    barred = replace(service.request("same", "version-2"), refusal="not sent: confidential")
    open_, kept = Gateway(ledger).complete(Lane("teacher", service), [service.request("same", "version-1"), barred])
    assert open_.usable
    assert kept.failure == "not sent: confidential"
