"""The split by page: nobody trains on a page that is tested."""

from benchmarks.page_split import TEST, TRAIN, VALIDATION, placed, split_pages
from benchmarks.two_by_two import folds

COUNTS = {page: 5 + page % 4 for page in range(20)}


def question(name, page, text, chunk):
    return {
        "question_id": name, "question": text, "page": page, "document_id": "guide", "chunk_id": chunk,
        "answerable": True,
    }  # fmt: skip


def test_every_part_is_near_its_share_and_the_seed_alone_decides():
    parts = split_pages(COUNTS, seed=7)
    total = sum(COUNTS.values())
    shares = {part: sum(COUNTS[page] for page in parts if parts[page] == part) / total for part in set(parts.values())}
    assert abs(shares[TRAIN] - 0.5) < 0.06
    assert abs(shares[VALIDATION] - 0.2) < 0.06
    assert parts == split_pages(dict(reversed(COUNTS.items())), seed=7)


def test_questions_of_a_page_share_part_and_group():
    rows = [question("a", 3, "What is the fee?", "c3"), question("b", 3, "Who may apply?", "c3b")]
    corpus = [{"chunk_id": "c3", "text": "The fee is five."}, {"chunk_id": "c3b", "text": "Anyone may apply here."}]
    one, other = placed(rows, {3: TRAIN}, corpus)
    assert (one["split"], one["group"]) == (other["split"], other["group"])


def test_a_training_question_whose_passage_is_repeated_on_a_test_page_is_withheld():
    passage = "A fee of five dollars is charged for every transfer that is sent abroad."
    rows = [question("a", 0, "What does a transfer cost?", "c0"), question("b", 1, "How much is charged?", "c1")]
    corpus = [{"chunk_id": name, "text": passage} for name in ("c0", "c1")]
    status = {row["question_id"]: row["status"] for row in placed(rows, {0: TRAIN, 1: TEST}, corpus)}
    assert status == {"a": "withheld", "b": "kept"}


def test_no_fold_scores_a_page_that_it_learns_from():
    parts = split_pages(COUNTS, seed=7)
    for split in (VALIDATION, TEST):
        plan = folds(parts, split)
        assert all(not fold.score & (fold.fit | fold.tune) and not fold.fit & fold.tune for fold in plan)
        assert frozenset().union(*(fold.score for fold in plan)) == {page for page in parts if parts[page] == split}
    assert all(parts[page] != TEST for fold in folds(parts, VALIDATION) for page in fold.fit | fold.tune | fold.score)
