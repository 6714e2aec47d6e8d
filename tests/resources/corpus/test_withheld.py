"""What was withheld when its batch was read: asked for by each scan, a few at a time, and new once it can be had."""

from resources.corpus.batches import current_entries, plan_batches
from resources.corpus.manifest import Entry, Listed, Manifest
from resources.corpus.received import Received
from resources.corpus.withheld import ASKED_PER_SCAN, with_refusals

LISTED = Listed("a.pdf", "e1", 3)
DENIED = {"a.pdf": Entry("a.pdf", "e1", 3, refusal="denied")}


def yes(document: Listed) -> bool:
    return True


def no(document: Listed) -> bool:
    return False


def test_a_document_keeps_its_refusal_until_it_can_be_read() -> None:
    assert with_refusals([LISTED], DENIED, no, 0) == [Listed("a.pdf", "e1", 3, refusal="denied")]
    assert with_refusals([LISTED], DENIED, yes, 0) == [LISTED]
    assert plan_batches(with_refusals([LISTED], DENIED, no, 0), DENIED, 2, 500) == []
    [manifest] = plan_batches(with_refusals([LISTED], DENIED, yes, 0), DENIED, 2, 500)
    assert manifest.entries == (Entry("a.pdf", "e1", 3),)


def test_only_the_version_that_was_withheld_is_asked_for() -> None:
    asked: list[str] = []

    def ask(document: Listed) -> bool:
        asked.append(document.uri)
        return False

    others = [
        Listed("a.pdf", "e2", 3),  # newer
        Listed("b.pdf", "e1", 3),  # never seen
        Listed("c.pdf", "e1", 3),  # readable
        Listed("d.pdf", "e1", 0, refusal="a link that leads out"),
        Listed("e.pdf", "e1", 3),  # removed meanwhile
    ]
    known = DENIED | {
        "c.pdf": Entry("c.pdf", "e1", 3, "v"),
        "d.pdf": Entry("d.pdf", "e1", 0, refusal="a link that leads out"),
        "e.pdf": Entry("e.pdf", "e1", 3, refusal="denied", tombstone=True),
    }
    assert with_refusals(others, known, ask, 0) == others
    assert asked == []


def test_scans_take_turns_with_many_so_that_each_is_asked_for_and_none_asks_for_all() -> None:
    count = 3 * ASKED_PER_SCAN + 7
    inventory = [Listed(f"{number:03d}.pdf", "e", 3) for number in range(count)]
    known = {one.uri: Entry(one.uri, "e", 3, refusal="denied") for one in inventory}
    seen: set[str] = set()
    for turn in range(1_000_000, 1_000_005):
        asked: list[str] = []
        with_refusals(inventory, known, lambda one, asked=asked: bool(asked.append(one.uri)), turn)
        assert len(asked) == ASKED_PER_SCAN
        seen.update(asked)
    assert seen == set(known)


def test_of_equal_documents_one_that_is_withheld_is_not_the_one_that_counts() -> None:
    batch = Manifest(1, (Entry("a.pdf", "v", 3, "v"), Entry("b.pdf", "w", 3, "w")))
    known = current_entries([batch], {1: {"a.pdf": Received("v", withheld="an error of its disk")}})
    assert known["a.pdf"].refusal
    inventory = with_refusals([Listed("a.pdf", "v", 3, "v"), Listed("b.pdf", "v", 3, "v")], known, no, 0)
    [manifest] = plan_batches(inventory, known, 2, 500)
    assert [(entry.uri, entry.duplicate_of) for entry in manifest.entries] == [("a.pdf", "b.pdf"), ("b.pdf", "")]
