"""The main job on a machine where PyMuPDF is not installed: documents to report and answers, through pdfium alone."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from resources.lake.lake import Lake
from resources.lake.tables import MARKDOWN_PAGES

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_corpus"
MISSING = ("pymupdf", "fitz", "onnxruntime")
PROSE = "I'm 17. How much money do I have to bring along to open your basic account?"
TABLE = "I have the Everyday Account. What do you take if I get cash from a machine that belongs to another bank?"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with everything that this one has installed, but PyMuPDF and what comes with it."""
    folder = tmp_path_factory.mktemp("plain")
    venv.create(folder, with_pip=False)
    [site] = folder.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.lower().startswith((*MISSING, "__editable", "_editable")):
            (site / entry.name).symlink_to(entry)
    return folder / "bin/python"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two of the sample documents and the questions on them, to be read by the permissive extractor."""
    folder = tmp_path_factory.mktemp("house") / "home"
    (folder / "questions").mkdir(parents=True)
    (folder / "documents").mkdir()
    names = ("everyday-accounts.pdf", "savings-and-term-deposits.pdf")
    for name in names:
        shutil.copy(SAMPLE / "first" / name, folder / "documents")
    lines = (SAMPLE / "questions/human.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line).get("document") in names]
    (folder / "questions/human.jsonl").write_text("\n".join(kept), encoding="utf-8")
    return folder


def raftline(python: Path, home: Path, *args: str, extractor: str = "permissive") -> subprocess.CompletedProcess[str]:
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAFTLINE_", "DAGSTER_", "PYTHON"))
    }
    chosen = {"RAFTLINE_HOME": str(home), "RAFTLINE_EXTRACTION__EXTRACTOR": extractor, "PYTHONPATH": str(ROOT)}
    chosen["RAFTLINE_EVALUATION__BOOTSTRAP_DRAWS"] = "200"
    return subprocess.run(
        [str(python), "-m", "orchestration.cli", *args],
        env=plain | chosen, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_the_interpreter_has_no_pymupdf_and_this_one_has(python):
    for program, ends in ((python, 1), (sys.executable, 0)):
        done = subprocess.run([str(program), "-c", "import pymupdf"], capture_output=True, timeout=60, check=False)
        assert done.returncode == ends


@pytest.mark.slow
def test_the_default_extractor_says_what_is_missing_and_names_both_ways_out(python, home):
    done = raftline(python, home, "refresh", extractor="layout")
    assert done.returncode == 2
    assert "raftline[layout]" in done.stderr
    assert "extraction.extractor: permissive" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_main_job_runs_and_answers_from_prose_and_from_a_table_or_declines(python, home):
    done = raftline(python, home, "refresh")
    assert done.returncode == 0, done.stderr[-2000:]
    lake = Lake(str(home / "lake"))
    pages = [page for batch in lake.partitions(MARKDOWN_PAGES) for page in lake.rows(MARKDOWN_PAGES, batch)]
    assert {page["method"] for page in pages} == {"permissive"}
    assert len(pages) == 8
    [report] = (home / "reports").glob("*.html")
    assert "Read by permissive" in report.read_text(encoding="utf-8")
    for question, truth in ((PROSE, "$25"), (TABLE, "$2.75")):
        asked = raftline(python, home, "ask", question, "--json")
        answer = json.loads(asked.stdout)
        assert answer["abstained"] or truth in answer["answer"], answer
