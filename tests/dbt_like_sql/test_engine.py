"""What a query sees of the lake, and what it cannot reach."""

import pyarrow as pa
import pytest

from dbt_like_sql.engine import Source, Subject, execute, partition_versions, query
from dbt_like_sql.parsing import SqlFileError, read_sql
from dbt_like_sql.relations import COMPUTED
from resources.errors import LakeError
from resources.lake.tables import RAFT_DATASET, RAW_PDFS
from resources.llm.ledger import SPEND_SCHEMA


@pytest.fixture
def run(tmp_path, house):
    def run_sql(sql: str, subject: Subject | None = None, **providers) -> list[dict]:
        path = tmp_path / "query.sql"
        path.write_text(f"-- A query.\n{sql}", encoding="utf-8")
        return query(read_sql(path, ()), Source(house.lake, {}, providers), subject).to_pylist()

    return run_sql


def test_all_batches_of_a_table_are_read_with_their_key_and_sequence(house, document, run):
    first = house.add(1, document("a.pdf", "v1", "one"))
    second = house.add(12, document("b.pdf", "v1", "two"))
    rows = run("select uri, batch, sequence from raw_pdfs")
    assert [(row["uri"], row["batch"], row["sequence"]) for row in rows] == [("a.pdf", first, 1), ("b.pdf", second, 12)]


def test_a_table_that_was_never_written_is_empty(run):
    assert run("select count(*) as n from raft_dataset where recipe = 'x'") == [{"n": 0}]
    assert run("select count(*) as n from champion_model") == [{"n": 0}]


def test_a_check_sees_only_its_own_batch_of_every_batched_table(house, document, run):
    first = house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("b.pdf", "v1", "two"))
    rows = run("select t.text, r.uri from this as t join raw_pdfs as r using (document_id)", Subject("chunks", first))
    assert rows == [{"text": "one", "uri": "a.pdf"}]


def test_a_check_of_a_partition_that_was_never_written_does_not_pass_silently(run):
    with pytest.raises(LakeError, match="materialize chunks first"):
        run("select * from this", Subject("chunks", "000009-abcd"))


def test_a_partition_with_other_columns_asks_to_be_made_again(house, run):
    old = type(RAW_PDFS)(RAW_PDFS.name, pa.schema([("document_id", pa.string())]), ("document_id",))
    house.lake.write(old, [{"document_id": "a"}], "000001-abcd")
    with pytest.raises(LakeError, match=r"000001-abcd.*by another version of raftline.*move "):
        run("select * from raw_pdfs")


@pytest.mark.parametrize(
    "outside", ["read_csv('/etc/hostname')", "'/etc/hostname'", "read_parquet('https://localhost/x')", "local_variable"]
)
def test_nothing_outside_the_given_relations_can_be_read(tmp_path, outside):
    local_variable = pa.table({"a": [1]})
    assert local_variable.num_rows == 1
    (tmp_path / "query.sql").write_text(f"-- A query.\nselect * from {outside}")
    with pytest.raises(SqlFileError):
        execute(read_sql(tmp_path / "query.sql", ()), {})


def test_versions_are_computed_for_batched_tables_but_not_for_markers(house, document):
    batch = house.add(1, document("a.pdf", "v1", "one"))
    found = {row["table_name"]: row for row in partition_versions(house.lake).to_pylist()}
    assert found["chunks"]["data_version"] == house.lake.version("chunks", batch)
    assert "batch_markers" not in found
    assert RAFT_DATASET.name not in found


def test_a_provided_relation_is_asked_for_only_when_it_is_read(run):
    def never() -> pa.Table:
        raise AssertionError("not needed")

    spend = pa.Table.from_pylist(
        [{"stage": "teacher", "model": "m", "calls": 2, "prompt_tokens": 3, "completion_tokens": 4, "cost": 0.5}],
        schema=SPEND_SCHEMA,
    )
    assert run("select 1 as a from recipes", ledger_calls=never) == []
    assert run("select stage, cost from ledger_calls", ledger_calls=lambda: spend) == [
        {"stage": "teacher", "cost": 0.5}
    ]


def test_the_spend_relation_is_what_the_ledger_gives():
    assert COMPUTED["ledger_calls"] == SPEND_SCHEMA
