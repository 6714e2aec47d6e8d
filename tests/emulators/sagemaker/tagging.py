"""Tags of jobs, models, configurations and endpoints, and the tagging API that finds what carries them."""

from typing import Any

from sagemaker.errors import validation
from sagemaker.world import World


def add_tags(world: World, request: dict[str, Any]) -> dict[str, Any]:
    arn = _known(world, request["ResourceArn"])
    world.tag(arn, request["Tags"])
    return {"Tags": _pairs(world.tags[arn])}


def delete_tags(world: World, request: dict[str, Any]) -> dict[str, Any]:
    tags = world.tags.get(_known(world, request["ResourceArn"]), {})
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _pairs(world.tags.get(_known(world, request["ResourceArn"]), {}))}


def get_resources(world: World, request: dict[str, Any]) -> dict[str, Any]:
    if world.lags("GetResources"):
        return {"ResourceTagMappingList": [], "PaginationToken": ""}
    kinds = tuple(f"arn:aws:sagemaker:us-east-1:123456789012:{name.removeprefix('sagemaker:')}/"
                  for name in request.get("ResourceTypeFilters", []))  # fmt: skip
    found = [
        arn
        for arn in sorted(world.tags)
        if (not kinds or arn.startswith(kinds)) and _fits(world.tags[arn], request.get("TagFilters", []))
    ]
    start = int(request.get("PaginationToken") or 0)
    end = start + world.configuration.page_size
    return {
        "ResourceTagMappingList": [{"ResourceARN": arn, "Tags": _pairs(world.tags[arn])} for arn in found[start:end]],
        "PaginationToken": str(end) if end < len(found) else "",
    }


def _fits(tags: dict[str, str], filters: list[dict[str, Any]]) -> bool:
    return all(
        wanted["Key"] in tags and (not wanted.get("Values") or tags[wanted["Key"]] in wanted["Values"])
        for wanted in filters
    )


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _known(world: World, arn: str) -> str:
    names = {
        "training-job": world.jobs,
        "model": world.models,
        "endpoint-config": world.configs,
        "endpoint": world.endpoints,
    }
    kind, _, name = arn.rsplit(":", 1)[-1].partition("/")
    if name not in {known.lower() for known in names.get(kind, {})}:
        raise validation(f"Could not find resource {arn}.")
    return arn
