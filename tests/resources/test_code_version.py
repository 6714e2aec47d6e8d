"""Code versions change with what code does, and with nothing else."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from resources.code_version import code_version

CODE = '"""A module."""\n\nLIMIT = 3\n\n\ndef double(x):\n    return 2 * x\n'


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The code version of a module `sample` that holds this text."""
    folders = (tmp_path / str(number) for number in count())

    def measure(text: str) -> str:
        folder = next(folders)
        folder.mkdir()
        (folder / "sample.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        return code_version("sample")

    return measure


def test_comments_docstrings_and_blank_lines_change_nothing(version) -> None:
    retold = 'LIMIT = 3  # as published\n"""Rows per page."""\n\ndef double(x):\n    """Twice."""\n\n    return 2 * x\n'
    assert version(CODE) == version(retold)


def test_another_constant_is_another_version(version) -> None:
    assert version(CODE) != version(CODE.replace("LIMIT = 3", "LIMIT = 4"))


def test_a_text_that_is_used_is_no_docstring(version) -> None:
    assert version('WORDS = "a"\n') != version('WORDS = "b"\n')


def test_the_order_in_which_modules_are_named_does_not_matter() -> None:
    assert code_version("resources.hashing", "resources.errors") == code_version(
        "resources.errors", "resources.hashing"
    )


def test_a_package_stands_for_all_its_files() -> None:
    assert code_version("resources.lake") != code_version("resources.lake.lake")


def test_a_template_counts_as_code_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name, page in (("one", "<p>{{ it }}</p>"), ("other", "<b>{{ it }}</b>")):
        package = tmp_path / name / "pages"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "page.html.j2").write_text(page, encoding="utf-8")
        monkeypatch.syspath_prepend(package.parent)
        found.append(code_version("pages"))
    assert found[0] != found[1]


def test_a_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no_such_module_here"):
        code_version("no_such_module_here")
