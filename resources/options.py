"""The knobs of the pipeline, one section per stage: read from raftline.yaml, carried to the assets as a resource."""

import dagster as dg
from pydantic import ConfigDict, Field


class Options(dg.Config):
    """A section of settings. A key that it does not have is an error; Dagster's own `Config` would ignore it."""

    model_config = ConfigDict(extra="forbid")


class BatchOptions(Options):
    """How arrivals are cut into batches."""

    max_documents: int = Field(500, ge=1, description="Documents in one batch; a larger arrival becomes several.")


class ChunkOptions(Options):
    """How pages are cut."""

    max_tokens: int = Field(400, ge=50, le=8000, description="Largest chunk in tokens of the GPT-4o encoding.")


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


class RetrainingOptions(Options):
    """When a student is trained again."""

    schedule: str = Field("0 2 * * *", description="Cron expression of the retraining check (UTC).")
    drift_threshold: float = Field(
        0.02, ge=0, le=1, description="Share of bank rows added, removed or changed that makes retraining due."
    )


class PipelineOptions(dg.ConfigurableResource):
    """Every stage's options, as one resource."""

    batches: BatchOptions = BatchOptions()
    chunks: ChunkOptions = ChunkOptions()
    questions: QuestionOptions = QuestionOptions()
    splits: SplitOptions = SplitOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    retraining: RetrainingOptions = RetrainingOptions()
