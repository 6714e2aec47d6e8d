"""Training on this machine: where it runs, on what, and what it costs."""

from resources.options import Options


class LocalTrainerOptions(Options):
    """Training on this machine."""
