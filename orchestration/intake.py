"""Taking in what a user hands over: documents into the corpus folder, questions after a check of every line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from assets.raft.external import FileCheck, QuestionFile, check_question_file, question_files
from orchestration.sample import copy_if_changed
from resources.corpus.erased import ErasedDocuments
from resources.corpus.folder import sha256
from resources.errors import RaftlineError


def add_documents(paths: Iterable[Path], folder: Path, erased: ErasedDocuments | None = None) -> list[str]:
    """Copies PDFs into the corpus folder; says for each whether it is new, changed or known.

    Nothing is copied if any path is wrong, or names what was erased here. Raises `RaftlineError` naming it. What a file really holds is judged
    when its batch runs, so that a bad file becomes a row with a reason.
    """
    files: dict[str, Path] = {}
    for name, source in (found for path in paths for found in _pdfs(path)):
        if files.setdefault(name, source).resolve() != source.resolve():
            raise RaftlineError(f"{files[name]} and {source} would both become {name}: rename one of them")
    gone = erased.versions() if erased else frozenset()
    back = sorted(name for name, source in files.items() if gone and sha256(source) in gone)
    if back and erased:
        raise RaftlineError(
            f"{', '.join(back)}: these bytes were erased from this home and are not taken in again; "
            f"to want them back, delete their entry in {erased.path}"
        )
    notes = []
    for name, source in files.items():
        target = folder / name
        known = target.is_file()
        copied = copy_if_changed(source, target)
        notes.append(f"{name}: {'unchanged' if not copied else 'new version' if known else 'added'}")
    return notes


def add_questions(file: Path, folder: Path) -> FileCheck:
    """Checks a questions file and copies it; says how much of it is new and usable. Raises `RaftlineError`."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RaftlineError(f"{file} is not UTF-8 text: save it as UTF-8 JSON Lines") from error
    except OSError as error:
        raise RaftlineError(f"{file} cannot be read: {error.strerror}") from error
    target = folder / file.with_suffix(".jsonl").name
    others = [other for other in question_files(folder) if other.name != target.name]
    checked = check_question_file(QuestionFile(file.name, text), others)
    copy_if_changed(file, target)
    return checked


def _pdfs(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".pdf" and file.is_file())
        if not found:
            raise RaftlineError(f"{path} holds no PDF file")
        yield from ((file.relative_to(path).as_posix(), file) for file in found)
    elif not path.exists():
        raise RaftlineError(f"{path} does not exist")
    elif path.suffix.lower() != ".pdf":
        raise RaftlineError(f"{path} is not named *.pdf; raftline takes PDF documents")
    else:
        yield path.name, path
