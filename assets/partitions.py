"""The two partition dimensions. They are never mapped onto each other: fan-in goes through SQL over the lake."""

import dagster as dg

document_batches = dg.DynamicPartitionsDefinition(name="document_batches")
"""Arrival batches `<sequence>-<hash>`; each has a frozen manifest and never changes."""

training_recipes = dg.DynamicPartitionsDefinition(name="training_recipes")
"""Names of the valid files in `recipes/`, kept in step by a sensor and by `raftline refresh`."""
