"""What carries our tags at AWS, found through the tagging API: endpoints, and what is left of some."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from resources.training.moments import moment_of
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.tags import TAG, tag_list, tags_of

KINDS = ("endpoint", "endpoint-config", "model")


@dataclass(frozen=True)
class Owned:
    """Resources of one name: their tags, and which kinds there are."""

    name: str
    tags: Mapping[str, str]
    kinds: tuple[str, ...]

    @property
    def expires_at(self) -> datetime | None:
        return moment_of(self.tags.get(TAG.expires_at, ""))


def owned(aws: Aws, owner: str, more: Mapping[str, str] | None = None, kinds: tuple[str, ...] = KINDS) -> list[Owned]:
    """Everything of an owner, by name. The name is a tag: in addresses (ARNs) it is in lower case."""
    wanted = {TAG.owner: owner, **(more or {})}
    pages = aws.pages(
        "resourcegroupstaggingapi",
        "GetResources",
        ResourceTypeFilters=[f"sagemaker:{kind}" for kind in kinds],
        TagFilters=[{"Key": tag["Key"], "Values": [tag["Value"]]} for tag in tag_list(wanted)],
    )
    found: dict[str, tuple[dict[str, str], list[str]]] = {}
    for page in pages:
        for one in page["ResourceTagMappingList"]:
            kind, _, name = str(one["ResourceARN"]).rsplit(":", 1)[-1].partition("/")
            tags = tags_of(one["Tags"])
            known, its_kinds = found.setdefault(tags.get(TAG.name) or name, ({}, []))
            known |= tags if kind == "endpoint" else {key: tags[key] for key in tags.keys() - known.keys()}
            its_kinds.append(kind)
    return [Owned(name, tags, tuple(sorted(its_kinds))) for name, (tags, its_kinds) in sorted(found.items())]


def tags_at(aws: Aws, arn: str) -> dict[str, str]:
    """Our tags of one resource."""
    pages = aws.pages("sagemaker", "ListTags", ResourceArn=arn)
    return tags_of([tag for page in pages for tag in page["Tags"]])
