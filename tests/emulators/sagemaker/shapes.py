"""Requests checked against botocore's own description of the service: structure, enumerations, patterns, lengths."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator
from sagemaker.errors import ServiceError, validation


@lru_cache(maxsize=4)
def service(name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(name)


def check(name: str, operation: str, request: dict[str, Any]) -> None:
    """Raises `ServiceError` for an operation that there is not, or a request that the service would not accept."""
    if operation not in service(name).operation_names:
        raise ServiceError("UnknownOperationException", f"no operation {operation}", 404)
    shape = service(name).operation_model(operation).input_shape
    if shape is None:
        return
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise validation(report.generate_report())
    problems = list(_problems(request, shape, ""))
    if problems:
        count = len(problems)
        raise validation(f"{count} validation error{'s' * (count > 1)} detected: {'; '.join(problems)}")


def _problems(value: Any, shape: Shape, place: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        for key, inner in value.items():
            yield from _problems(inner, shape.members[key], f"{place}.{key}" if place else key)
    elif kind == "list":
        yield from _length(len(value), shape, place)
        for number, inner in enumerate(value, 1):
            yield from _problems(inner, shape.member, f"{place}.{number}.member")
    elif kind == "map":
        yield from _length(len(value), shape, place)
        for key, inner in value.items():
            yield from _problems(key, shape.key, f"{place}.{key}.key")
            yield from _problems(inner, shape.value, f"{place}.{key}.value")
    elif kind == "string":
        yield from _length(len(value), shape, place)
        choices = getattr(shape, "enum", None)
        if choices and value not in choices:
            yield f"Value '{value}' at '{place}' failed to satisfy constraint: Member must satisfy enum value set"
        pattern = shape.metadata.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Value '{value}' at '{place}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
    elif kind in ("integer", "long", "float", "double"):
        most = shape.metadata.get("max")
        if most is not None and value > most:
            yield f"Value '{value}' at '{place}' failed to satisfy constraint: Member must have value less than or equal to {most}"


def _length(length: int, shape: Shape, place: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and length > most:
        yield f"Value at '{place}' failed to satisfy constraint: Member must have length less than or equal to {most}"


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the service, whose classes of Unicode characters Python does not know."""
    known = re.sub(r"\\p\{[LN]\}", lambda _: r"\w", pattern)
    return re.compile(re.sub(r"\\p\{Z\}", lambda _: r"\s", known), re.DOTALL)
