"""SQL files: what their header and query say, and how a wrong one is named."""

from pathlib import Path

import pytest

from dbt_like_sql.parsing import SqlFileError, read_sql


def written(folder: Path, text: str, name: str = "model") -> Path:
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_header_gives_the_description_and_the_options(tmp_path):
    path = written(tmp_path, "-- All the\n-- fees.\n-- @group: marts\n-- @kinds: duckdb, sql\nselect 1 as a\n")
    file = read_sql(path, ("group", "kinds"))
    assert (file.name, file.description, file.options["group"]) == ("model", "All the\nfees.", "marts")
    assert file.words("kinds") == ("duckdb", "sql")
    assert file.body == "select 1 as a"


def test_a_common_table_expression_is_no_dependency(tmp_path):
    text = """-- x
    with chunks as (select * from raw_pdfs), n as (select 1 as i from range(3))
    select (select max(a) from pages where pages.a = c.a) as a
    from chunks as c, unnest(c.x) as u(z) left join n on true
    where exists (select 1 from questions) union all (from last_one)"""
    assert read_sql(written(tmp_path, text), ()).reads == ("last_one", "pages", "questions", "raw_pdfs")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("-- x\nselect a,\nfrom t where", 3, "where"),
        ("-- x\nselect a from t\nwhere a = 'oops", 3, "Error tokenizing"),
        ("-- x\nselect 1; select 2", 1, "exactly one SELECT"),
        ("-- x\ndrop table t", 1, "exactly one SELECT"),
        ("-- x\n-- @grupo: marts\nselect 1", 2, "@group"),
        ("select 1", 1, "must start with a comment"),
        ("-- x\nselect random() as a", 1, "not repeatable"),
        ("-- x\nselect current_date as a", 1, "not repeatable"),
        ("-- x\nselect * from other.t", 1, "without its schema"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, text, line, reason):
    path = written(tmp_path, text)
    with pytest.raises(SqlFileError) as caught:
        read_sql(path, ("group",))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert reason in str(caught.value)
