"""Training on this machine: where base models lie, on what hardware, who serves what was trained, what an hour costs."""

from typing import Literal

from pydantic import Field

from resources.options import Options


class LocalServingOptions(Options):
    """Who answers for students trained on this machine: this process, or a vLLM or Ollama server that is given."""

    endpoint: str = Field(
        "",
        description="Base URL (ending in /v1) of a server that serves the merged weights; they are loaded here if empty.",
    )
    model: str = Field(
        "raftline-{model_id}",
        description="Name under which that server serves a student; {model_id} and {base_model} are filled in.",
    )
    base_model: str = Field("{base_model}", description="Name under which that server serves the untrained base.")
    api_key_variable: str = Field("", description="Environment variable of that server's key; no key is sent if empty.")
    timeout_seconds: float = Field(300.0, gt=0, description="Longest wait for one answer of that server.")
    max_new_tokens: int = Field(
        1024, ge=1, description="Longest answer of a model in this process, in its tokens, whatever is asked for."
    )
    idle_seconds: float = Field(
        120.0, ge=0, description="How long a model stays in memory after its last answer; 0 frees it at once."
    )


class LocalTrainerOptions(Options):
    """Training on this machine."""

    models_folder: str = Field(
        "", description="Folder in which base models are looked up by name; recipes give a path or hub id if empty."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="What trains and serves; auto takes a GPU where there is one."
    )
    threads: int = Field(0, ge=0, description="CPU threads of a job; 0 leaves it to PyTorch.")
    max_hours: float = Field(
        24.0, gt=0, description="Longest time that a job may take in all; then it is stopped and failed."
    )
    checkpoint_minutes: float = Field(
        10.0, gt=0, description="A checkpoint is written at least this often, and ten times in a run."
    )
    restarts: int = Field(
        2, ge=0, description="How often a job whose process died is started again from its last checkpoint by itself."
    )
    usd_per_hour: float | None = Field(
        None, ge=0, description="What an hour of this machine costs; time alone is shown if not set."
    )
    hub_token_variable: str = Field(
        "HF_TOKEN", description="Environment variable of the token for gated models of the Hugging Face hub."
    )
    serving: LocalServingOptions = LocalServingOptions()
