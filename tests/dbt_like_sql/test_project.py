"""What Dagster sees of the SQL project."""

from pathlib import Path

import dagster as dg
import pytest

from dbt_like_sql.parsing import SqlFileError
from dbt_like_sql.project import build_sql_assets, build_sql_checks
from resources.lake.resource import LakeResource
from resources.lake.tables import BATCHED

SNAPSHOT = {
    "complete_batches": BATCHED,
    "corpus": {"complete_batches", "contextualized_chunks", "raw_pdfs"},
    "coverage": {"corpus", "markdown_pages", "qa_pairs"},
    "dataset_quality": {"corpus", "qa_pairs"},
    "document_inventory": {"complete_batches", "corpus", "markdown_pages", "qa_pairs", "raw_pdfs"},
    "egress": {"judge_scores", "model_answers", "qa_pairs", "test_answers"},
    "leaderboard": {"answer_scores", "fine_tuned_model", "model_registry"},
    "spend_by_stage": {"judge_scores", "model_answers", "qa_pairs", "test_answers"},
}


def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for asset in build_sql_assets() for spec in asset.specs}


def project_of(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(f"-- A model.\n{sql}\n", encoding="utf-8")
    return folder


def test_each_file_is_an_asset_that_depends_on_what_its_query_reads():
    found = {name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in specs().items()}
    assert found == SNAPSHOT


def test_each_model_has_a_group_kinds_a_description_and_a_code_version():
    for name, spec in specs().items():
        assert spec.group_name == ("3_corpus" if name in {"complete_batches", "corpus"} else "9_marts")
        assert spec.kinds == {"duckdb", "sql"}
        assert spec.description and "```sql" in spec.description
        assert spec.code_version


def test_owners_are_a_setting_and_nothing_that_a_file_can_say(tmp_path):
    assert not any(spec.owners for spec in specs().values())
    folder = project_of(tmp_path, mine="-- @owner: team:me\nselect 1 as a")
    with pytest.raises(SqlFileError, match="unknown option '@owner: team:me'"):
        build_sql_assets(folder=folder)


def test_columns_and_their_lineage_are_known_before_anything_runs():
    metadata = specs()["corpus"].metadata
    columns = {column.name: column.type for column in metadata["dagster/column_schema"].columns}
    assert columns["page_start"] == "int64"
    assert columns["heading_path"].startswith("list<")
    sources = metadata["dagster/column_lineage"].deps_by_column
    assert sources["title"] == [dg.TableColumnDep(dg.AssetKey("raw_pdfs"), "title")]
    assert sources["contextual_text"] == [dg.TableColumnDep(dg.AssetKey("contextualized_chunks"), "contextual_text")]
    inventory = specs()["document_inventory"].metadata["dagster/column_schema"].columns
    assert {column.name: column.type for column in inventory}["pages"] == "int64"


def test_a_materialization_carries_version_count_place_lineage_and_sample(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    result = house.materialize("complete_batches", "corpus")
    (event,) = result.asset_materializations_for_node("corpus")
    assert event.metadata["dagster/row_count"].value == 1
    assert "dagster/column_lineage" in event.metadata
    assert event.metadata["sample"].records[0].data["text"] == "one"
    version = event.tags["dagster/data_version"]
    assert (house.lake.version("corpus") or "").startswith(version)
    assert house.lake.fingerprint("corpus")


def test_equal_inputs_give_equal_data_versions(house, document):
    house.add(1, document("a.pdf", "v1", "one"), document("b.pdf", "v1", "two"))
    versions = []
    for _ in range(2):
        house.materialize("complete_batches", "corpus", "document_inventory", "coverage", "dataset_quality")
        versions.append([house.lake.version(name) for name in ("corpus", "document_inventory", "coverage")])
    assert versions[0] == versions[1]


def test_a_failing_blocking_check_stops_what_comes_after_it(house, document, tmp_path):
    house.add(1, document("a.pdf", "v1", "one"))
    checks, models = tmp_path / "checks", tmp_path / "models"
    checks.mkdir()
    models.mkdir()
    project_of(models, first="select uri from raw_pdfs", second="select uri from first")
    (checks / "first__is_empty.sql").write_text("-- Nothing.\n-- @blocking: true\nselect * from this\n")
    assets = build_sql_assets(folder=models)
    found = build_sql_checks({}, checks, models)
    result = dg.materialize([*assets, *found], resources={"lake": LakeResource(url=house.url)}, raise_on_error=False)
    assert not result.success
    assert house.lake.version("first")
    assert house.lake.version("second") is None


def test_a_change_of_comments_is_no_change_of_code(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "m.sql").write_text("-- Before.\nselect 1 as a")
    (two / "m.sql").write_text("-- After.\nselect 1 as a")
    assert (
        len({build_sql_assets(folder=folder)[0].specs_by_key[dg.AssetKey("m")].code_version for folder in (one, two)})
        == 1
    )


@pytest.mark.parametrize(
    ("files", "line", "reason"),
    [
        ({"m": "select *\nfrom nowhere"}, 3, "neither a model nor a declared table"),
        ({"m": "select\n nothing\nfrom raw_pdfs"}, 3, "nothing"),
        ({"m": "select a from n", "n": "select a from m"}, 1, "circle"),
        ({"corpus": "select uri from raw_pdfs"}, 1, "differ from the declared table"),
        ({"m": "-- @key: b\nselect uri from raw_pdfs"}, 1, "@key"),
    ],
)
def test_a_model_that_cannot_work_is_refused_when_the_code_is_loaded(tmp_path, files, line, reason):
    with pytest.raises(SqlFileError, match=reason) as caught:
        build_sql_assets(folder=project_of(tmp_path, **files))
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("name", "header", "reason"),
    [
        ("nowhere__rule", "", "named <asset>__<rule>"),
        ("corpus", "", "named <asset>__<rule>"),
        ("corpus__rule", "-- @severity: fatal\n", "must be one of error, warn"),
        ("chunks__rule", "", "no partitions definition"),
    ],
)
def test_a_check_that_cannot_work_is_refused_when_the_code_is_loaded(tmp_path, name, header, reason):
    (tmp_path / f"{name}.sql").write_text(f"-- A rule.\n{header}select * from this\n")
    with pytest.raises(SqlFileError, match=reason):
        build_sql_checks({}, tmp_path)
