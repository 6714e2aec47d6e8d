"""Code versions that nobody has to remember to raise: a hash of what the modules' code does."""

import ast
import importlib.util
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from resources.hashing import short_id


def code_version(*modules: str) -> str:
    """A hash of the named modules (or packages, with all files and templates below), blind to comments and docstrings."""
    return short_id([[name, [_digest(path) for path in _files(name)]] for name in sorted(modules)])


def release(distribution: str) -> str:
    """The installed version of a library whose behaviour decides a result; empty if it is not there."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _files(module: str) -> list[Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"code_version: no module {module}")
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        return [origin]
    return sorted(path for path in origin.parent.rglob("*") if path.suffix in (".py", ".j2"))


@cache
def _digest(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return short_id(text)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
    return short_id(ast.dump(tree))


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
