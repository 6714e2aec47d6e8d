"""A document through the pipeline's own code, without its orchestration: corpus rows, an index, our own questions."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.chunks.packing import chunk_document
from assets.documents.extraction import extract_pages
from assets.documents.readers import LAYOUT_READER
from assets.raft.generation import ask_teacher
from resources.code_version import code_version
from resources.corpus.manifest import document_id
from resources.hashing import short_id
from resources.llm.context_prompts import CONTEXT_PROMPT_VERSION, context_messages
from resources.llm.models import Models
from resources.search.index import SearchIndex

QUESTIONS_PER_CHUNK = 8

Row = dict[str, Any]


@dataclass(frozen=True)
class Guide:
    """A document's chunks as rows of `corpus`, in reading order, and the index over them."""

    corpus: tuple[Row, ...]
    index: SearchIndex

    @property
    def pages(self) -> dict[str, tuple[str, int]]:
        """Per chunk id its document and page."""
        return {row["chunk_id"]: (row["document_id"], row["page_start"]) for row in self.corpus}


def read_guide(path: Path, models: Models, cache: Path) -> Guide:
    """The document as the pipeline sees it. Its pages are parsed once per version of the file and of the extractor."""
    data = path.read_bytes()
    version, document = hashlib.sha256(data).hexdigest(), document_id(path.name)
    title = LAYOUT_READER.inspect()(data, path.name).title or path.stem
    chunks = chunk_document(document, version, _pages(data, path.name, version, cache), title=title)
    contextualizer = models.chat("contextualizer")
    requests = [
        contextualizer.request(context_messages(title, row["heading_path"], row["text"]), CONTEXT_PROMPT_VERSION)
        for row in chunks
    ]
    contexts = [completion.text.strip() for completion in contextualizer.complete(requests)]
    corpus: list[Row] = [
        {**row, "context": line, "contextual_text": f"{line}\n\n{row['text']}"}
        | {"title": title, "uri": path.name, "sequence": 0}
        for row, line in zip(chunks, contexts, strict=True)
    ]
    texts = [row["contextual_text"] for row in corpus]
    index = SearchIndex.build([row["chunk_id"] for row in corpus], texts, models.embedder().embed(texts))
    return Guide(tuple(corpus), index)


def generated_questions(corpus: Sequence[Row], models: Models) -> list[Row]:
    """What the teacher asks about the chunks, judged by the gates: rows of `qa_pairs`, the refused ones included."""
    titles = {row["document_id"]: row["title"] for row in corpus}
    return ask_teacher(models.chat("teacher"), corpus, titles, QUESTIONS_PER_CHUNK).rows


def _pages(data: bytes, name: str, version: str, cache: Path) -> list[Row]:
    cached = cache / f"pages-{short_id(version, code_version('assets.documents'))}.json"
    if cached.is_file():
        return json.loads(cached.read_text(encoding="utf-8"))
    pages = [{"page": page.index, "markdown": page.markdown} for page in extract_pages(data, name)]
    cache.mkdir(parents=True, exist_ok=True)
    draft = cached.with_suffix(".tmp")
    draft.write_text(json.dumps(pages, ensure_ascii=False), encoding="utf-8")
    draft.replace(cached)
    return pages
