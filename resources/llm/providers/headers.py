"""What the headers of an answer say: when to come again, what is left of the quota, under which id to ask support."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resources.llm.request import Quota

EMULATOR = "x-emulator"
"""Header of every answer of an emulator."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def retry_after(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds to wait: from `retry-after-ms`, `retry-after` (seconds or a date), or the message; None if nobody says."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after", "")
    seconds = _number(given)
    if seconds is not None:
        return seconds
    if given:
        try:
            return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            return None
    told = re.search(r"(?i)(?:retry|try again) (?:after|in) (\d+(?:\.\d+)?) ?(ms|s)", message)
    return float(told[1]) * _UNITS[told[2].lower()] if told else None


def quota(headers: Mapping[str, str]) -> Quota | None:
    """What is left of the deployment's quota; None if the service does not say."""
    if not any(name.lower().startswith("x-ratelimit-") for name in headers):
        return None
    return Quota(
        _count(headers.get("x-ratelimit-limit-requests")),
        _count(headers.get("x-ratelimit-limit-tokens")),
        _count(headers.get("x-ratelimit-remaining-requests")),
        _count(headers.get("x-ratelimit-remaining-tokens")),
        duration(headers.get("x-ratelimit-reset-requests")),
        duration(headers.get("x-ratelimit-reset-tokens")),
    )


def request_id(headers: Mapping[str, str]) -> str:
    """The id under which the service's support finds the call: Azure's own first."""
    return headers.get("apim-request-id") or headers.get("x-request-id") or ""


def duration(text: str | None) -> float | None:
    """Seconds of `12`, `120ms`, `1s` or `6m0s`."""
    plain = _number(text)
    if plain is not None or not text:
        return plain
    parts = _DURATION.findall(text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d+(\.\d+)?", text.strip()) else None


def _count(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else int(number)
