"""Classes of documents, and which of them a destination may receive."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import ConfigDict, Field

from resources.options import Options

CLASSES = ("public", "internal", "confidential", "restricted")
"""From the least to the most sensitive."""

ClassName = Literal["public", "internal", "confidential", "restricted"]


class ClassificationRule(Options):
    """One rule: the documents that a glob names, and their class."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    documents: str = Field(min_length=1, description="Glob over the documents' paths, such as hr/*; * crosses folders.")
    document_class: ClassName = Field(
        alias="class", description="Class of these documents: public, internal, confidential or restricted."
    )


class ClassificationOptions(Options):
    """Which class a document has. Of several rules that fit, the most sensitive class counts."""

    default: ClassName = Field("internal", description="Class of a document that no rule names.")
    rules: list[ClassificationRule] = Field(default_factory=list, description="Rules by path.")

    def of(self, uri: str) -> str:
        """The class of the document at a path."""
        found = [rule.document_class for rule in self.rules if fnmatchcase(uri, rule.documents)]
        return strictest(found) if found else self.default

    @property
    def of_unknown(self) -> str:
        """The class of a document that nothing is known of: the most sensitive that these settings give to any."""
        return strictest([self.default, *(rule.document_class for rule in self.rules)])


def strictest(classes: Iterable[str]) -> str:
    """The most sensitive of some classes."""
    return max(classes, key=CLASSES.index)


def exceeds(document_class: str, ceiling: str) -> bool:
    """Whether a class is more sensitive than the most sensitive one that a destination receives."""
    return CLASSES.index(document_class) > CLASSES.index(ceiling)


class DocumentClasses:
    """The class of every document version that arrived. `read` brings the rows of raw_pdfs, oldest batch first."""

    def __init__(self, options: ClassificationOptions, read: Callable[[], Iterable[Mapping[str, Any]]]):
        self._options = options
        self._read = read
        self._known: dict[str, dict[str, str]] | None = None

    def of(self, version: str) -> tuple[str, str]:
        """Class and path of a version. Equal bytes under several paths have the most sensitive of their classes."""
        if not self._options.rules:
            return self._options.default, ""
        found = self._classes().get(version)
        if found is None:
            self._known = None  # it may have arrived since
            found = self._classes().get(version, {"": self._options.of_unknown})
        return max(((name, uri) for uri, name in sorted(found.items())), key=lambda pair: CLASSES.index(pair[0]))

    def named(self, versions: Sequence[str]) -> list[str]:
        """The classes that some versions have, least sensitive first."""
        return sorted({self.of(version)[0] for version in versions}, key=CLASSES.index)

    def _classes(self) -> dict[str, dict[str, str]]:
        if self._known is None:
            self._known = {}
            for uri, versions in _standing(self._read()).items():
                for version in versions:
                    self._known.setdefault(version, {})[uri] = self._options.of(uri)
        return self._known


def _standing(rows: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The versions of every path. A path that was withdrawn speaks for its bytes only where no other path holds them."""
    versions: dict[str, set[str]] = {}
    withdrawn: set[str] = set()
    for row in rows:
        uri = str(row["uri"])
        versions.setdefault(uri, set()).add(str(row["version"]))
        (withdrawn.add if row["tombstone"] else withdrawn.discard)(uri)
    held = {version for uri, known in versions.items() if uri not in withdrawn for version in known}
    return {uri: known - held if uri in withdrawn else known for uri, known in versions.items()}
