"""Erasing documents from the ledger, and ledgers that this version does not write."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from resources.errors import SettingsError
from resources.llm.embedded.provider import EmbeddedEmbedder
from resources.llm.gateway import EmbeddingLane, Gateway, Lane
from resources.llm.ledger import ErasedCalls, Ledger, LedgerError
from resources.llm.ledger_schema import VERSION, calls, version
from resources.llm.prices import Price

PLANTED = "Zanzibarite-7741"


def everything(ledger: Ledger) -> str:
    """Every value of every table."""
    found = []
    with ledger.reading() as connection:
        for table in sa.inspect(connection).get_table_names():
            found += [str(row) for row in connection.execute(sa.text(f"select * from {table}"))]
    return "\n".join(found)


def test_what_a_document_said_is_gone_and_what_it_cost_is_kept(any_ledger, service) -> None:
    lane = Lane("teacher", service, Price(1000.0, 1000.0, 1000.0))
    requests = [service.request(f"{PLANTED} {number}", "v1", f"v{number}") for number in range(5)]
    kept = service.request("of another document", "v9")
    gateway = Gateway(any_ledger, "run-1")
    gateway.complete(lane, [*requests, kept])
    before = any_ledger.spend()
    assert PLANTED in everything(any_ledger)
    assert any_ledger.erase(["v1", "unknown"]) == ErasedCalls(bodies=5, calls=5)
    assert PLANTED not in everything(any_ledger)
    assert any_ledger.spend() == before
    assert any_ledger.spent(run_id="run-1") == pytest.approx(gateway.usage.cost)
    assert any_ledger.find([*requests, kept]).keys() == {kept.key}
    with any_ledger.reading() as connection:
        rows = connection.execute(sa.select(calls.c.key, calls.c.erased_at)).all()
    assert {row.key for row in rows if row.erased_at} == {request.key for request in requests}


def test_an_erased_call_answers_nothing_and_an_equal_request_is_paid_again(any_ledger, service) -> None:
    lane = Lane("teacher", service, Price(1000.0, 1000.0, 1000.0))
    request = service.request("question", "v1")
    [first] = Gateway(any_ledger).complete(lane, [request])
    any_ledger.erase(["v1"])
    [second] = Gateway(any_ledger).complete(lane, [request])
    assert (first.cached, second.cached) == (False, False)
    assert service.asked == ["question", "question"]
    assert any_ledger.spent() == pytest.approx(first.cost + second.cost)
    assert any_ledger.erase(["v1"]) == ErasedCalls(bodies=1, calls=1)


def test_an_embedding_is_erased_like_any_call(any_ledger) -> None:
    gateway = Gateway(any_ledger)
    lane = EmbeddingLane(EmbeddedEmbedder())
    gateway.embed(lane, [PLANTED, "other"], [("v1",), ("v2",)])
    assert any_ledger.erase(["v1"]) == ErasedCalls(bodies=1, calls=1)
    again = Gateway(any_ledger)
    again.embed(lane, [PLANTED, "other"])
    assert (again.usage.calls, again.usage.cached) == (1, 1)


def test_erasing_leaves_no_byte_of_the_text_in_any_file(ledger, service, tmp_path) -> None:
    lane = Lane("teacher", service)
    Gateway(ledger).complete(lane, [service.request(f"{PLANTED} {n} " + "x" * 3000, "v1") for n in range(50)])
    Gateway(ledger).complete(lane, [service.request(f"other {n}", "v2") for n in range(50)])
    ledger.erase(["v1"])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.db" for path in files)
    assert all(PLANTED.encode() not in path.read_bytes() for path in files)


def test_a_reader_that_holds_on_to_the_log_is_told_about(ledger, service) -> None:
    Gateway(ledger).complete(Lane("teacher", service), [service.request(PLANTED, "v1")])
    with sqlite3.connect(ledger.url.removeprefix("sqlite:///")) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from answers").fetchone()
        with ledger.reading() as connection:
            connection.exec_driver_sql("pragma busy_timeout=50")
        with pytest.raises(LedgerError, match=r"in use|locked"):
            ledger.erase(["v1"])
    reader.close()
    ledger.erase(["v1"])


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(ledger_url, open_ledger) -> None:
    ledger = open_ledger(ledger_url)
    with ledger.writing() as connection:
        connection.execute(version.update().values(version=VERSION + 1))
    with pytest.raises(
        SettingsError, match=rf"has version {VERSION + 1}, and this raftline reads version {VERSION}\. Use"
    ):
        Ledger(ledger_url)


def test_a_ledger_of_an_older_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as database:
        database.execute("create table calls (key text primary key, response text)")
    with pytest.raises(SettingsError, match=r"older raftline.*set ledger_url to a new database"):
        Ledger(f"sqlite:///{tmp_path / 'old.db'}")
    with sqlite3.connect(tmp_path / "old.db") as database:
        assert database.execute("select name from sqlite_master where type = 'table'").fetchall() == [("calls",)]


def test_a_database_that_goes_away_is_an_error_in_words(postgres_url, postgres, service) -> None:
    ledger = Ledger(postgres_url)
    server = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")
    name = sa.make_url(postgres_url).database
    with server.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(LedgerError, match=r"the ledger at .* cannot be read: .*Everything recorded before is safe"):
        Gateway(ledger).complete(Lane("teacher", service), [service.request("a")])
    assert service.asked == []
    server.dispose()
    ledger.close()
