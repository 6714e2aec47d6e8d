"""A form with a file, taken apart."""

from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from azure_openai.errors import bad_request


@dataclass(frozen=True)
class Form:
    """The file of a form, and its other fields; `a[b]` is the field b of a."""

    filename: str
    content: bytes
    fields: dict[str, Any]


def read_form(content_type: str, raw: bytes) -> Form:
    """The form in a body. Raises `ServiceError` if there is no file in it."""
    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + raw)
    fields: dict[str, Any] = {}
    found: tuple[str, bytes] | None = None
    for part in message.iter_parts() if message.is_multipart() else ():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        if name == "file":
            found = (part.get_filename() or "file", content)
        elif name.endswith("]") and "[" in name:
            outer, inner = name.rstrip("]").split("[", 1)
            fields.setdefault(outer, {})[inner] = _value(content.decode())
        else:
            fields[name] = content.decode()
    if found is None:
        raise bad_request("'file' is a required property.", "file")
    return Form(*found, fields)


def _value(text: str) -> str | int:
    return int(text) if text.isdigit() else text
