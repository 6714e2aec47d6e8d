"""Why a student is no real model: it learned from what an emulator wrote."""

from collections.abc import Set as AbstractSet

from resources.lake.lake import Lake
from resources.lake.tables import CHUNK_EMBEDDINGS, CONTEXTUALIZED_CHUNKS, MARKDOWN_PAGES, QA_PAIRS

_WRITTEN_BY_MODELS = (MARKDOWN_PAGES, CONTEXTUALIZED_CHUNKS, CHUNK_EMBEDDINGS, QA_PAIRS)


def emulator_stamp(lake: Lake, not_real: AbstractSet[str]) -> str | None:
    """The stamp of a student of this lake: the emulated models that it learned from; None if all were real.

    A table's fingerprint names the model that wrote it, alone or in front of what else it was made with. `not_real` are
    the models of which an emulator ever answered, as `ModelsResource.identity` tells them.
    """
    writers = {
        writer
        for table in _WRITTEN_BY_MODELS
        for batch in (lake.partitions(table) if not_real else ())
        for writer in (lake.fingerprint(table.name, batch) or {}).values()
    }
    emulated = sorted(
        model for model in not_real if any(writer == model or writer.startswith(f"{model} ") for writer in writers)
    )
    return f"it learned from an emulator's answers: {', '.join(emulated)}" if emulated else None
