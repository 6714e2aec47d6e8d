"""Azure OpenAI fine-tuning: where it runs, on what, and what it costs."""

from resources.options import Options


class AzureTrainerOptions(Options):
    """Azure OpenAI fine-tuning."""
