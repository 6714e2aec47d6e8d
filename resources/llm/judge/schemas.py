"""What a judge must answer: a JSON schema, and the faults that a schema cannot express."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from resources.hashing import canonical_json

VERDICTS = frozenset({"verdict", "attributed", "noncommittal"})
"""Fields that are yes or no, spelled 1 or 0. RAGAS declares plain integers and would average a 5."""

Answer = TypeVar("Answer", bound=BaseModel)


class UnusableAnswer(ValueError):
    """An answer that must not be scored; the message is for the judge, which may repair it once."""


def answer_schema(model: type[BaseModel]) -> str:
    """The canonical JSON schema of a response model, its verdicts narrowed to 0 and 1."""
    return canonical_json(_with_verdicts(model.model_json_schema()))


def parse(text: str, model: type[Answer]) -> Answer:
    """The answer as a value. Raises `UnusableAnswer`, for answers too that RAGAS would turn into a wrong score."""
    try:
        answer = model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnusableAnswer(f"{place}: {first['msg']}" if place else first["msg"]) from error
    values = answer.model_dump()
    problem = _uncertain_verdict(values) or _empty_lists(values)
    if problem:
        raise UnusableAnswer(problem)
    return answer


def _with_verdicts(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_verdicts(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    narrowed = {key: _with_verdicts(value) for key, value in schema.items()}
    properties = narrowed.get("properties", {})
    for name in VERDICTS & properties.keys():
        properties[name] = {**properties[name], "enum": [0, 1]}
    return narrowed


def _uncertain_verdict(value: Any) -> str:
    if isinstance(value, dict):
        for name, inner in value.items():
            problem = (
                f"{name} must be 0 or 1" if name in VERDICTS and inner not in (0, 1) else _uncertain_verdict(inner)
            )
            if problem:
                return problem
    if isinstance(value, list):
        return next(filter(None, map(_uncertain_verdict, value)), "")
    return ""


def _empty_lists(values: dict[str, Any]) -> str:
    """RAGAS scores an answer without any statement as a perfect match; to us it says that the judge did not work."""
    lists = {name: value for name, value in values.items() if isinstance(value, list)}
    return f"{', '.join(lists)}: at least one statement is needed" if lists and not any(lists.values()) else ""
