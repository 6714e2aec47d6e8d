"""Moments as texts of services and tags tell them."""

from datetime import UTC, datetime


def moment_of(text: str) -> datetime | None:
    """An ISO time, taken for UTC if it names no zone; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
