"""Receipts: what documents turned out to be, kept beside the manifests."""

import pytest

from resources.corpus.received import Receipts, Received
from resources.errors import RaftlineError


def test_receipts_are_read_back_by_batch(tmp_path) -> None:
    receipts = Receipts(tmp_path / "received")
    assert (receipts.load(), receipts.of(1)) == ({}, {})
    receipts.write(1, {"a \n费.pdf": Received("1"), "b.pdf": Received("1", "a \n费.pdf")})
    receipts.write(2, {"b.pdf": Received("2")})
    assert receipts.of(2) == receipts.load()[2] == {"b.pdf": Received("2")}
    assert receipts.of(1)["b.pdf"].duplicate_of == "a \n费.pdf"


def test_erased_documents_are_taken_out_of_every_receipt(tmp_path) -> None:
    receipts = Receipts(tmp_path)
    receipts.write(1, {"a.pdf": Received("1"), "b.pdf": Received("2")})
    receipts.forget(["a.pdf"])
    assert receipts.load() == {1: {"b.pdf": Received("2")}}


@pytest.mark.parametrize("text", ["", "[]", '{"a.pdf": {"colour": 1}}', '{"a.pdf": 1}'])
def test_a_damaged_receipt_is_named(tmp_path, text) -> None:
    (tmp_path / "000001.json").write_text(text)
    with pytest.raises(RaftlineError, match=r"000001\.json cannot be read"):
        Receipts(tmp_path).load()
