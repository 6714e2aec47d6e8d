"""The floor under our tokenizer: public questions over public code, raw chunks, BM25 alone."""

import json
from pathlib import Path

import pytest

from resources.search.index import SearchIndex

DATA = Path(__file__).parents[3] / "../shared/data/contextual_retrieval"


@pytest.mark.skipif(not DATA.is_dir(), reason="the public contextual retrieval data is not beside this checkout")
def test_bm25_over_our_tokens_finds_85_percent_of_the_golden_chunks_among_ten():
    documents = json.loads((DATA / "codebase_chunks.json").read_text(encoding="utf-8"))
    chunks = {chunk["chunk_id"]: chunk["content"] for document in documents for chunk in document["chunks"]}
    with (DATA / "evaluation_set.jsonl").open(encoding="utf-8") as lines:
        questions = [json.loads(line) for line in lines]
    index = SearchIndex.build(list(chunks), list(chunks.values()), [[1.0]] * len(chunks))

    recalls = []
    for question in questions:
        hits = index.search(question["query"], None, 10, "bm25")
        found = {chunks[hit.chunk_id].strip() for hit in hits}
        golden = [chunk["content"].strip() for chunk in question["golden_chunks"]]
        recalls.append(sum(text in found for text in golden) / len(golden))

    assert len(questions) == 248
    assert sum(recalls) / len(recalls) >= 0.85
