"""SageMaker JumpStart training: where it runs, on what, and what it costs."""

from resources.options import Options


class SageMakerTrainerOptions(Options):
    """SageMaker JumpStart training."""
