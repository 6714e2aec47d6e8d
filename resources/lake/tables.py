"""The declared tables: one Arrow schema each, the key that makes a row unique, the order on disk.

Add a table here first; `Lake.write` refuses rows that do not fit. Measurements that vary between equal
runs (latency, cost, timings) belong in `RUN_MEASUREMENTS` and nowhere else.
"""

from dataclasses import dataclass

import pyarrow as pa

STRING = pa.string()
INT = pa.int64()
FLOAT = pa.float64()
BOOL = pa.bool_()
STRINGS = pa.list_(pa.string())
QUOTE = pa.struct([pa.field("text", STRING), pa.field("start", INT), pa.field("end", INT)])
BOX = pa.struct(
    [pa.field(name, INT) for name in ("start", "end")] + [pa.field(name, FLOAT) for name in ("x0", "y0", "x1", "y1")]
)
LINK = pa.struct([pa.field("start", INT), pa.field("end", INT), pa.field("target", STRING)])
CONTEXT_DOCUMENT = pa.struct([pa.field("chunk_id", STRING), pa.field("title", STRING), pa.field("text", STRING)])


@dataclass(frozen=True)
class Table:
    """A table of the lake: `name` is also the asset's key; rows are unique by `key` and sorted by `order`."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    order: tuple[str, ...] = ()

    @property
    def sort_columns(self) -> tuple[str, ...]:
        return self.order or self.key


def _table(name: str, key: str, /, *, order: str = "", nullable: str = "", **columns: pa.DataType) -> Table:
    optional = set(nullable.split())
    fields = [pa.field(column, kind, nullable=column in optional) for column, kind in columns.items()]
    return Table(name, pa.schema(fields), tuple(key.split()), tuple(order.split()))


# One table is one paragraph: columns in the order of the schema, several to a line.
# fmt: off
RAW_PDFS = _table(
    "raw_pdfs", "document_id", nullable="error",
    document_id=STRING, version=STRING, uri=STRING, title=STRING, bytes=INT, page_count=INT,
    status=STRING, error=STRING, tombstone=BOOL,
)
MARKDOWN_PAGES = _table(
    "markdown_pages", "document_id version page", nullable="error",
    document_id=STRING, version=STRING, page=INT, markdown=STRING, method=STRING, page_sha=STRING, object_sha=STRING,
    word_recall=FLOAT, number_recall=FLOAT, width=FLOAT, height=FLOAT, boxes=pa.list_(BOX), links=pa.list_(LINK),
    error=STRING,
)
_CHUNK = dict(
    chunk_id=STRING, document_id=STRING, version=STRING, page_start=INT, page_end=INT, char_start=INT,
    char_end=INT, heading_path=STRINGS, text=STRING, tokens=INT,
)
CHUNKS = _table("chunks", "chunk_id", order="document_id page_start char_start", **_CHUNK)
CONTEXTUALIZED_CHUNKS = _table(
    "contextualized_chunks", "chunk_id", order="document_id page_start char_start",
    **_CHUNK, context=STRING, contextual_text=STRING,
)
CHUNK_EMBEDDINGS = _table(
    "chunk_embeddings", "chunk_id model", chunk_id=STRING, model=STRING, vector=pa.list_(pa.float32())
)
QA_PAIRS = _table(
    "qa_pairs", "question_id", order="document_id chunk_id question_id", nullable="gate reason",
    question_id=STRING, chunk_id=STRING, document_id=STRING, version=STRING, page=INT, language=STRING,
    question=STRING, answer=STRING, quotes=pa.list_(QUOTE), final_answer=STRING, kind=STRING, origin=STRING,
    accepted=BOOL, gate=STRING, reason=STRING,
)
BATCH_MARKERS = _table(
    "batch_markers", "sequence", sequence=INT, table_name=STRINGS, data_version=STRINGS, documents=INT, chunks=INT
)
CORPUS = _table(
    "corpus", "chunk_id", order="document_id page_start char_start",
    **_CHUNK, context=STRING, contextual_text=STRING, title=STRING, uri=STRING, sequence=INT,
)
NEAR_DUPLICATES = _table(
    "near_duplicates", "kind one other",
    kind=STRING, one=STRING, other=STRING, one_document=STRING, other_document=STRING, share=FLOAT,
)
EXTERNAL_QUESTIONS = _table(
    "external_questions", "question_id", nullable="answer document page quote chunk_id reason document_id",
    question_id=STRING, question=STRING, answer=STRING, document=STRING, page=INT, quote=STRING, use=STRING,
    origin=STRING, kind=STRING, language=STRING, answerable=BOOL, source=STRING, document_id=STRING,
    chunk_id=STRING, status=STRING, reason=STRING,
)
QUESTION_BANK = _table(
    "question_bank", "question_id", nullable="reason chunk_id document_id page",
    question_id=STRING, question=STRING, answer=STRING, quotes=pa.list_(QUOTE), final_answer=STRING,
    kind=STRING, origin=STRING, language=STRING, answerable=BOOL, chunk_id=STRING, document_id=STRING, page=INT,
    group=STRING, split=STRING, status=STRING, reason=STRING,
)
QUESTION_GROUPS = _table("question_groups", "group", group=STRING, split=STRING)
RETRIEVAL_REPORT = _table(
    "retrieval_report", "configuration origin metric", nullable="mean low high",
    configuration=STRING, origin=STRING, metric=STRING, mean=FLOAT, low=FLOAT, high=FLOAT, questions=INT, groups=INT,
)
SEARCH_INDEX = _table("search_index", "file", file=STRING, sha256=STRING, bytes=INT)
EVAL_REPORT = _table(
    "eval_report", "model_id",
    model_id=STRING, recipe=STRING, dataset_version=STRING, snapshot=STRING, promote=BOOL, recommended=STRING,
    verdict=STRING, html=STRING, json=STRING, sha256=STRING,
)
EVALUATION_SET = _table(
    "evaluation_set", "item_id", order="split question_id condition", nullable="document_id page chunk_id",
    item_id=STRING, snapshot=STRING, question_id=STRING, condition=STRING, question=STRING,
    documents=pa.list_(CONTEXT_DOCUMENT), oracle_index=INT, expected_answer=STRING, answerable=BOOL,
    split=STRING, origin=STRING, kind=STRING, language=STRING, group=STRING, document_id=STRING, page=INT,
    chunk_id=STRING,
)
RAFT_DATASET = _table(
    "raft_dataset", "row_id", order="split row_id",
    row_id=STRING, split=STRING, question_id=STRING, question=STRING, documents=pa.list_(CONTEXT_DOCUMENT),
    oracle_index=INT, oracle_present=BOOL, policy=STRING, strategy=STRING, oracle_text=STRING, target=STRING,
    final_answer=STRING, origin=STRING, kind=STRING, group=STRING, tokens=INT,
)
FINE_TUNED_MODEL = _table(
    "fine_tuned_model", "model_id", nullable="stamp",
    model_id=STRING, recipe=STRING, backend=STRING, base_model=STRING, spec=STRING, status=STRING,
    artifact=STRING, artifact_files=STRINGS, artifact_hashes=STRINGS, dataset_version=STRING,
    training_rows=STRINGS, metrics=STRING, provenance=STRING, stamp=STRING,
)
MODEL_REGISTRY = _table(
    "model_registry", "model_id", nullable="stamp",
    **{field.name: field.type for field in FINE_TUNED_MODEL.schema},
)
LEARNED_FACTS = _table(
    "learned_facts", "question_id", nullable="chunk_id",
    question_id=STRING, split=STRING, question=STRING, final_answer=STRING, policy=STRING, chunk_id=STRING,
)
LEARNED_DOCUMENTS = _table("learned_documents", "document_id version", document_id=STRING, version=STRING)
_ANSWER = dict(
    answer_id=STRING, model_id=STRING, arm=STRING, snapshot=STRING, item_id=STRING, answer=STRING,
    final_answer=STRING, quotes=STRINGS, abstained=BOOL, chosen_index=INT, status=STRING, reason=STRING,
)
MODEL_ANSWERS = _table("model_answers", "answer_id", order="arm item_id", nullable="reason", **_ANSWER)
TEST_ANSWERS = _table("test_answers", "answer_id", order="arm item_id", nullable="reason", **_ANSWER)
ANSWER_SCORES = _table(
    "answer_scores", "answer_id metric", order="arm item_id metric", nullable="value",
    answer_id=STRING, model_id=STRING, arm=STRING, snapshot=STRING, item_id=STRING, split=STRING, condition=STRING,
    origin=STRING, kind=STRING, group=STRING, document_id=STRING, metric=STRING, value=FLOAT,
)
JUDGE_SCORES = _table(
    "judge_scores", "answer_id metric repeat", order="arm item_id metric repeat",
    nullable="value reason embedder",
    answer_id=STRING, model_id=STRING, arm=STRING, snapshot=STRING, item_id=STRING, split=STRING, condition=STRING,
    origin=STRING, kind=STRING, group=STRING, metric=STRING, repeat=INT, value=FLOAT, status=STRING, reason=STRING,
    judge_model=STRING, embedder=STRING, prompt_version=STRING, calls=INT, prompt_tokens=INT, completion_tokens=INT,
    real=BOOL,
)
RECIPES = _table(
    "recipes", "file", nullable="name error", file=STRING, name=STRING, recipe=STRING, status=STRING, error=STRING
)
CHAMPION_MODEL = _table(
    "champion_model", "decision", nullable="model_id champion",
    decision=INT, action=STRING, model_id=STRING, champion=STRING, by=STRING, at=STRING, reason=STRING, report=STRING,
    dataset_version=STRING, snapshot=STRING, source=STRING,
)
MODEL_ENDPOINT = _table(
    "model_endpoint", "model_id", model_id=STRING, recipe=STRING, backend=STRING, base_model=STRING, state=STRING
)
CHANGED_FACTS = _table(
    "changed_facts", "question_id", order="verdict question_id", nullable="document page",
    question_id=STRING, question=STRING, old_answer=STRING, new_answer=STRING, answer=STRING, verdict=STRING,
    amount_or_date=BOOL, document=STRING, page=INT, model_id=STRING, recipe=STRING, learned_by=STRING,
)
RUN_MEASUREMENTS = _table(
    "run_measurements", "run_id asset partition name",
    run_id=STRING, asset=STRING, partition=STRING, name=STRING, value=FLOAT, unit=STRING,
)

# fmt: on
TABLES: dict[str, Table] = {table.name: table for table in list(vars().values()) if isinstance(table, Table)}

BATCHED: frozenset[str] = frozenset(
    {"raw_pdfs", "markdown_pages", "chunks", "contextualized_chunks", "chunk_embeddings", "qa_pairs", "batch_markers"}
)
"""Tables with one partition per document batch."""

BY_RECIPE: frozenset[str] = frozenset({"raft_dataset", "fine_tuned_model", "model_answers", "answer_scores"})
"""Tables with one partition per training recipe."""
