"""What services say about themselves, made fit to be shown: without keys, on one line, not too long."""

import re

LONGEST = 400
"""Characters of a service's message that are shown: enough for the reason, too few for a document."""

_KEYS = re.compile(
    r"\b(?:sk|rk|pk|hf|gsk|nvapi|ABSK)[-_][\w*.\-]{4,}"  # whole or starred keys of known makes
    r"|\bABSK[\w+/=]{8,}"
    r"|\beyJ[\w\-]+\.[\w\-.]+"  # JSON web tokens
    r"|\S*\*{3,}\S*"  # whatever a service starred itself
)
_AFTER = re.compile(r"(?i)\b(bearer\s+|api[-_ ]?key[\"']?\s*(?:provided)?\s*[:=]\s*[\"']?)([^\s\"',;]+)")


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """A service's text without the secrets given, without what looks like a key, and cut."""
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _KEYS.sub("***", _AFTER.sub(r"\1***", text))
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
