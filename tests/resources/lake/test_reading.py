"""Some columns of a large partition are read without the others."""

import random
from pathlib import Path

import pytest

from resources.errors import LakeError
from resources.hashing import short_id
from resources.lake.lake import Lake
from resources.lake.tables import MARKDOWN_PAGES

PAGES = 300
COLUMNS = ["version", "page", "page_sha", "boxes"]


@pytest.fixture
def pages(lake: Lake, tmp_path: Path) -> Path:
    """The file of a partition whose texts make up most of it."""
    letters = random.Random(1)
    box = {"start": 0, "end": 1, "x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0}
    rows = [
        {
            "document_id": "d", "version": "v", "page": page, "page_sha": short_id(page), "object_sha": "",
            "markdown": "".join(letters.choices("abcdefghijklmnopqrstuvwxyz ", k=2000)), "method": "layout",
            "word_recall": 1.0, "number_recall": 1.0, "width": 1.0, "height": 1.0, "boxes": [box], "links": [],
            "error": None,
        }
        for page in range(PAGES)
    ]  # fmt: skip
    lake.write(MARKDOWN_PAGES, rows, "000001-a")
    return Path(lake.location(MARKDOWN_PAGES, "000001-a"))


def test_columns_of_a_large_partition_are_those_of_the_whole(lake: Lake, pages: Path) -> None:
    assert pages.stat().st_size > 200_000
    whole = lake.read(MARKDOWN_PAGES, "000001-a")
    assert lake.read(MARKDOWN_PAGES, "000001-a", COLUMNS) == whole.select(COLUMNS)
    assert lake.read(MARKDOWN_PAGES, "000001-a", ["markdown"]) == whole.select(["markdown"])


def test_columns_that_are_not_asked_for_are_not_read(lake: Lake, pages: Path) -> None:
    """Of a file whose texts are damaged, the rest is still had."""
    data = bytearray(pages.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 50_000] = bytes(50_000)
    pages.write_bytes(data)
    assert lake.read(MARKDOWN_PAGES, "000001-a", COLUMNS).num_rows == PAGES
    with pytest.raises(LakeError, match="is damaged"):
        lake.read(MARKDOWN_PAGES, "000001-a", ["markdown"])


def test_a_partition_that_is_not_there_is_named(lake: Lake, pages: Path) -> None:
    with pytest.raises(LakeError, match="no partition '000002-b'"):
        lake.read(MARKDOWN_PAGES, "000002-b", COLUMNS)
