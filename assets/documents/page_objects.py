"""Whether a page is built from the same objects as one before: a hash that neither lays the page out nor draws it.

It covers what the page's content names: fonts, pictures, forms, patterns and states with all they are made from, boxes,
annotations, and what of the document decides how pages are drawn. Resources that pages share but a page does not name,
object numbers, metadata and structure do not count. Equal hashes mean equal pages; unequal ones need not mean a
difference, since a program may write the same page in another way.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assets.documents.inspection import Fault, open_pdf
from assets.documents.nursery import getting_on
from assets.documents.parsing import outlines_of
from resources.hashing import content_hash

_TOKEN = re.compile(
    rb"<<|>>|[\[\]]|\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>|/[^\s<>\[\](){}/%]*|[^\s<>\[\](){}/%]+", re.DOTALL
)
_NAME = re.compile(rb"/([^\x00\s<>\[\](){}/%]+)")
_INHERITED = (b"/Resources", b"/MediaBox", b"/CropBox", b"/Rotate")
_OF_THE_PAGE = (*_INHERITED[1:], b"/UserUnit", b"/Group")
_OF_THE_DOCUMENT = (b"/OCProperties", b"/OutputIntents")
_OF_THE_FORM = (b"/DR", b"/DA", b"/NeedAppearances")
_NEVER = frozenset(
    b"/Parent /Kids /Popup /IRT /StructParent /StructParents /Metadata /PieceInfo /LastModified /Length".split()
)
_ELSEWHERE = (b"/Page", b"/Pages", b"/Catalog")
_UNNAMED = (b"/DefaultGray", b"/DefaultRGB", b"/DefaultCMYK")
_MOST_LEVELS = 32


class Unfollowable(Exception):
    """A page's objects refer to each other in a circle, or are not what they should be."""


@dataclass(frozen=True)
class _Reference:
    """Another object, by number."""

    number: int


def object_hashes(data: bytes) -> list[str] | Fault:
    """Child process: per page the hash of its objects, empty where they cannot be followed."""
    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    outlines = outlines_of(document)
    objects = _Objects(document)
    hashes = []
    for index in range(document.page_count):
        getting_on()
        try:
            found = objects.page(document.page_xref(index))
            hashes.append(content_hash(found.hex(), outlines.get(index, {})))
        except Exception:  # the file's fault, in one of many ways: such a page is compared as it looks
            hashes.append("")
    return hashes


