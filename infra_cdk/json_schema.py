"""JSON Schema of 2020-12, as the contracts are published, in the words of draft 4, which EventBridge Schemas takes."""

from typing import Any

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
_RENAMED = {"$defs": "definitions"}
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}  # There a bound, in draft 4 a yes or no.
# All that the two drafts mean alike. What is not here has to be thought about before it is published.
_ALIKE = {
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "uniqueItems",
}


def draft_4(schema: dict[str, Any]) -> dict[str, Any]:
    """ValueError for a word that draft 4 does not have."""
    return {"$schema": DRAFT_4, **_converted(schema)}


def _converted(schema: dict[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for word, value in schema.items():
        if word in _BOUNDS:
            converted |= {_BOUNDS[word]: value, word: True}
        elif word == "const":
            converted["enum"] = [value]
        elif word == "prefixItems":
            converted["items"] = [_converted(each) for each in value]
            converted["additionalItems"] = False
        elif word in _ALIKE or word in _RENAMED:
            converted[_RENAMED.get(word, word)] = _value(word, value)
        else:
            raise ValueError(f"draft 4 has no {word}")
    if converted.get("required") == []:
        del converted["required"]  # Draft 4 has it with something in it, or not at all.
    return converted


def _value(word: str, value: Any) -> Any:
    if word in {"properties", "$defs"}:
        return {name: _converted(each) for name, each in value.items()}
    if word in {"anyOf", "allOf"}:
        return [_converted(each) for each in value]
    if word == "$ref":
        return value.replace("#/$defs/", "#/definitions/")
    return _converted(value) if word in {"items", "additionalProperties"} and isinstance(value, dict) else value
