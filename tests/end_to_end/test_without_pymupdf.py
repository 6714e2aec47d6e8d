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
CHEAPER = {
    "RAFTLINE_GENERATION__PER_CHUNK": "5",
    "RAFTLINE_EVALUATION__GENERATED_LIMIT": "5",
    "RAFTLINE_EVALUATION__BOOTSTRAP_DRAWS": "200",
}
COMMANDS = """
import json, os, sys
from orchestration.cli import main
for extractor, arguments in json.loads(sys.argv[1]):
    os.environ["RAFTLINE_EXTRACTION__EXTRACTOR"], sys.argv = extractor, ["raftline", *arguments]
    try:
        main()
    except SystemExit as end:
        print(f"ended with {end.code}")
"""
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
    """A home with two of the sample documents and a few questions on each."""
    folder = tmp_path_factory.mktemp("house") / "home"
    (folder / "questions").mkdir(parents=True)
    (folder / "documents").mkdir()
    kept: list[str] = []
    lines = (SAMPLE / "questions/human.jsonl").read_text(encoding="utf-8").splitlines()
    for name in ("everyday-accounts.pdf", "savings-and-term-deposits.pdf"):
        shutil.copy(SAMPLE / "first" / name, folder / "documents")
        kept += [line for line in lines if json.loads(line).get("document") == name][:4]
    (folder / "questions/human.jsonl").write_text("\n".join(kept), encoding="utf-8")
    return folder


def run(python: Path, home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAFTLINE_", "DAGSTER_", "PYTHON"))
    }
    chosen = {"RAFTLINE_HOME": str(home), "PYTHONPATH": str(ROOT), **CHEAPER}
    return subprocess.run(
        [str(python), *args], env=plain | chosen, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_interpreter_has_no_pymupdf_and_this_one_has(python):
    for program, ends in ((python, 1), (sys.executable, 0)):
        look = "import sys; from importlib.util import find_spec; sys.exit(find_spec('pymupdf') is None)"
        assert subprocess.run([str(program), "-c", look], timeout=60, check=False).returncode == ends


@pytest.mark.slow
def test_the_default_extractor_names_both_ways_out_and_the_permissive_one_runs_everything(python, home):
    """One process for all four commands: importing Dagster costs more than most of them. An answer may decline."""
    asking = [("permissive", ["ask", question, "--json"]) for question in (PROSE, TABLE)]
    done = run(
        python, home, "-c", COMMANDS, json.dumps([("layout", ["refresh"]), ("permissive", ["refresh"]), *asking])
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line for line in done.stdout.splitlines() if line.startswith("ended")] == [
        "ended with 2",
        *["ended with 0"] * 3,
    ], done.stderr[-2000:]
    assert "raftline[layout]" in done.stderr
    assert "extraction.extractor: permissive" in done.stderr
    assert "Traceback" not in done.stderr
    lake = Lake(str(home / "lake"))
    pages = [page for batch in lake.partitions(MARKDOWN_PAGES) for page in lake.rows(MARKDOWN_PAGES, batch)]
    assert {page["method"] for page in pages} == {"permissive"}
    assert len(pages) == 8
    [report] = (home / "reports").glob("*.html")
    assert "Read by permissive" in report.read_text(encoding="utf-8")
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for answer, truth in zip(said, ("$25", "$2.75"), strict=True):
        assert answer["abstained"] or truth in answer["answer"], answer
