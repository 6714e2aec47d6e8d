"""What a job at Azure OpenAI is expected to cost, and what it was billed for: trained tokens."""

from resources.training.azure_openai.checks import tokens_of
from resources.training.azure_openai.jobs import Job
from resources.training.azure_openai.options import SECTION, AzureTrainerOptions
from resources.training.base import Cost, Quote, TrainingSpec

_USUAL_EPOCHS = 3


def quote_of(spec: TrainingSpec, rows: bytes, options: AzureTrainerOptions) -> Quote:
    """What training on these rows would cost."""
    epochs, assumed = dict(spec.hyperparameters).get("n_epochs", "auto"), ""
    if epochs == "auto":
        epochs, assumed = _USUAL_EPOCHS, " (assumed: the service chooses)"
    tokens = tokens_of(rows) * int(epochs)
    price = options.usd_per_million_training_tokens
    basis = f"about {tokens:,} trained tokens in {epochs} epochs{assumed}"
    if price is None:
        basis += f"; {SECTION}.usd_per_million_training_tokens is not set"
    return Quote(None if price is None else tokens * price / 1e6, basis, 60 * options.expected_minutes)


def cost_of(job: Job, options: AzureTrainerOptions) -> Cost | None:
    """What the service billed a job for; None while it does not say."""
    price = options.usd_per_million_training_tokens
    if job.trained_tokens is None:
        return None
    return Cost(job.trained_tokens, "trained tokens", None if price is None else job.trained_tokens * price / 1e6)
