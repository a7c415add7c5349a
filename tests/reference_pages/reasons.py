"""The reasons of quarantine, from the docstrings below the members of `Reason`."""

import ast
import inspect

from schemas.base import Reason
from tests.reference_pages.markdown import code, escaped, table


def meanings() -> dict[str, str]:
    """Reason -> the docstring below it."""
    (enum,) = ast.parse(inspect.getsource(Reason)).body
    assert isinstance(enum, ast.ClassDef)
    found = {}
    for member, below in zip(enum.body, enum.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[str(ast.literal_eval(member.value))] = str(below.value.value)
    return found


def text() -> str:
    """A row for each reason."""
    return table(["reason", "meaning"], [[code(reason), escaped(meanings()[reason])] for reason in Reason])
