"""The models as JSON Schema files in `schemas/json/`, for the people who run the bridge: one per event name.

`python -m schemas.publish` writes them; a test keeps them equal to the models.
"""

import json
from pathlib import Path
from typing import Any

from schemas.base import MAX_KEY_TEXT, TIME_SCHEMA
from schemas.events import BODIES

FOLDER = Path(__file__).parent / "json"
EXAMPLES = Path(__file__).parents[1] / "tests" / "payloads"
"""An event of each name, as Canvas sends it."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def document(event_name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a whole event in the published form `{metadata, body}`."""
    body = BODIES[event_name].model_json_schema()
    definitions = body.pop("$defs", {})
    return {
        "$schema": _DRAFT,
        "title": event_name,
        "type": "object",
        "required": ["metadata", "body"],
        "properties": {
            "metadata": {
                "type": "object",
                "required": ["event_name", "event_time"],
                "properties": {
                    "event_name": {"const": event_name},
                    "event_time": TIME_SCHEMA,
                    "root_account_uuid": {
                        "description": "The tenant. May be absent only where OUTCOMES_DEFAULT_TENANT is configured.",
                        "type": ["string", "null"],
                        "maxLength": MAX_KEY_TEXT,
                    },
                },
            },
            "body": body,
        },
        "$defs": definitions,
        "examples": [json.loads((EXAMPLES / f"{event_name}.json").read_text(encoding="utf-8"))],
    }


def example(event_name: str) -> dict[str, Any]:
    """The complete event that stands in the published schema."""
    found: dict[str, Any] = json.loads((FOLDER / f"{event_name}.json").read_text(encoding="utf-8"))["examples"][0]
    return found


def text(event_name: str) -> str:
    """The file's text."""
    return json.dumps(document(event_name), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes all files."""
    FOLDER.mkdir(exist_ok=True)
    for event_name in BODIES:
        (FOLDER / f"{event_name}.json").write_text(text(event_name), encoding="utf-8")


if __name__ == "__main__":
    main()