class _Objects:
    """The objects of one document, each read and hashed once."""

    def __init__(self, document: Any):
        self._document = document
        self._values: dict[int, Any] = {}
        self._hashes: dict[int, bytes] = {}
        self._open: set[int] = set()
        self._frame: bytes | None = None

    def page(self, number: int) -> bytes:
        """The hash of the page that is this object."""
        page = self._value(number)
        inherited = self._inherited(page)
        content = b"\n".join(self._document.xref_stream(part) or b"" for part in self._contents(page))
        resources = inherited.get(b"/Resources", {})
        annotations = self._resolved(page.get(b"/Annots", []))
        return _sha(
            self._of_document(),
            *(self._hash(inherited.get(key)) for key in _OF_THE_PAGE),
            self._content(content, resources),
            *(part for one in annotations for part in self._annotation(self._resolved(one))),
        )

    def _of_document(self) -> bytes:
        """What decides how every page is drawn: layers, output colours, defaults of form fields."""
        if self._frame is None:
            catalog = self._value(self._document.pdf_catalog())
            form = self._resolved(catalog.get(b"/AcroForm", {}))
            self._frame = _sha(
                *(self._hash(catalog.get(key)) for key in _OF_THE_DOCUMENT),
                *(self._hash(form.get(key)) for key in _OF_THE_FORM),
            )
        return self._frame

    def _inherited(self, page: dict[bytes, Any]) -> dict[bytes, Any]:
        """The page's own entries over those of the nodes above it."""
        found = dict(page)
        above, passed = page.get(b"/Parent"), set()
        while isinstance(above, _Reference) and above.number not in passed:
            passed.add(above.number)
            node = self._value(above.number)
            for key in _INHERITED:
                if key in node:
                    found.setdefault(key, node[key])
            above = node.get(b"/Parent")
        return found

    def _contents(self, page: dict[bytes, Any]) -> list[int]:
        found = page.get(b"/Contents", [])
        streams = [found] if self._is_stream(found) else self._resolved(found)
        if not all(self._is_stream(stream) for stream in streams):
            raise Unfollowable
        return [stream.number for stream in streams]

    def _annotation(self, annotation: Any) -> Iterator[bytes]:
        """An annotation, and the fields above a form field, whose values it shows."""
        passed = 0
        while isinstance(annotation, dict) and passed < _MOST_LEVELS:
            yield self._hash(annotation)
            annotation = self._resolved(annotation.get(b"/Parent"))
            passed += 1

    def _content(self, content: bytes, resources: Any) -> bytes:
        """What is drawn, with those of the resources that it names."""
        names = set(_NAME.findall(content))
        if any(b"#" in name for name in names):
            raise Unfollowable
        parts = [content]
        for kind, entries in sorted(self._resolved(resources).items()):
            entries = self._resolved(entries)
            if isinstance(entries, dict):
                used = sorted(key for key in entries if key[1:] in names or key in _UNNAMED or b"#" in key)
                parts += [part for key in used for part in (kind, key, self._hash(entries[key]))]
        return _sha(*parts)

    def _hash(self, value: Any) -> bytes:
        if isinstance(value, _Reference):
            return self._of(value.number)
        if isinstance(value, dict):
            return self._of_dictionary(value)
        if isinstance(value, list):
            return _sha(b"[", *map(self._hash, value))
        return b"" if value is None else _sha(value)

    def _of(self, number: int) -> bytes:
        """The hash of an object with all it is made from."""
        if number not in self._hashes:
            if number in self._open:
                raise Unfollowable
            self._open.add(number)
            try:
                value = self._value(number)
                stream = self._document.xref_is_stream(number)
                self._hashes[number] = self._of_stream(number, value) if stream else self._hash(value)
            finally:
                self._open.discard(number)
        return self._hashes[number]

    def _of_stream(self, number: int, value: dict[bytes, Any]) -> bytes:
        if value.get(b"/Subtype") == b"/Form" or value.get(b"/PatternType") == b"1":
            return _sha(b"form", self._of_dictionary(value, b"/Filter", b"/DecodeParms"), self._form(number, value))
        return _sha(b"stream", self._of_dictionary(value), self._document.xref_stream_raw(number))

    def _form(self, number: int, owner: dict[bytes, Any]) -> bytes:
        """A content of its own: a form's, a pattern's, a glyph's. One that borrows its page's resources is not followed."""
        content = self._document.xref_stream(number) or b""
        if b"/Resources" not in owner and _NAME.search(content):
            raise Unfollowable
        return self._content(content, owner.get(b"/Resources", {}))

    def _of_dictionary(self, value: dict[bytes, Any], *without: bytes) -> bytes:
        if value.get(b"/Type") in _ELSEWHERE:
            return b"elsewhere"
        parts = [b"<<"]
        glyphs = self._resolved(value.get(b"/CharProcs")) if value.get(b"/Subtype") == b"/Type3" else None
        for key in sorted(value):
            if key in _NEVER or key in without or (key == b"/P" and isinstance(value[key], _Reference)):
                continue
            if key != b"/Resources" and (glyphs is None or key != b"/CharProcs"):
                parts += [key, self._hash(value[key])]
        for name, glyph in sorted((glyphs or {}).items()):
            parts += [name, self._form(glyph.number, value)]
        return _sha(*parts)

    def _resolved(self, value: Any) -> Any:
        return self._value(value.number) if isinstance(value, _Reference) else value

    def _is_stream(self, value: Any) -> bool:
        return isinstance(value, _Reference) and self._document.xref_is_stream(value.number)

    def _value(self, number: int) -> Any:
        """An object as dictionaries, lists, references and bytes."""
        if number not in self._values:
            text = self._document.xref_object(number, compressed=True).encode("utf-8", "surrogateescape")
            self._values[number] = _parsed(_TOKEN.findall(text))
        return self._values[number]


def _parsed(tokens: Iterable[bytes]) -> Any:
    levels: list[list[Any]] = [[]]
    for token in tokens:
        if token in (b"<<", b"["):
            levels.append([])
        elif token in (b">>", b"]"):
            inner = levels.pop()
            levels[-1].append(inner if token == b"]" else dict(zip(inner[::2], inner[1::2], strict=True)))
        elif token == b"R":
            _, number = levels[-1].pop(), levels[-1].pop()
            levels[-1].append(_Reference(int(number)))
        else:
            levels[-1].append(token)
    [[value]] = levels
    return value


def _sha(*parts: bytes) -> bytes:
    """The hash of a sequence; its parts cannot run into each other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.digest()
