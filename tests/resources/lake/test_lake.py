"""The lake: what is written is whole, declared, unique and equal byte for byte when its rows are equal."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.errors import LakeError
from resources.lake.lake import Lake, table_version
from resources.lake.metadata import sample_table
from resources.lake.tables import BATCHED, BY_RECIPE, QUESTION_GROUPS, RAW_PDFS, TABLES


def groups(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"group": group, "split": split} for group, split in pairs]


def document(number: int, error: str | None = None) -> dict[str, Any]:
    return {
        "document_id": f"d{number}", "version": "v", "uri": f"{number}.pdf", "title": "费用 [/b] =1+1", "bytes": number,
        "page_count": 1, "status": "ok", "error": error, "tombstone": False,
    }  # fmt: skip


def bytes_of(lake: Lake, table: Any) -> bytes:
    return Path(lake.location(table)).read_bytes()


def test_a_table_with_other_columns_is_named_with_what_to_do(lake) -> None:
    before = replace(QUESTION_GROUPS, schema=QUESTION_GROUPS.schema.append(pa.field("score", pa.float64())))
    lake.write(before, [{"group": "g", "split": "train", "score": 1.0}])
    with pytest.raises(LakeError, match=rf"question_groups/.* by another version of raftline.* move {lake.root} away"):
        lake.rows(QUESTION_GROUPS)


def test_rows_come_back_as_they_went_in_sorted_by_key(lake) -> None:
    lake.write(QUESTION_GROUPS, groups(("b", "test"), ("a", "train")))
    assert lake.rows(QUESTION_GROUPS) == groups(("a", "train"), ("b", "test"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 50), st.none() | st.text(st.characters(exclude_categories=["Cs"]))), max_size=8),
    st.randoms(),
)
def test_equal_rows_are_equal_bytes_in_whatever_order_they_arrive(tmp_path, numbers, shuffle) -> None:
    rows = [document(number, error) for number, error in dict(numbers).items()]
    shuffled = rows[:]
    shuffle.shuffle(shuffled)
    one, two = Lake(tmp_path / "one"), Lake(tmp_path / "two")
    as_table = pa.Table.from_pylist(shuffled, schema=RAW_PDFS.schema)
    assert one.write(RAW_PDFS, rows) == two.write(RAW_PDFS, as_table)
    assert bytes_of(one, RAW_PDFS) == bytes_of(two, RAW_PDFS)


def test_columns_in_another_order_and_split_into_pieces_are_the_same_table(tmp_path) -> None:
    rows = [document(number) for number in range(4)]
    whole = pa.Table.from_pylist(rows, schema=RAW_PDFS.schema)
    pieces = pa.concat_tables([whole.slice(2), whole.slice(0, 2)]).select(list(reversed(RAW_PDFS.schema.names)))
    one, two = Lake(tmp_path / "one"), Lake(tmp_path / "two")
    assert one.write(RAW_PDFS, whole) == two.write(RAW_PDFS, pieces)
    assert bytes_of(one, RAW_PDFS) == bytes_of(two, RAW_PDFS)


def test_an_empty_partition_is_a_partition_however_it_is_given(tmp_path) -> None:
    one, two = Lake(tmp_path / "one"), Lake(tmp_path / "two")
    assert one.write(RAW_PDFS, []) == two.write(RAW_PDFS, RAW_PDFS.schema.empty_table())
    assert one.rows(RAW_PDFS) == []
    assert one.version(RAW_PDFS) is not None
    assert bytes_of(one, RAW_PDFS) == bytes_of(two, RAW_PDFS)


def test_a_table_read_back_has_the_version_it_was_written_with(lake) -> None:
    version = lake.write(RAW_PDFS, [document(1), document(2, "torn")])
    assert lake.version(RAW_PDFS) == version == table_version(lake.read(RAW_PDFS))


def test_the_version_is_the_hash_of_the_arrow_stream_and_holds_no_copy_of_it(lake) -> None:
    data = pa.table({"text": [f"{number:04d}" * 250 for number in range(4000)]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    expected = hashlib.sha256(sink.getvalue()).hexdigest()
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    assert table_version(data) == expected
    peak = tracemalloc.get_traced_memory()[1] + pa.total_allocated_bytes() - before
    tracemalloc.stop()
    assert peak < len(sink.getvalue()) / 2


def test_the_version_is_read_whatever_the_size_of_the_footer(lake) -> None:
    wide = [document(1, "x" * 200_000)]
    assert lake.version(RAW_PDFS) is None
    assert lake.write(RAW_PDFS, wide) == lake.version(RAW_PDFS)


def test_equal_content_is_not_written_again(lake) -> None:
    lake.write(QUESTION_GROUPS, groups(("a", "train")))
    before = Path(lake.location(QUESTION_GROUPS)).stat().st_mtime_ns
    lake.write(QUESTION_GROUPS, groups(("a", "train")))
    assert Path(lake.location(QUESTION_GROUPS)).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([{"group": "a"}], "split"),
        ([{"group": "a", "split": "train", "colour": "red"}], "colour"),
        ([{"group": "a", "split": None}], "split.*null"),
        (groups(("a", "train"), ("a", "test")), "repeat a key"),
        ([{"group": "a", "split": 3}], "question_groups"),
        (pa.table({"group": ["a"]}), "split"),
        (pa.table({"group": ["a"], "split": ["x"], "colour": ["red"]}), "colour"),
        (pa.table({"group": ["a"], "split": [["x"]]}), "question_groups"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name_and_leave_the_old_table(lake, rows, named) -> None:
    lake.write(QUESTION_GROUPS, groups(("old", "train")))
    with pytest.raises(LakeError, match=named) as caught:
        lake.write(QUESTION_GROUPS, rows)
    assert "question_groups" in str(caught.value)
    assert lake.rows(QUESTION_GROUPS) == groups(("old", "train"))


def test_a_number_too_large_for_its_column_is_refused(lake) -> None:
    with pytest.raises(LakeError, match="raw_pdfs"):
        lake.write(RAW_PDFS, [document(2**70)])


def test_a_partition_that_was_never_made_says_what_to_do(lake) -> None:
    with pytest.raises(LakeError, match=r"raw_pdfs.*000001-aa.*materialize raw_pdfs first"):
        lake.read(RAW_PDFS, "000001-aa")
    assert lake.version(RAW_PDFS, "000001-aa") is None
    assert lake.rows_or_empty(RAW_PDFS, "000001-aa") == []


def test_partitions_are_listed_sorted_and_can_be_deleted(lake) -> None:
    for partition in ("b", "a", "c"):
        lake.write(QUESTION_GROUPS, [], partition)
    lake.delete(QUESTION_GROUPS, "b")
    lake.delete(QUESTION_GROUPS, "never-there")
    assert lake.partitions(QUESTION_GROUPS) == ["a", "c"]
    assert lake.partitions(RAW_PDFS) == []


def test_a_folder_given_as_url_is_the_same_lake(tmp_path) -> None:
    folder = tmp_path / "lake"
    Lake(folder).write(QUESTION_GROUPS, groups(("a", "train")))
    assert Lake(f"file://{folder}").rows(QUESTION_GROUPS) == groups(("a", "train"))


def test_killed_at_any_moment_a_writer_leaves_the_old_table_or_the_new_one(tmp_path) -> None:
    program = (
        "import sys\n"
        "from resources.lake.lake import Lake\n"
        "from resources.lake.tables import QUESTION_GROUPS\n"
        "lake = Lake(sys.argv[1])\n"
        "for turn in range(10**6):\n"
        "    lake.write(QUESTION_GROUPS, [{'group': str(n), 'split': str(turn)} for n in range(3000)])\n"
        "    print(turn, flush=True)\n"
    )
    for pause in (0.0, 0.013, 0.021):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "lake")], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(pause)
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        rows = Lake(tmp_path / "lake").rows(QUESTION_GROUPS)
        assert len(rows) == 3000
        assert len({row["split"] for row in rows}) == 1
        assert Lake(tmp_path / "lake").partitions(QUESTION_GROUPS) == ["all"]


def test_blobs_are_named_by_their_content_and_stored_once(lake, tmp_path) -> None:
    digest = lake.put_blob(b"%PDF")
    assert lake.put_blob(b"%PDF") == digest
    assert lake.get_blob(digest) == b"%PDF"
    assert [path.name for path in (tmp_path / "lake" / "blobs").iterdir()] == [digest]


def test_a_blob_that_is_gone_is_named(lake) -> None:
    assert not lake.has_blob("0" * 64)
    with pytest.raises(LakeError, match="0" * 64):
        lake.get_blob("0" * 64)


def test_a_fingerprint_is_what_was_put_until_it_is_dropped(lake) -> None:
    assert lake.fingerprint("chunks", "b") is None
    lake.put_fingerprint("chunks", "b", {"code": "1"})
    assert lake.fingerprint("chunks", "b") == {"code": "1"}
    lake.drop_fingerprint("chunks", "b")
    lake.drop_fingerprint("chunks", "b")
    assert lake.fingerprint("chunks", "b") is None


def test_a_torn_fingerprint_counts_as_none(lake, tmp_path) -> None:
    lake.put_fingerprint("chunks", "b", {"code": "1"})
    (tmp_path / "lake" / "fingerprints" / "chunks" / "b.json").write_text('{"co')
    assert lake.fingerprint("chunks", "b") is None


def test_every_table_can_be_written_empty_and_keys_name_columns(lake) -> None:
    for name, table in TABLES.items():
        assert set(table.key) | set(table.order) <= set(table.schema.names), name
        lake.write(table, [])
    assert set(TABLES) >= BATCHED | BY_RECIPE


def test_a_sample_has_at_most_twenty_rows_and_no_vectors() -> None:
    data = pa.table({"name": [str(n) for n in range(1000)], "vector": [[0.5]] * 1000})
    sample = sample_table(data)
    assert len(sample.records) == 20
    assert [column.name for column in sample.schema.columns] == ["name"]
