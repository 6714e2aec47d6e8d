"""The tags of everything that is ours at AWS: whose it is, what for, and until when."""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

PREFIX = "raftline:"
"""Starts the keys of our tags: an account is shared, and `owner` is a tag that others use too."""

NEVER = "never"
"""The end of an endpoint that has none; written over the end that it had."""

_FORBIDDEN = re.compile(r"[^\w\s.:/=+\-@]")
_LONGEST = 256

TAG = SimpleNamespace(
    owner="owner",
    purpose="purpose",
    model_id="model_id",
    expires_at="expires_at",
    name="name",
    idem="idem",
    base_model="base_model",
    eula="eula",
    mode="mode",
)
"""The names of our tags, without the prefix."""


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS takes them; characters that it forbids become underscores."""
    return [
        {"Key": PREFIX + _allowed(key), "Value": _allowed(value)[:_LONGEST]}
        for key, value in sorted(tags.items())
        if value
    ]


def tags_of(found: list[Mapping[str, Any]]) -> dict[str, str]:
    """Our tags among those of a resource, without the prefix."""
    return {
        str(one["Key"]).removeprefix(PREFIX): str(one["Value"]) for one in found if str(one["Key"]).startswith(PREFIX)
    }


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("_", text)
