"""The files beside a recipe's dataset: the trainer's chat rows and the full rows, which pass our own audit."""

import json
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import training_recipes
from assets.raft.assets import raft_dataset
from assets.raft.audit import audit
from assets.raft.bank import build_bank
from assets.raft.repeats import repeated_chunks
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.resource import LakeResource
from resources.lake.tables import CORPUS, NEAR_DUPLICATES, QUESTION_BANK, RAFT_DATASET
from resources.llm.resource import ModelsResource
from resources.search.index import SearchIndex
from resources.search.resource import IndexResource


@pytest.fixture(scope="module")
def dataset(world, tmp_path_factory) -> tuple[Path, Lake]:
    """The folder that `raft_dataset` wrote for the recipe `r` over a made-up bank, and the lake."""
    home = tmp_path_factory.mktemp("home")
    (home / "recipes").mkdir()
    (home / "recipes" / "r.yaml").write_text("name: r\ndataset: {k: 3, p: 0.7}\n", encoding="utf-8")
    made = world(21, documents=3, sections=5)
    lake = Lake(home / "lake")
    lake.write(CORPUS, made.chunks)
    lake.write(NEAR_DUPLICATES, repeated_chunks(made.chunks))
    lake.write(QUESTION_BANK, build_bank(made.generated, made.external, made.chunks, {}).rows)
    models = ModelsResource(ledger_url=f"sqlite:///{home / 'ledger.db'}")
    index = IndexResource(folder=str(home / "index"))
    texts = [chunk["contextual_text"] for chunk in made.chunks]
    with models.open() as opened:
        vectors = opened.embedder().embed(texts)
    index.publish(SearchIndex.build([chunk["chunk_id"] for chunk in made.chunks], texts, vectors))
    folders = FoldersResource(questions=str(home), recipes=str(home / "recipes"), reports=str(home))
    resources = {"lake": LakeResource(url=str(home / "lake")), "folders": folders, "models": models, "index": index}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(training_recipes.name or "", ["r"])
        assert dg.materialize([raft_dataset], partition_key="r", resources=resources, instance=instance).success
    return home / "lake" / "datasets" / "r", lake


def test_every_split_is_there_for_the_trainer_and_in_full(dataset) -> None:
    folder, lake = dataset
    rows = lake.rows(RAFT_DATASET, "r")
    for split in ("train", "validation"):
        wanted = [row for row in rows if row["split"] == split]
        assert wanted
        chat, full = (
            [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
            for name in (f"{split}.jsonl", f"{split}.raft.jsonl")
        )
        assert [row["messages"][-1]["content"] for row in chat] == [row["target"] for row in wanted]
        assert [row["id"] for row in full] == [row["row_id"] for row in wanted]
        assert [row["oracle_context"] for row in full] == [row["oracle_text"] for row in wanted]


def test_the_full_rows_pass_our_own_audit_on_the_facts(dataset) -> None:
    folder, _ = dataset
    found = audit([folder / "train.raft.jsonl", folder / "validation.raft.jsonl"])
    assert [file["split"] for file in found["files"]] == ["train", "validation"]
    for file in found["files"]:
        assert (file["quotes"]["unverified"], file["quotes"]["invented"], file["answers_without_tag"]["rows"]) == (
            0,
        ) * 3
        assert file["rows_without_oracle"]["by_oracle"]["graded_on_the_fact"] == 0
        assert file["rows_without_oracle"]["by_quotes_proxy"]["of"] == 0
    [across] = found["across"]
    assert across["oracle_basis"] == "oracle"
    assert across["oracle_also_answers_training_rows"]["rows"] == across["shared_questions"]["rows"] == 0
