"""The routes of `outcomes serve`, from its OpenAPI document."""

from typing import Any

from consumer.sandbox import routes
from consumer.serve.app import make_app
from consumer.settings import Settings
from tests.reference_pages.markdown import code, escaped, table

METHODS = ("get", "put", "post", "delete")


def document(*, sandbox: bool = False) -> dict[str, Any]:
    """What `/openapi.json` answers."""
    app = routes.make_app("postgresql://nowhere", Settings()) if sandbox else make_app("postgresql://nowhere")
    return app.openapi()


def _operations(paths: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, found[method]) for path, found in paths.items() for method in METHODS if method in found]


def _rows(operations: list[tuple[str, str, dict[str, Any]]]) -> str:
    rows = []
    for method, path, operation in operations:
        asked = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        rows.append([code(f"{method.upper()} {path}"), escaped(operation["description"]), ", ".join(map(code, asked))])
    return table(["request", "answer", "query parameters"], rows)


def text() -> str:
    """A section for each group of routes, and one for those of the sandbox alone."""
    always, sandbox = document()["paths"], document(sandbox=True)["paths"]
    reading = _operations(always)
    tags = dict.fromkeys(tag for _, _, operation in reading for tag in operation["tags"])
    parts = [f"## {tag}\n\n{_rows([one for one in reading if tag in one[2]['tags']])}" for tag in tags]
    writing = [one for one in _operations(sandbox) if one[0] not in always.get(one[1], {})]
    return "\n".join([*parts, f"## Sandbox\n\nOnly with `outcomes serve --sandbox`.\n\n{_rows(writing)}"])
