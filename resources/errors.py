"""Errors a user can act on. Each names the thing at fault and says what to do."""

import re


class RaftlineError(Exception):
    """Base of every error whose message is written for the user and shown without a traceback."""


class SettingsError(RaftlineError):
    """A setting, recipe or environment variable is missing, unknown or out of range."""


class UnreadableDocument(RaftlineError):
    """A document cannot be used. It becomes a row with this reason; the rest of its batch goes on."""

    def __init__(self, document: str, reason: str, hint: str = ""):
        self.document = document
        self.reason = reason
        self.hint = hint
        self.advice = reason + (f" ({hint})" if hint else "")
        super().__init__(f"{document}: {self.advice}")


class LakeError(RaftlineError):
    """A table cannot be written or read: wrong schema, a repeated key, a missing partition."""


def without_password(text: str) -> str:
    """A text as a message may show it: the passwords of URLs in it are masked."""
    text = re.sub(r"(://[^/@\s:]*):[^\s]*@", r"\1:***@", text)
    return re.sub(r"(password=)[^&\s]+", r"\1***", text)
