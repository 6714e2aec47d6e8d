"""The sample corpus: putting its first or second state into a home's document folder."""

import json
import shutil
from pathlib import Path

from orchestration.settings import PROJECT, Settings
from resources.errors import RaftlineError
from resources.files import file_sha256, write_whole

SAMPLE = PROJECT / "sample_corpus"
FIRST, SECOND = "first", "second"


def place_sample(settings: Settings, state: str) -> list[str]:
    """Makes the sample's documents those of a state; other documents are left alone. Returns the state's names.

    Raises `RaftlineError` if a document of somebody else has the name of one of them.
    """
    wanted = {path.name: path for path in sorted((SAMPLE / state).glob("*.pdf"))}
    if not wanted:
        raise RaftlineError(f"the sample corpus is not in {SAMPLE}: run the demo from a clone of the repository")
    every = [path for folder in (FIRST, SECOND) for path in (SAMPLE / folder).glob("*.pdf")]
    names = sorted({path.name for path in every})
    documents, memory = settings.documents_folder, settings.home_folder / "sample.json"
    ours = {file_sha256(path) for path in every} | _placed(memory)
    for path in (documents / name for name in names):
        if path.is_file() and file_sha256(path) not in ours:
            raise RaftlineError(
                f"{path} is not the sample's document of that name and would be lost: move it away, "
                "or set RAFTLINE_HOME to another folder for the demo"
            )
    write_whole(memory, json.dumps(sorted(ours)).encode())
    for name in names:
        if name not in wanted:
            (documents / name).unlink(missing_ok=True)
    for name, path in wanted.items():
        copy_if_changed(path, documents / name)
    for path in sorted((SAMPLE / "questions").glob("*.jsonl")):
        copy_if_changed(path, settings.questions_folder / path.name)
    return sorted(wanted)


def _placed(memory: Path) -> set[str]:
    """The hashes of all documents that earlier samples put here: those may be replaced."""
    return set(json.loads(memory.read_text(encoding="utf-8"))) if memory.is_file() else set()


def copy_if_changed(source: Path, target: Path) -> bool:
    """Copies a file whole or not at all, unless the target holds the same bytes; whether it copied."""
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, draft)
    draft.replace(target)
    return True
