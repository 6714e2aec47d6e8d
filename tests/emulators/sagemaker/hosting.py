"""Models, endpoint configurations and endpoints: a life that polls or the clock advance, and what each one was told to load."""

from typing import Any

from sagemaker import stores
from sagemaker.errors import validation
from sagemaker.world import Endpoint, World


def create_model(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ModelName"]
    arn = world.arn("model", name)
    if name in world.models:
        raise validation(f"Cannot create already existing model {arn!r}.")
    container = request.get("PrimaryContainer") or (request.get("Containers") or [{}])[0]
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if "private-cache" in source.get("S3Uri", "") and not source.get("ModelAccessConfig", {}).get("AcceptEula"):
        raise validation("You must accept the end-user license agreement (EULA) of the model with AcceptEula.")
    if source and source["S3DataType"] == "S3Prefix" and not source["S3Uri"].endswith("/"):
        raise validation("ModelDataSource.S3DataSource.S3Uri must end with a forward slash for S3Prefix.")
    world.models[name] = {**request, "ModelArn": arn, "CreationTime": world.now}
    world.tag(arn, request.get("Tags", []))
    return {"ModelArn": arn}


def describe_model(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return _without_tags(_model(world, request["ModelName"]))


def delete_model(world: World, request: dict[str, Any]) -> dict[str, Any]:
    _model(world, request["ModelName"])
    world.tags.pop(world.models.pop(request["ModelName"])["ModelArn"], None)
    return {}


def create_config(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointConfigName"]
    arn = world.arn("endpoint-config", name)
    if name in world.configs:
        raise validation(f"Cannot create already existing endpoint configuration {arn!r}.")
    for variant in request["ProductionVariants"]:
        _model(world, variant["ModelName"])
    world.configs[name] = {**request, "EndpointConfigArn": arn, "CreationTime": world.now}
    world.tag(arn, request.get("Tags", []))
    return {"EndpointConfigArn": arn}


def describe_config(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return _without_tags(_config(world, request["EndpointConfigName"]))


def delete_config(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointConfigName"]
    _config(world, name)
    users = [endpoint for endpoint in world.endpoints.values() if endpoint.config == name and endpoint.deleting is None]
    if any(state_of(world, endpoint) == "Creating" for endpoint in users):
        raise validation(f"Cannot delete endpoint configuration {name!r}: an endpoint is being created with it.")
    world.tags.pop(world.configs.pop(name)["EndpointConfigArn"], None)
    return {}


def create_endpoint(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    arn = world.arn("endpoint", name)
    _expire(world)
    if name in world.endpoints:
        raise validation(f"Cannot create already existing endpoint {arn!r}.")
    config = _config(world, request["EndpointConfigName"])
    variant = config["ProductionVariants"][0]
    world.endpoints[name] = Endpoint(
        name,
        request["EndpointConfigName"],
        world.now,
        variant.get("InstanceType", ""),
        variant.get("InitialInstanceCount", 1),
        "AsyncInferenceConfig" in config,
        variant["VariantName"],
        _loaded(world, _model(world, variant["ModelName"])),
    )
    world.tag(arn, request.get("Tags", []))
    return {"EndpointArn": arn}


def describe_endpoint(world: World, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = known(world, request["EndpointName"])
    state = state_of(world, endpoint)
    endpoint.steps += 1
    answer = {
        "EndpointName": endpoint.name,
        "EndpointArn": world.arn("endpoint", endpoint.name),
        "EndpointConfigName": endpoint.config,
        "EndpointStatus": state,
        "CreationTime": endpoint.created,
        "LastModifiedTime": world.now,
    }
    if state == "Failed":
        answer["FailureReason"] = endpoint.failure
    if state == "InService":
        count = instances(endpoint)
        answer["ProductionVariants"] = [
            {"VariantName": endpoint.variant, "CurrentInstanceCount": count, "DesiredInstanceCount": count}
        ]
    return answer


def delete_endpoint(world: World, request: dict[str, Any]) -> dict[str, Any]:
    endpoint = known(world, request["EndpointName"])
    state = state_of(world, endpoint)
    arn = world.arn("endpoint", endpoint.name)
    if state in ("Creating", "Updating"):
        raise validation(f'Cannot update in-progress endpoint "{arn}".')
    if endpoint.deleting is None:
        endpoint.deleting = endpoint.steps
        endpoint.until = world.now
    return {}


def list_endpoints(world: World, request: dict[str, Any]) -> dict[str, Any]:
    _expire(world)
    contained = request.get("NameContains", "")
    names = sorted(name for name in world.endpoints if contained in name)
    start = int(request.get("NextToken") or 0)
    end = start + world.configuration.page_size
    found = [
        {
            "EndpointName": name,
            "EndpointArn": world.arn("endpoint", name),
            "CreationTime": world.endpoints[name].created,
            "LastModifiedTime": world.now,
            "EndpointStatus": state_of(world, world.endpoints[name]),
        }
        for name in names[start:end]
    ]
    return {"Endpoints": found, **({"NextToken": str(end)} if end < len(names) else {})}


def known(world: World, name: str) -> Endpoint:
    """The endpoint of this name. Raises `ServiceError` if there is none (any more)."""
    _expire(world)
    if name not in world.endpoints:
        raise validation(f'Could not find endpoint "{world.arn("endpoint", name)}".')
    return world.endpoints[name]


def state_of(world: World, endpoint: Endpoint) -> str:
    """The status of an endpoint now."""
    rule = world.configuration.endpoint(endpoint.name)
    if endpoint.deleting is not None:
        return "Deleting"
    if endpoint.failure:
        return "Failed"
    if endpoint.ready is not None:
        return "InService"
    if rule.stuck or world.steps_since(endpoint.created, endpoint.steps) < rule.polls:
        return "Creating"
    if rule.status == "Failed" or endpoint.loaded["missing"]:
        missing = f"could not load model data from {endpoint.loaded['uri']}: there is no such object."
        endpoint.failure = rule.reason or (
            missing if endpoint.loaded["missing"] else "The container did not pass the ping."
        )
        return "Failed"
    if rule.status != "InService":
        return rule.status
    endpoint.ready = world.now
    return "InService"


def instances(endpoint: Endpoint) -> int:
    """How many instances run: an idle asynchronous endpoint that may be scaled to none has none."""
    least = stores.least_instances(endpoint.name, endpoint.variant)
    return 0 if endpoint.asynchronous and least == 0 and endpoint.last_invoked is None else endpoint.instances


def cost(world: World) -> float:
    """USD of all endpoints so far: from their creation until they were told to go, by the hour."""
    total = 0.0
    for endpoint in [*world.gone, *world.endpoints.values()]:
        hours = ((world.now if endpoint.until is None else endpoint.until) - endpoint.created) / 3600
        total += hours * world.configuration.price(endpoint.instance_type) * instances(endpoint)
    return total


def _expire(world: World) -> None:
    """Forgets the endpoints whose deletion is through."""
    for endpoint in list(world.endpoints.values()):
        if endpoint.deleting is None or endpoint.until is None:
            continue
        polls = world.configuration.endpoint(endpoint.name).deleting_polls
        if world.steps_since(endpoint.until, endpoint.steps - endpoint.deleting) >= polls:
            world.gone.append(world.endpoints.pop(endpoint.name))
            world.tags.pop(world.arn("endpoint", endpoint.name), None)


def _loaded(world: World, model: dict[str, Any]) -> dict[str, Any]:
    """What a model tells its container to load, and the training job whose artifact it is."""
    container = model.get("PrimaryContainer") or model["Containers"][0]
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = source.get("S3Uri") or container.get("ModelDataUrl", "")
    foreign = stores.split(uri)[0].startswith("jumpstart-")
    job = next((name for name in world.jobs if f"/{name}/output/" in uri), "")
    return {
        "uri": uri,
        "type": source.get("S3DataType", ""),
        "compression": source.get("CompressionType", ""),
        "job": job,
        "image": container.get("Image", ""),
        "environment": container.get("Environment", {}),
        "eula": bool(source.get("ModelAccessConfig", {}).get("AcceptEula")),
        "missing": not foreign and not stores.keys_below(uri),
    }


def _model(world: World, name: str) -> dict[str, Any]:
    if name not in world.models:
        raise validation(f'Could not find model "{world.arn("model", name)}".')
    return world.models[name]


def _config(world: World, name: str) -> dict[str, Any]:
    if name not in world.configs:
        raise validation(f'Could not find endpoint configuration "{world.arn("endpoint-config", name)}".')
    return world.configs[name]


def _without_tags(thing: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key != "Tags"}
