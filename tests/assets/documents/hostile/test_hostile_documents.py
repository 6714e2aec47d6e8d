"""Every hostile file ends in time, either as pages or with a reason of the closed vocabulary, and harms no other."""

import os
import time
from itertools import islice
from pathlib import Path

import pytest

from assets.documents.extraction import Extracted, extract_many
from assets.documents.inspection import DocumentFacts
from assets.documents.readers import LAYOUT_READER
from assets.documents.reasons import Reason, reason_of

ENDS = {
    "empty.pdf": Reason.EMPTY,
    "cut.pdf": Reason.DAMAGED,
    "locked.pdf": Reason.ENCRYPTED,
    "cyclic.pdf": Reason.DAMAGED,
    "form bomb.pdf": Reason.TOO_SLOW,
    "flate bomb.pdf": Reason.TOO_SLOW,
    "page.html.pdf": Reason.NOT_PDF,
    "picture.pdf": Reason.NOT_PDF,
    "archive.pdf": Reason.NOT_PDF,
    "no pages.pdf": Reason.NO_PAGES,
    "deep array.pdf": Reason.DAMAGED,
}
READABLE = {
    "30000 pixels.pdf": 2,
    "1000 pages.pdf": 1000,
    "script.pdf": 2,
    "wrong xref.pdf": 1,
    "deep tree.pdf": 1,
    "line\nbreak\r\x1b[31m.pdf": 1,
}


def impatient(data: bytes, name: str) -> DocumentFacts:
    """The inspection with little time for bombs, so that the test is short."""
    return LAYOUT_READER.inspect()(data, name, timeout=0.5 if "bomb" in name else None)


@pytest.fixture(scope="module")
def batch(hostile, healthy) -> dict[str, Extracted]:
    """What became of each file; a healthy one comes first and last."""
    documents = [("first.pdf", healthy), *hostile.items(), ("last.pdf", healthy)]
    return {result.name: result for result in extract_many(documents, {}, 2, inspect=impatient)}


def test_every_file_ends_with_its_reason_or_its_pages(batch):
    refused = {name: reason_of(result.error.reason) for name, result in batch.items() if result.error}
    assert refused == ENDS
    assert {name: len(batch[name].pages) for name in READABLE} == READABLE


def test_reasons_say_what_to_do_and_none_is_the_beginning_of_another(batch):
    assert all(result.error.hint for result in batch.values() if result.error)
    assert not [(one, other) for one in Reason for other in Reason if one != other and one.startswith(other)]
    assert reason_of("whatever a source says") == Reason.NOT_HAD


def test_the_rest_of_the_batch_is_untouched(batch, healthy):
    [alone] = extract_many([("alone.pdf", healthy)], {})
    assert batch["first.pdf"].pages == batch["last.pdf"].pages == alone.pages
    assert "costs 4 dollars a month" in alone.pages[0].markdown


def test_what_can_be_read_is_read_whole(batch):
    for name in READABLE:
        assert all("costs 4 dollars a month" in page.markdown for page in batch[name].pages), name
        assert {(page.word_recall, page.number_recall) for page in batch[name].pages} == {(1.0, 1.0)}


def test_equal_pages_are_parsed_once_whichever_documents_they_are_in(batch):
    assert sum(result.parsed for result in batch.values()) == len(
        {page.page_sha for result in batch.values() for page in result.pages}
    )


def test_a_title_with_line_breaks_is_one_line(hostile):
    assert LAYOUT_READER.inspect()(hostile["line\nbreak\r\x1b[31m.pdf"], "a\nb.pdf").title == "Fees and charges"


@pytest.mark.slow
def test_five_hundred_files_leave_no_memory_and_no_handles_behind(hostile, form_bomb, heavy):
    """Five of them are killed at their deadline. The first hundred warm up what a process keeps for good."""
    costly = (form_bomb, hostile["30000 pixels.pdf"])  # a second of CPU each time
    small = [data for data in hostile.values() if len(data) < 50_000 and data not in costly]

    def files():
        for number in range(500):
            if number % 5 == 0:
                yield f"{number} healthy.pdf", bytes(bytearray(heavy[number % 2]))  # bytes of its own
            else:
                yield f"{number} hostile.pdf", form_bomb if number % 100 == 7 else small[number % len(small)]

    def hasty(data: bytes, name: str) -> DocumentFacts:
        return LAYOUT_READER.inspect()(data, name, timeout=0.5 if data is form_bomb else None)

    results = extract_many(files(), {}, 2, inspect=hasty)
    ended = sum(1 for _ in islice(results, 100))
    handles, memory = open_handles(), resident()
    ended += sum(1 for _ in results)
    time.sleep(0.2)
    assert ended == 500
    assert open_handles() <= handles
    assert resident() - memory < 20 * 2**20


def open_handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
