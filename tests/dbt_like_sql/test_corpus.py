"""Which version of a document is current."""

from resources.lake.tables import BATCH_MARKERS, CHUNKS, RAW_PDFS


def texts(rows) -> list[str]:
    return sorted(row["text"] for row in rows)


def test_the_newest_version_replaces_the_older_one_whole(house, document):
    house.add(1, document("a.pdf", "v1", "old fee", "same page"))
    house.add(2, document("a.pdf", "v2", "new fee", "same page"))
    rows = house.corpus()
    assert texts(rows) == ["new fee", "same page"]
    assert {(row["version"], row["sequence"]) for row in rows} == {("v2", 2)}
    assert rows[0]["title"] == "Title of a.pdf"
    assert rows[0]["heading_path"] == ["Fees"]


def test_a_later_tombstone_withdraws_the_document(house, document):
    house.add(1, document("a.pdf", "v1", "one"), document("b.pdf", "v1", "two"))
    house.add(2, document("a.pdf", "v1", status="withdrawn", tombstone=True))
    assert texts(house.corpus()) == ["two"]


def test_a_document_that_comes_back_after_its_tombstone_is_current(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v1", status="withdrawn", tombstone=True))
    house.add(3, document("a.pdf", "v3", "three"))
    assert texts(house.corpus()) == ["three"]


def test_a_broken_version_after_a_tombstone_does_not_bring_the_document_back(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v1", status="withdrawn", tombstone=True))
    house.add(3, document("a.pdf", "v3", status="unreadable"))
    assert house.corpus() == []


def test_a_broken_newer_version_keeps_the_last_good_one(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v2", status="unreadable"))
    assert texts(house.corpus()) == ["one"]


def test_a_newer_version_without_text_keeps_the_last_good_one(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v2"))
    assert texts(house.corpus()) == ["one"]


def test_a_document_that_became_a_copy_of_another_leaves_the_corpus(house, document):
    house.add(1, document("a.pdf", "v1", "one"), document("b.pdf", "w1", "two"))
    house.add(2, document("b.pdf", "v1", status="duplicate"))
    assert texts(house.corpus()) == ["one"]


def test_a_copy_of_an_unreadable_file_keeps_the_last_good_version(house, document):
    house.add(1, document("a.pdf", "v1", "one"), document("b.pdf", "w1", "two"))
    house.add(2, document("a.pdf", "empty", status="unreadable"), document("b.pdf", "empty", status="duplicate"))
    assert texts(house.corpus()) == ["one", "two"]


def test_a_batch_without_a_marker_is_not_read(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v2", "two"), complete=False)
    assert texts(house.corpus()) == ["one"]


def test_a_tombstone_in_an_incomplete_batch_withdraws_nothing(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v1", status="withdrawn", tombstone=True), complete=False)
    assert texts(house.corpus()) == ["one"]


def test_a_marker_that_no_longer_covers_the_versions_on_disk_does_not_count(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    second = document("b.pdf", "v1", "two")
    batch = house.add(2, second)
    house.build("complete_batches")
    assert [row["batch"][:6] for row in house.rows("complete_batches")] == ["000001", "000002"]
    rows = house.lake.rows(CHUNKS, batch)
    house.lake.write(CHUNKS, [{**row, "tokens": 99} for row in rows], batch)
    assert texts(house.corpus()) == ["one"]
    house.mark(2, batch)
    assert texts(house.corpus()) == ["one", "two"]


def test_a_marker_that_names_no_tables_covers_nothing(house, document):
    batch = house.add(1, document("a.pdf", "v1", "one"), complete=False)
    marker = {"sequence": 1, "table_name": [], "data_version": [], "documents": 1, "chunks": 1}
    house.lake.write(BATCH_MARKERS, [marker], batch)
    assert house.corpus() == []


def test_an_older_version_that_returns_is_read_from_its_newest_batch_only(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.add(2, document("a.pdf", "v2", "two"))
    house.add(3, document("a.pdf", "v1", "one"))
    assert [(row["text"], row["sequence"]) for row in house.corpus()] == [("one", 3)]


def test_a_batch_of_nothing_but_tombstones_is_complete(house, document):
    house.add(1, document("a.pdf", "v1", status="withdrawn", tombstone=True))
    house.build("complete_batches")
    assert len(house.rows("complete_batches")) == 1
    assert house.lake.rows(RAW_PDFS, house.lake.partitions("raw_pdfs")[0])[0]["tombstone"]


def test_equal_lakes_give_equal_corpora_whatever_the_order_of_arrival_on_disk(tmp_path, house, document):
    other = type(house)(str(tmp_path / "other"))
    batches = [(1, document("a.pdf", "v1", "one", "two")), (2, document("b.pdf", "v1", "three"))]
    for sequence, item in batches:
        house.add(sequence, item)
    for sequence, item in reversed(batches):
        other.add(sequence, item)
    assert house.corpus() == other.corpus()
    assert house.lake.version("corpus") == other.lake.version("corpus")
