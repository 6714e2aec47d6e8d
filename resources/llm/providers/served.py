"""Whether the model that answered is the one that the settings name: ledger keys would lie otherwise."""

import re

from resources.llm.provider import Misconfigured
from resources.llm.providers.site import Site
from resources.llm.providers.words import scrubbed

_SUFFIX = re.compile(
    r"[-@](?:\d{3,4}|\d{4}-\d{2}-\d{2}|\d{6}|\d{8}|v\d+|latest|preview[\w\-]*)|:[\w.\-]+|[.:]ft[-:][\w\-:.]*"
)
"""What may follow a model's name without making it another model: a date, a version, a tag, a tuned model's id."""


def check_served(served: str, site: Site) -> None:
    """Raises `Misconfigured` if a service reports a model that clearly is another one."""
    expected = site.serves or site.settings.model
    if not served or _same(served, expected) or (not site.is_azure and served == site.name):
        return
    raise Misconfigured(
        f"{site.name} at {site.host} serves {scrubbed(served, ())}, but {site.setting('model')} says {expected}: what it "
        f"answers would be filed under the wrong model; correct {site.setting('model')} or choose another deployment"
    )


def _same(one: str, other: str) -> bool:
    short, long = sorted((_plain(one), _plain(other)), key=len)
    return short == long or (long.startswith(short) and bool(_SUFFIX.fullmatch(long[len(short) :])))


def _plain(name: str) -> str:
    """A model's name without folders, `:latest` and the ending of a file; Azure writes gpt-35 for gpt-3.5."""
    last = re.split(r"[/\\]", name.strip().lower())[-1]
    return last.removesuffix(":latest").removesuffix(".gguf").replace("gpt-35", "gpt-3.5")
