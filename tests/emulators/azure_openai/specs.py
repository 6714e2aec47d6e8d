"""The contract: request bodies against the services' own published OpenAPI descriptions.

A component is compiled when it is first needed, from the schemas that it reaches. `nullable` becomes a type, and a
discriminator's mapping becomes the choice that it stands for. Fields that the description does not know are violations.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

AZURE, OPENAI, FINE_TUNING = "azure-openai-v1.json", "openai.json", "azure-openai-v1-finetune.patched.json"
ROOT = Path(__file__).resolve().parents[3]
_NO_RULE = frozenset("discriminator nullable example examples description default format title".split())
NOT_DESCRIBED = {"trainingType"}
"""Azure wants it; its description does not know it."""


def folder() -> Path | None:
    """Where the descriptions are: RAFTLINE_SPECS, else beside the repository."""
    given = os.environ.get("RAFTLINE_SPECS")
    place = Path(given) if given else ROOT.parent / "shared" / "specs"
    return place if (place / AZURE).is_file() else None


def violations(method: str, path: str, body: Any, plain: bool) -> list[str]:
    """What is wrong with a request body; nothing where the descriptions are absent or know no body."""
    place = folder()
    if place is None:
        return []
    file = OPENAI if plain or path.startswith("/batches") else AZURE
    if not plain and path.startswith(("/files", "/fine_tuning")):
        file = FINE_TUNING
    validator = _validator(place, file, method.lower(), path)
    if validator is None:
        return []
    unknown = set(body) - validator[1] - NOT_DESCRIBED if isinstance(body, dict) and validator[1] else set()
    problems = [f"{name}: not described" for name in sorted(unknown)]
    for error in validator[0].iter_errors(body):
        where = "/".join(map(str, error.absolute_path))
        problems.append(f"{where or 'body'}: {error.message[:300]}")
    return problems


@lru_cache(maxsize=64)
def _validator(place: Path, file: str, method: str, path: str) -> tuple[Any, frozenset[str]] | None:
    from jsonschema import Draft202012Validator

    document = _document(place, file)
    operation = next(
        (operations.get(method) for known, operations in document["paths"].items() if _fits(known, path)), None
    )
    content = (operation or {}).get("requestBody", {}).get("content", {})
    described = content.get("application/json") or content.get("multipart/form-data")
    if described is None:
        return None
    compiler = _Compiler(document)
    schema = compiler.schema(described["schema"])
    definitions = compiler.definitions()
    fields = frozenset(_fields({**schema, "$defs": definitions}, definitions))
    return Draft202012Validator({**schema, "$defs": definitions}), fields


@lru_cache(maxsize=4)
def _document(place: Path, file: str) -> Mapping[str, Any]:
    return json.loads((place / file).read_text(encoding="utf-8"))


def _fits(known: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", known), path) is not None


def _fields(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> set[str]:
    """The top-level fields that a schema knows."""
    if "$ref" in schema:
        return _fields(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    found = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found |= _fields(part, definitions)
    return found


class _Compiler:
    """Turns OpenAPI schemas into JSON Schema, collecting the components that they reach."""

    def __init__(self, document: Mapping[str, Any]):
        self.components = document["components"]["schemas"]
        self.wanted: list[str] = []

    def definitions(self) -> dict[str, Any]:
        done: dict[str, Any] = {}
        while pending := [name for name in self.wanted if name not in done]:
            for name in pending:
                component = self.components[name.removesuffix("+base")]
                done[name] = self.schema(component, name.removesuffix("+base"), base=name.endswith("+base"))
        return done

    def schema(self, given: Any, component: str = "", base: bool = False) -> Any:
        if isinstance(given, list):
            return [self.schema(part) for part in given]
        if not isinstance(given, dict):
            return given
        if "$ref" in given:
            return {"$ref": self._reference(given["$ref"].rsplit("/", 1)[-1])}
        mapping = given.get("discriminator", {}).get("mapping", {})
        if mapping and not base and "oneOf" not in given and "anyOf" not in given:
            return self._choice(given, mapping)
        kept = {key: value for key, value in given.items() if key not in _NO_RULE and not key.startswith("x-")}
        made = {key: self._rule(key, value) for key, value in kept.items()}
        if "allOf" in given:
            made["allOf"] = [self._parent(part, component) for part in given["allOf"]]
        for limit, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(made.get(limit), bool):
                made[limit] = made.pop(inclusive)
        return {"anyOf": [made, {"type": "null"}]} if given.get("nullable") else made

    def _rule(self, key: str, value: Any) -> Any:
        if key == "properties":
            return {name: self.schema(part) for name, part in value.items()}
        return value if key in ("enum", "required", "const", "type") else self.schema(value)

    def _choice(self, given: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
        """What a discriminator stands for: its property decides which component the value is."""
        name = given["discriminator"]["propertyName"]
        branches = []
        for tag, target in mapping.items():
            component = target.rsplit("/", 1)[-1]
            branches.append(
                {
                    "if": {"properties": {name: {"const": tag}}, "required": [name]},
                    "then": {"$ref": self._reference(component)},
                }
            )
        return {"type": "object", "required": [name], "properties": {name: {"enum": list(mapping)}}, "allOf": branches}

    def _parent(self, part: Any, child: str) -> Any:
        """A part of `allOf`. What a component extends counts with its own fields, not as the choice it offers others."""
        target = part.get("$ref", "").rsplit("/", 1)[-1] if isinstance(part, dict) else ""
        offered = self.components.get(target, {}).get("discriminator", {}).get("mapping", {})
        if child and child in {name.rsplit("/", 1)[-1] for name in offered.values()}:
            return {"$ref": self._reference(f"{target}+base")}
        return self.schema(part)

    def _reference(self, name: str) -> str:
        if name not in self.wanted:
            self.wanted.append(name)
        return f"#/$defs/{name}"
