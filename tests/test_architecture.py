"""The house rules that no reviewer should have to remember: who imports whom, what is light, what stays outside."""

import ast
import importlib
import importlib.metadata
import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

PACKAGES = ("resources", "assets", "dbt_like_sql", "orchestration")
MAY_IMPORT = {
    "resources": {"resources"},
    "assets": {"resources", "assets"},
    "dbt_like_sql": {"resources", "dbt_like_sql"},
    "orchestration": set(PACKAGES),
}
HEAVY = frozenset(
    "torch transformers ragas sagemaker lancedb azure sklearn scipy matplotlib pymupdf fitz pypdfium2 bm25s boto3 openai "
    "pandas langchain_core langchain_community instructor datasets psycopg2 httpx2 rensa trl peft accelerate tokenizers "
    "safetensors huggingface_hub botocore".split()
)
KNOWS_DAGSTER = {"assets.py", "checks.py"}
"""The only modules of a stage folder that may import Dagster."""
NEVER_IMPORTED = {
    "accelerate",  # is what transformers trains with
    "dagster-webserver",  # is started
    "psycopg2-binary",  # is SQLAlchemy's driver
    "instructor",  # both only keep ragas' own dependencies at versions that work together
    "langchain-community",
}
EVERY_TRAINER = {
    "azure_openai": {
        "endpoint": "https://somewhere.openai.azure.com",
        "management": {"subscription": "a", "resource_group": "b", "account": "c"},
    },
    "sagemaker_jumpstart": {
        "region": "eu-west-1",
        "role_arn": "arn:aws:iam::123456789012:role/raftline",
        "prefix": "s3://raftline-training/raftline",
    },
    "local": {"models_folder": "bases"},
}
ROOT = Path(__file__).resolve().parent.parent


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def at_module_level(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run on import: inside `if`, `try` and classes too, not in functions or for type checkers."""
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            continue
        yield statement
        for block in ("body", "orelse", "finalbody"):
            yield from at_module_level(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            yield from at_module_level(handler.body)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.decode().split("\0") if name]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way_and_are_absolute(package) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(ast.walk(tree(path)))
        if name.startswith(".") or (name.split(".")[0] in PACKAGES and name.split(".")[0] not in MAY_IMPORT[package])
    ]
    assert wrong == []


def test_nothing_but_the_tests_imports_the_tests() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if any(name.split(".")[0] == "tests" for name in imports(ast.walk(tree(path))))
    ]
    assert wrong == []


def test_the_logic_of_a_stage_does_not_know_dagster() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for folder in sorted((ROOT / "assets").iterdir())
        if folder.is_dir()
        for path in sorted(folder.rglob("*.py"))
        if path.name not in KNOWS_DAGSTER
        and any(name.split(".")[0].startswith("dagster") for name in imports(ast.walk(tree(path))))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_heavy_is_imported_at_module_level(package) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(list(at_module_level(tree(path).body)))
        if name.split(".")[0] in HEAVY
    ]
    assert wrong == []


@pytest.mark.slow
def test_loading_the_definitions_imports_nothing_heavy_and_writes_nothing(tmp_path) -> None:
    """Not even with every training backend set up, and a trainer and a deployer of each made."""
    config = tmp_path / "raftline.yaml"
    config.write_text(yaml.safe_dump({"trainers": EVERY_TRAINER, "recipes": str(ROOT / "recipes")}), encoding="utf-8")
    program = (
        "import json, sys\n"
        "from orchestration.definitions import defs\n"
        "from orchestration.settings import load_settings\n"
        "from orchestration.wiring import build_resources\n"
        "defs().get_repository_def()\n"
        "trainers = build_resources(load_settings())['trainers']\n"
        f"made = [(trainers.get(name), trainers.deployer(name)) for name in {['embedded', *EVERY_TRAINER]}]\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT,
        env={**os.environ, "RAFTLINE_HOME": str(tmp_path / "home"), "RAFTLINE_CONFIG": str(config)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert sorted(HEAVY.intersection(json.loads(done.stdout))) == []
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_imported_from_this_tree(package) -> None:
    file = importlib.import_module(package).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT)


def test_pyproject_does_not_override_the_workspace() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert {"dagster", "dg"}.isdisjoint(tools)
    assert tools["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        "orchestration",
        "assets",
        "resources",
        "dbt_like_sql",
    ]


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    distributions = importlib.metadata.packages_distributions()
    used = {
        distribution.lower().replace("_", "-")
        for package in PACKAGES
        for path in modules(package)
        for name in imports(ast.walk(tree(path)))
        for distribution in distributions.get(name.split(".")[0], [])
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    declared = {re.split(r"[<>=!~\[ ;]", line)[0].lower() for line in lines}
    assert used - declared - {"raftline"} == {"onnxruntime"}, "onnxruntime comes with PyMuPDF and is only ever calmed"
    assert declared - used == NEVER_IMPORTED


def test_no_committed_text_names_the_machine_it_was_written_on() -> None:
    forbidden = [parts[0] + parts[1] for parts in (("/wo", "rk/"), ("/ro", "ot/"), ("/tmp/", "rl/"), ("/Use", "rs/"))]
    wrong = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        wrong += [f"{path.relative_to(ROOT)}: {name}" for name in forbidden if name in text]
    assert wrong == []


def test_no_code_silences_its_checkers() -> None:
    marks = ["# type: " + "ignore", "# no" + "qa", "TO" + "DO", "FIX" + "ME"]
    wrong = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in tracked_files()
        if path.suffix == ".py" and path.is_file()
        for mark in marks
        if mark in path.read_text(encoding="utf-8")
    ]
    assert wrong == []


def test_the_tests_mirror_the_four_folders() -> None:
    mirrored = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert set(PACKAGES) <= mirrored
