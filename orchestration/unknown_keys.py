"""What is said about a key of raftline.yaml that nothing reads."""

import difflib
import re
from collections.abc import Sequence
from typing import get_args, get_origin

from pydantic import BaseModel


def unknown_key(settings: type[BaseModel], location: Sequence[int | str]) -> str:
    """What to do about it: the nearest key there is, or all keys of its section."""
    *section, key = map(str, location)
    if section[:1] == ["roles"] and re.search("key|secret|password|token$", key.lower()):
        return "is not a setting: secrets come from the environment, and api_key_variable names the variable"
    known = sorted(_keys(settings, section) - {"root"})
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}" if known else ""
    return f"is not a setting{hint}"


def _keys(model: type[BaseModel], section: Sequence[str]) -> set[str]:
    """The keys of a section, which is named from the top; none where it cannot be found."""
    if not section:
        return set(model.model_fields)
    field = model.model_fields.get(section[0])
    inner, rest = (field.annotation if field else None), section[1:]
    if get_origin(inner) in (dict, list):
        inner, rest = get_args(inner)[-1], rest[1:]
    return _keys(inner, rest) if isinstance(inner, type) and issubclass(inner, BaseModel) else set()
