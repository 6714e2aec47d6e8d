"""Who wrote the generated questions: their output's terms apply to every student that learns from them."""

from resources.lake.lake import Lake
from resources.lake.tables import QA_PAIRS


def teachers_of(lake: Lake) -> list[str]:
    """The models that wrote the questions of this lake, as their tables' fingerprints name them."""
    written = ((lake.fingerprint(QA_PAIRS.name, batch) or {}).get("model", "") for batch in lake.partitions(QA_PAIRS))
    return sorted({model for model in written if model})
