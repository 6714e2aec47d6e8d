"""The knobs of the pipeline, one section per stage: read from raftline.yaml, carried to the assets as a resource."""

from typing import Literal

import dagster as dg
from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator


class Options(dg.Config):
    """A section of settings. A key that it does not have is an error; Dagster's own `Config` would ignore it."""

    model_config = ConfigDict(extra="forbid")


class BatchOptions(Options):
    """How arrivals are cut into batches."""

    max_documents: int = Field(500, ge=1, description="Documents in one batch; a larger arrival becomes several.")


class ExtractionOptions(Options):
    """Who reads PDFs."""

    extractor: Literal["layout", "permissive"] = Field(
        "layout",
        description="layout: PyMuPDF's layout analysis (AGPL-3.0 or commercial). permissive: pdfium alone (BSD, Apache), with "
        "tables and headings told from places and sizes of the print.",
    )
    ocr: Literal["off", "auto"] = Field(
        "off",
        description="auto: pages without a text layer are read by OCR, if Tesseract's language data is installed; the layout "
        "extractor alone can.",
    )
    ocr_languages: str = Field(
        "eng",
        pattern=r"^[a-zA-Z_]+(\+[a-zA-Z_]+)*$",
        description="Tesseract's names of the languages that scans are in, such as eng+chi_sim.",
    )

    @field_validator("ocr", mode="before")
    @classmethod
    def _off_is_no_boolean(cls, value: object) -> object:
        return "off" if value is False else value  # YAML reads a bare `off` so

    @model_validator(mode="after")
    def _ocr_can_be_had(self) -> "ExtractionOptions":
        if self.ocr != "off" and self.extractor != "layout":
            raise ValueError("ocr: auto needs extractor: layout, because MuPDF does it; or set ocr: off")
        return self


class ChunkOptions(Options):
    """How pages are cut."""

    max_tokens: int = Field(400, ge=50, le=8000, description="Largest chunk in tokens of the GPT-4o encoding.")


class TranscriptionOptions(Options):
    """Which pages a vision model reads, how it is shown them, and when its reading is believed."""

    pages: Literal["flagged", "all"] = Field(
        "flagged", description="Pages that are sent: those the layout reader lost words or numbers of, or all."
    )
    longest_side: int = Field(
        1024, ge=256, le=4096, description="Pixels of a picture's longer side; 1536 suits models that see in patches."
    )
    halves: Literal["auto", "never", "always"] = Field(
        "auto", description="Whether a page is sent as two overlapping halves: auto does so for dense tables."
    )
    min_word_recall: float = Field(
        0.95, gt=0, le=1, description="Share of the page's words that a transcription must hold; numbers must be exact."
    )


class ContextualizationOptions(Options):
    """What a hosted contextualizer sees around a chunk."""

    mode: Literal["window", "document"] = Field(
        "window",
        description="window: headings and neighbouring text of the section; an edit re-sends at most a few chunks. "
        "document: the whole document with every chunk; an edit re-sends every chunk of its document.",
    )
    window_tokens: int = Field(
        100,
        ge=0,
        description="Tokens of neighbouring text that are sent from each side of the chunk. At most a quarter of "
        "chunks.max_tokens is used: a wider window would make an edit re-send more than three chunks.",
    )

    def within(self, chunk_tokens: int) -> "ContextualizationOptions":
        """These options for chunks of at most this size."""
        return self.model_copy(update={"window_tokens": min(self.window_tokens, chunk_tokens // 4)})


class QuestionOptions(Options):
    """What the teacher is asked for."""

    per_chunk: int = Field(8, ge=1, le=50, description="Questions asked for per chunk.")
    chunk_sampling_rate: float = Field(1.0, gt=0, le=1, description="Share of chunks the teacher sees.")


class SplitOptions(Options):
    """How question groups are divided."""

    validation: float = Field(0.15, gt=0, lt=0.5, description="Share of generated questions held for validation.")
    test: float = Field(0.15, gt=0, lt=0.5, description="Share of generated questions held for the test.")
    seed: int = Field(7, description="Seed of the split.")


class EvaluationOptions(Options):
    """What candidates are measured on."""

    documents: int = Field(8, ge=2, le=50, description="Documents shown with each question.")
    generated_limit: int = Field(
        150, ge=1, description="Generated questions per split in a snapshot; all human and third-party ones are used."
    )
    bootstrap_draws: int = Field(2000, ge=200, description="Draws of the group bootstrap.")
    seed: int = Field(7, description="Seed of contexts and bootstrap.")


JUDGE_METRICS = (
    "faithfulness",
    "answer_relevancy",
    "answer_similarity",
    "answer_correctness",
    "context_precision",
    "context_recall",
)
CONDITIONS = ("retrieved", "oracle_present", "oracle_absent")


class JudgeOptions(Options):
    """What the judge scores once somebody plays the role `judge`: up to 17 calls per answer with 8 documents shown."""

    limit: int = Field(
        50, ge=1, description="Items per arm, the same for every arm: those of people first, then a stable sample."
    )
    repeats: int = Field(1, ge=1, le=20, description="Times that each score is taken; the report shows the spread.")
    metrics: list[str] = Field(list(JUDGE_METRICS), description="RAGAS metrics to take; all six by default.")
    conditions: list[str] = Field(
        ["retrieved"], description="Conditions judged: retrieved (what a user meets), oracle_present, oracle_absent."
    )

    @field_validator("metrics", "conditions")
    @classmethod
    def _names_exist(cls, value: list[str], info: ValidationInfo) -> list[str]:
        known = JUDGE_METRICS if info.field_name == "metrics" else CONDITIONS
        unknown = sorted(set(value) - set(known))
        if unknown or not value:
            raise ValueError(f"{', '.join(unknown) or 'an empty list'} is not possible; choose from {', '.join(known)}")
        return value


class RetrainingOptions(Options):
    """When a student is trained again."""

    schedule: str = Field("0 2 * * *", description="Cron expression of the retraining check (UTC).")
    drift_threshold: float = Field(
        0.02, ge=0, le=1, description="Share of bank rows added, removed or changed that makes retraining due."
    )
    changed_facts_limit: int = Field(
        200,
        ge=1,
        description="Changed facts put to the champion after a refresh, amounts and dates first; each is one call.",
    )


class BudgetOptions(Options):
    """What may be spent on models. Nothing is limited unless a limit is set."""

    per_run_usd: float | None = Field(None, gt=0, description="USD that one run (one job of one partition) may spend.")
    per_month_usd: float | None = Field(None, gt=0, description="USD that this ledger may spend in a month (UTC).")
    approve_stage_usd: float | None = Field(
        None,
        gt=0,
        description="A stage that is expected to cost more stops before its first call, until this is raised.",
    )


class PipelineOptions(dg.ConfigurableResource):
    """Every stage's options, as one resource."""

    batches: BatchOptions = BatchOptions()
    extraction: ExtractionOptions = ExtractionOptions()
    transcription: TranscriptionOptions = TranscriptionOptions()
    chunks: ChunkOptions = ChunkOptions()
    contextualization: ContextualizationOptions = ContextualizationOptions()
    questions: QuestionOptions = QuestionOptions()
    splits: SplitOptions = SplitOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    judge: JudgeOptions = JudgeOptions()
    retraining: RetrainingOptions = RetrainingOptions()
