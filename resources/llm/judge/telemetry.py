"""RAGAS as a library: loaded late, told not to report to anybody, and given our classes as its models.

Its import takes seconds and starts a thread that would post usage events, so nothing imports it unless a judge is
configured. The variable must be set before the import and only the word `true` works.
"""

import importlib
import os
from importlib.metadata import PackageNotFoundError, version

from resources.errors import SettingsError
from resources.llm.judge.ragas_embeddings import RagasEmbeddings
from resources.llm.judge.ragas_llm import RagasLLM

_SILENCE = {"RAGAS_DO_NOT_TRACK": "true", "HF_HUB_DISABLE_TELEMETRY": "1"}


def ragas_version() -> str:
    """The installed version, without importing it; empty if there is none."""
    try:
        return version("ragas")
    except PackageNotFoundError:
        return ""


def load_ragas() -> str:
    """Makes RAGAS ready for our models; returns its version. Raises `SettingsError` if it is not installed."""
    os.environ.update(_SILENCE)
    try:
        analytics = importlib.import_module("ragas._analytics")
        llms = importlib.import_module("ragas.llms.base")
        embeddings = importlib.import_module("ragas.embeddings.base")
        importlib.import_module("ragas.metrics.collections")
    except ImportError as error:
        raise SettingsError(
            f"roles.judge is configured, and its metrics need RAGAS, which cannot be imported ({error}): "
            'install the eval extra with pip install "raftline[eval]", or remove roles.judge'
        ) from error
    # RAGAS remembers its first look at the variable; somebody else may have imported it before.
    analytics.do_not_track.cache_clear()
    llms.InstructorBaseRagasLLM.register(RagasLLM)
    embeddings.BaseRagasEmbedding.register(RagasEmbeddings)
    return ragas_version()
