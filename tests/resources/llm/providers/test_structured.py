"""Schemas as strict mode takes them, and JSON as models wrap it."""

import json

import pytest

from resources.llm.providers.structured import response_format, strict_schema, unwrapped


def test_every_object_is_closed_and_every_property_required_at_any_depth() -> None:
    item = {"type": "object", "properties": {"default": {"type": "string", "default": "x"}}}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": item, "minItems": 1}}}
    closed = {"additionalProperties": False}
    assert strict_schema(schema) == {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"default": {"type": "string"}},
                    "required": ["default"],
                    **closed,
                },
            }
        },
        "required": ["items"],
        **closed,
    }


def test_beside_a_reference_only_definitions_are_kept() -> None:
    kind = {"type": "string", "enum": ["a", "b"], "default": "a"}
    schema = {"$ref": "#/$defs/Kind", "description": "kind", "$defs": {"Kind": kind}}
    assert strict_schema(schema) == {"$ref": "#/$defs/Kind", "$defs": {"Kind": {"type": "string", "enum": ["a", "b"]}}}


@pytest.mark.parametrize(
    "free",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"type": ["object", "null"]},
        {"type": "array", "items": {"type": "object"}},
        {"$ref": "#/$defs/Any", "$defs": {"Any": {"type": "object"}}},
    ],
)
def test_a_schema_with_a_free_dictionary_in_it_is_sent_as_it_is(free) -> None:
    sent = response_format(json.dumps(free), "json_schema")
    assert sent is not None
    assert (sent["json_schema"]["strict"], sent["json_schema"]["schema"]) == (False, free)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', ' {"a": 1}\n', '```json\n{"a": 1}\n```', '```\n{"a": 1}```\n'],
)
def test_json_is_taken_out_of_its_fence(text) -> None:
    assert json.loads(unwrapped(text)) == {"a": 1}
