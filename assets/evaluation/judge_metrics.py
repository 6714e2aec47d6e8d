"""Taking the judge's scores: all tasks at once through the gateway, each with a row and a status of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.arms import FAILED, NOT_APPLICABLE, OK
from assets.evaluation.judging import Task
from resources.errors import RaftlineError
from resources.llm.judge.metrics import ANSWER_SIMILARITY, METRICS, measure
from resources.llm.judge.ragas_embeddings import RagasEmbeddings, Vectors
from resources.llm.judge.ragas_llm import JudgeFailed, RagasLLM
from resources.llm.judge.telemetry import load_ragas
from resources.llm.models import ChatModel, Embedder
from resources.llm.together import all_of

WRAPPER_VERSION = "raftline-1"
"""Raise it when the way in which RAGAS is called changes what its scores mean; messages and schemas count anyway."""

_COPIED = ("answer_id", "model_id", "arm", "snapshot", "item_id")
_OF_ITEM = ("split", "condition", "origin", "kind", "group")


def take_scores(
    tasks: Sequence[Task], judge: ChatModel, embedder: Embedder, versions: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The rows of JUDGE_SCORES. `versions` maps chunk ids to the document versions that a judge is shown.

    A score that cannot be had becomes a row with the reason. Raises `ModelCallFailed` if the judge cannot be used at
    all; what it answered is in the ledger by then. Raises `SettingsError` without RAGAS.
    """
    ragas = load_ragas()
    bench = _Bench(judge, embedder.model, Vectors(embedder), ragas, versions)
    known = [
        (text, bench.sources(task))
        for task in tasks
        if task.asks and METRICS[task.metric].embeds
        for text in (task.case.question, task.case.response, task.case.reference)
    ]

    async def work() -> list[dict[str, Any]]:
        await bench.vectors.prepare(known)
        return await all_of(_score(task, bench) for task in tasks)

    return judge.run(work)


@dataclass(frozen=True)
class _Bench:
    """Who judges, with what, over which documents."""

    judge: ChatModel
    embedder: str
    vectors: Vectors
    ragas: str
    versions: Mapping[str, str]

    def sources(self, task: Task) -> tuple[str, ...]:
        """The document versions behind a task: of the documents shown, and of the one that question and reference are from."""
        chunks = [task.item["chunk_id"], *(document["chunk_id"] for document in task.item["documents"])]
        return tuple(sorted({self.versions[chunk_id] for chunk_id in chunks if chunk_id in self.versions}))


async def _score(task: Task, bench: _Bench) -> dict[str, Any]:
    metric = METRICS[task.metric]
    library = "raftline" if task.metric == ANSWER_SIMILARITY else f"ragas-{bench.ragas}"
    prompt_version = f"{library}/{task.metric}/{WRAPPER_VERSION}"
    sources = bench.sources(task)
    asked = RagasLLM(bench.judge, prompt_version, sources, task.repeat)
    value, status, reason = task.given, OK, None
    if task.skip:
        status, reason = NOT_APPLICABLE, task.skip
    elif task.given is not None:
        reason = "the completion broke the answer format: it counts as 0, and nobody was asked"
    else:
        try:
            value = await measure(metric, task.case, asked, RagasEmbeddings(bench.vectors, sources))
        except JudgeFailed as error:
            status, reason = FAILED, str(error)
        except RaftlineError:
            raise
        except Exception as error:
            # Whatever RAGAS trips over concerns this score alone; its batch functions would lose all others.
            status, reason = FAILED, f"RAGAS: {type(error).__name__}: {error}"
    return {
        **{name: task.answer[name] for name in _COPIED},
        **{name: task.item[name] for name in _OF_ITEM},
        "metric": task.metric,
        "repeat": task.repeat,
        "value": value,
        "status": status,
        "reason": reason,
        "judge_model": bench.judge.identity.id,
        "embedder": bench.embedder if metric.embeds else None,
        "prompt_version": prompt_version,
        "calls": asked.calls,
        "prompt_tokens": asked.prompt_tokens,
        "completion_tokens": asked.completion_tokens,
        "real": asked.real,
    }
