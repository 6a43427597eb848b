"""How large a body may become by its schema, and what the document says where that is more than the API takes."""

from collections.abc import Mapping
from typing import Any

_BYTES_A_CHARACTER = 4
"""In UTF-8; a caller that escapes what is not ASCII needs more."""
_NUMBER_BYTES, _FORMATTED_BYTES = 20, 40
_UNBOUNDED = float("inf")


def note_sizes(document: dict[str, Any], max_bytes: int, exceptions: Mapping[str, int]) -> None:
    """Say in each operation whose fields together may pass ``max_bytes`` that they may not all be at their maxima.

    ``exceptions`` are the sizes of paths that take more.
    """
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        most = exceptions.get(path, max_bytes)
        for operation in operations.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if largest(schemas, media.get("schema", {})) > most:
                    said = operation.get("description", "")
                    operation["description"] = f"{said}\n\n{sentence(most)}".strip()


def sentence(max_bytes: int) -> str:
    return f"A body holds at most {max_bytes // 1024} KiB: not every field can be at its maximum at once."


def largest(schemas: dict[str, Any], schema: dict[str, Any]) -> float:
    """The bytes of the largest JSON document that a schema allows; infinite where it sets no bound."""
    if "$ref" in schema:
        return largest(schemas, schemas[schema["$ref"].rsplit("/", 1)[-1]])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return max(largest(schemas, part) for part in schema[choice])
    if "enum" in schema or "const" in schema:
        return max(len(str(value)) for value in schema.get("enum", [schema.get("const")])) + 2
    match schema.get("type"):
        case "string" if "maxLength" in schema:
            # An address is of ASCII alone.
            bytes_a_character = 1 if schema.get("pattern", "").startswith("^https?://") else _BYTES_A_CHARACTER
            return 2 + bytes_a_character * float(schema["maxLength"])
        case "string" if schema.get("format") in {"uuid", "date-time"}:
            return _FORMATTED_BYTES
        case "integer" | "number" | "boolean" | "null":
            return _NUMBER_BYTES
        case "array" if "maxItems" in schema:
            return 2 + (largest(schemas, schema["items"]) + 1) * float(schema["maxItems"])
        case "object" if schema.get("additionalProperties") is False:
            fields = schema.get("properties", {}).items()
            return 2 + sum(len(name) + 4 + largest(schemas, part) for name, part in fields)
    return _UNBOUNDED
