"""How the schema of the API is grouped, and what it says of errors."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema

Direction = Literal["request", "response"]
ERROR = {
    "description": "What went wrong: a stable code, words that name the remedy, and whatever helps to mend it",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "code": {"type": "string", "description": "such as not_found, invalid, conflict"},
                    "detail": {"type": "string"},
                    "fields": {"type": "object", "additionalProperties": {}},
                },
                "required": ["code", "detail"],
                "additionalProperties": {},
            }
        }
    },
}


class StageSchema(AutoSchema):
    """Operations by the stage whose code answers them, each with the one form that errors have."""

    def get_tags(self) -> list[str]:
        package, _, rest = type(self.view).__module__.partition(".")
        return [rest.split(".")[0]] if package == "annotation" and rest else ["project"]

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        return {**bodies, "4XX": ERROR} if direction == "response" else bodies
