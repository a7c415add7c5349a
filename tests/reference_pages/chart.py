"""The schema of the Helm chart's values: every setting that there is, and no other."""

import json
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr

from consumer.settings import Settings

PARTS = ("migrate", "worker", "serve", "intake", "reconcile", "retain", "doctor")
_FREE = {"type": "object"}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_SWITCH = {"type": "boolean"}
_LIST = {"type": "array"}


def _closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": list(required)} if required else {}),
    }


def _setting(field: Any) -> dict[str, Any]:
    sentence = {"description": (field.description or "").replace("\n", " ")}
    if get_origin(field.annotation) is Literal:
        return sentence | {"enum": list(get_args(field.annotation))}
    kinds = {int: ["integer", "string"], float: ["number", "string"], bool: ["boolean"]}.get(field.annotation)
    if kinds is None:
        kinds = ["array", "string"] if get_origin(field.annotation) is tuple else ["string", "integer"]
    return sentence | {"type": kinds}


def _pods(part: str) -> dict[str, Any]:
    """What values say of a part whose Pods run all the time."""
    return {
        "replicas": _COUNT,
        "stopSeconds": {"type": "integer", "minimum": 1},
        "nodeSelector": _FREE,
        "tolerations": _LIST,
        "podAnnotations": _FREE,
    } | (
        {
            "autoscaling": _closed(
                {
                    "enabled": _SWITCH,
                    "minReplicas": _COUNT,
                    "maxReplicas": _COUNT,
                    "lagOfOne": {"type": "integer", "minimum": 1},
                    "authentication": _TEXT,
                }
            )
        }
        if part == "worker"
        else {"forwardedAllowIps": _TEXT}
        if part == "serve"
        else {"kind": {"enum": ["https", "sqs"]}, "spool": _closed({"size": _TEXT, "storageClassName": _TEXT})}
    )


def _part(part: str) -> dict[str, Any]:
    common = {
        "enabled": _SWITCH,
        "settings": {"$ref": "#/$defs/settings"},
        "secrets": {"$ref": "#/$defs/secrets"},
        "resources": _FREE,
    }
    if part in ("worker", "serve", "intake"):
        return _closed(common | _pods(part))
    scheduled = {"schedule": _TEXT, "arguments": {"type": "array", "items": _TEXT}}
    return _closed(common | (scheduled if part != "migrate" else {}))


def text() -> str:
    """The content of `values.schema.json`."""
    fields = Settings.model_fields.items()
    secret = {name for name, field in fields if SecretStr in get_args(field.annotation)}
    from_secret = _closed({"name": _TEXT, "key": _TEXT}, ("name", "key"))
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart outcomes",
        "$defs": {
            "settings": _closed({name: _setting(field) for name, field in fields if name not in secret}),
            "secrets": _closed(dict.fromkeys(secret, from_secret)),
        },
        **_closed(
            {
                "global": _FREE,
                "settings": {"$ref": "#/$defs/settings"},
                "secrets": {"$ref": "#/$defs/secrets"},
                "image": _closed(
                    {"repository": _TEXT, "tag": _TEXT, "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]}}
                ),
                "imagePullSecrets": _LIST,
                **{part: _part(part) for part in PARTS},
                "serviceAccount": _closed({"annotations": _FREE}),
                "disruptionBudget": _closed({"enabled": _SWITCH}),
                "networkPolicy": _closed(
                    {"enabled": _SWITCH, "monitoringFrom": _LIST, "serveFrom": _LIST, "intakeFrom": _LIST}
                ),
                "monitoring": _closed({"podMonitor": _SWITCH, "rules": _SWITCH, "labels": _FREE}),
            }
        ),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
