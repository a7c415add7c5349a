"""`outcomes letters` as its user runs it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import outcomes, outcomes_json, started
from tests.postgres.writing import write
from tests.samples import TENANT, Event, event

STANDARD: dict[str, Any] = {
    "id": "21070000000000005",
    "title": "Finals",
    "context_type": "Course",
    "context_id": 12,
    "points_based": False,
    "scaling_factor": 1.0,
    "grading_scheme": [
        {"name": "A", "value": 0.9, "calculated_value": 90.0},
        {"name": "B", "value": 0.545, "calculated_value": 54.5},
        {"name": "F", "value": 0.0, "calculated_value": 0.0},
    ],
}
OLD = {"id": 6, "title": "Old [b]", "data": [["P", 1], ["F", 0.49]], "version": 1}


def written(folder: Path, content: Any, name: str = "standards.json") -> str:
    """A file that holds this."""
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


async def test_standards_are_imported_listed_shown_and_used(database: str, tmp_path: Path) -> None:
    """From Canvas' answer to a letter."""
    file = written(tmp_path, {"grading_standards": [STANDARD, OLD]})
    code, out, err = await outcomes("letters", "import", file, DATABASE_URL=database)
    assert (code, "the projection is empty: name the tenant with --tenant" in err) == (2, True)
    code, out, err = await outcomes(
        "letters", "import", file, "--tenant", TENANT, "--as-of", "2025-03-01T00:00:00Z", DATABASE_URL=database, COLUMNS="200"
    )
    assert code == 0, err
    assert "A 90 · B 54.5 · F 0" in out
    assert "Old [b]" in out
    assert "2 imported, 0 unchanged" in out
    again = await outcomes_json("letters", "import", file, DATABASE_URL=database)
    assert (again["imported"], again["unchanged"]) == (0, 2)

    found = await outcomes_json("letters", "list", DATABASE_URL=database)
    assert [(one["id"], one["title"], one["data_version"]) for one in found] == [(5, "Finals", 2), (6, "Old [b]", 1)]
    assert found[1]["grading_scheme"] == [{"name": "P", "value": 0.5}, {"name": "F", "value": 0.0}]
    code, out, _ = await outcomes("letters", "list", DATABASE_URL=database, COLUMNS="200")
    assert (code, "P 50 · F 0" in out) == (0, True)

    code, out, err = await outcomes("letters", "use", "5", "--course", "21070000000000012", DATABASE_URL=database)
    assert (code, "Course 12 uses grading standard 5 from " in out) == (0, True), err
    code, out, _ = await outcomes("letters", "use", "5", "--course", "12", DATABASE_URL=database)
    assert (code, "as before" in out) == (0, True)
    shown = await outcomes_json("letters", "show", "5", DATABASE_URL=database)
    assert shown["states"][0]["valid_from"] == "2025-03-01T00:00:00Z"
    assert [(user["context_type"], user["context_id"]) for user in shown["used_by"]] == [("Course", 12)]
    code, out, _ = await outcomes("letters", "show", "5", DATABASE_URL=database, COLUMNS="200")
    assert (code, "used by Course 12" in out, "2025-03-01" in out) == (0, True, True)


async def test_a_letter_is_told_for_a_percentage_and_for_points(database: str, tmp_path: Path) -> None:
    """By the standard that counts, else the built-in scheme, which needs no tenant."""
    assert (await outcomes("letters", "grade", "93.999", DATABASE_URL=database))[:2] == (0, "A-\n")
    assert (await outcomes("letters", "grade", "-5", DATABASE_URL=database))[:2] == (0, "F\n")
    file = written(tmp_path, STANDARD)
    await outcomes("letters", "import", file, "--tenant", TENANT, DATABASE_URL=database)
    await outcomes("letters", "use", "5", "--account", "2", DATABASE_URL=database)
    code, out, err = await outcomes("letters", "grade", "54.5%", "--course", "12", "--account", "2", DATABASE_URL=database)
    assert (code, out, "by grading standard 5 (Finals) of Course 12" in err) == (0, "B\n", True)
    answer = await outcomes_json(
        "letters", "grade", "--points", "5.45", "--possible", "10", "--standard", "5", DATABASE_URL=database
    )
    assert (answer["letter"], answer["percent"], answer["grading_standard_id"]) == ("B", 54.5, 5)
    await outcomes("letters", "use", "none", "--account", "2", DATABASE_URL=database)
    answer = await outcomes_json("letters", "grade", "54.5", "--account", "2", DATABASE_URL=database)
    assert (answer["letter"], answer["grading_standard_id"]) == ("F", None)


async def test_a_letter_of_then_is_by_the_account_that_the_course_was_in_then(database: str, tmp_path: Path) -> None:
    """A course that has moved since; and one that nobody has told of is the root's."""

    def moved(account: int, at: str) -> Event:
        members = {"course_id": str(2107 * 10**13 + 12), "account_id": str(2107 * 10**13 + account)}
        return event("course_updated", at=at, **members)

    await write(database, moved(1, "2025-01-01T00:00:00Z"), moved(2, "2025-06-01T00:00:00Z"))
    standards = [
        {"id": 5, "title": "Of account 1", "version": 2, "data": [["Good", 0.8], ["Bad", 0]]},
        {"id": 6, "title": "Of account 2", "version": 2, "data": [["High", 0.9], ["Low", 0]]},
    ]
    early = ("--as-of", "2024-01-01")
    await outcomes("letters", "import", written(tmp_path, standards), "--tenant", TENANT, *early, DATABASE_URL=database)
    for standard, account in ((5, "1"), (6, "2")):
        code, _, err = await outcomes("letters", "use", str(standard), "--account", account, *early, DATABASE_URL=database)
        assert code == 0, err
    asked = ("letters", "grade", "85", "--course", "12")
    assert (await outcomes(*asked, "--at", "2025-03-01", DATABASE_URL=database))[:2] == (0, "Good\n")
    assert (await outcomes(*asked, DATABASE_URL=database))[:2] == (0, "Low\n")


async def test_a_score_is_told_for_a_letter(database: str, tmp_path: Path) -> None:
    """And for one that the standard does not have, the ones that it has."""
    assert (await outcomes("letters", "score", "b", DATABASE_URL=database))[:2] == (0, "86\n")
    points = STANDARD | {"points_based": True, "scaling_factor": 5}
    await outcomes("letters", "import", written(tmp_path, [points]), "--tenant", TENANT, DATABASE_URL=database)
    answer = await outcomes_json("letters", "score", "B", "--standard", "5", DATABASE_URL=database)
    assert (answer["letter"], answer["percent"]) == ("B", 88)
    code, _, err = await outcomes("letters", "score", "Z", "--standard", "5", DATABASE_URL=database)
    assert code == 2
    assert "there is no Z" in err
    assert "there are A 4.5 · B 2.725 · F 0" in err


async def test_standards_come_from_stdin_too(database: str) -> None:
    """As a pipe from the API gives them."""
    arguments = ("letters", "import", "-", "--tenant", TENANT, "--json")
    async with started(arguments, {"DATABASE_URL": database}, stdin=json.dumps([STANDARD]).encode()) as command:
        code, out, err = await command.end(None)
    assert code == 0, err
    assert json.loads(out)["imported"] == 1


async def test_nothing_of_a_wrong_file_is_imported(database: str, tmp_path: Path) -> None:
    """Nor of the good ones beside it."""
    good = written(tmp_path, STANDARD)
    wrong = written(tmp_path, [OLD, STANDARD | {"id": 7, "grading_scheme": [{"name": "A", "value": 0.9}]}], "wrong.json")
    code, _, err = await outcomes("letters", "import", good, wrong, "--tenant", TENANT, DATABASE_URL=database)
    assert code == 2
    assert "wrong.json: grading standard 7: has no letter from 0 on; nothing was imported" in err
    assert await outcomes_json("letters", "list", "--tenant", TENANT, DATABASE_URL=database) == []


@pytest.mark.parametrize("bound", ["1e999999999", "-1e999999999", "1e99999999999999999999", "1e-99999999999999999999"])
async def test_a_bound_beyond_all_numbers_is_refused_in_a_sentence(database: str, tmp_path: Path, bound: str) -> None:
    """As any other that no school means."""
    file = tmp_path / "standards.json"
    file.write_text(json.dumps(STANDARD).replace("0.545", bound), encoding="utf-8")
    code, out, err = await outcomes("letters", "import", str(file), "--tenant", TENANT, DATABASE_URL=database)
    assert (code, out, "Traceback" in err) == (2, "", False)
    assert "grading standard 21070000000000005: " in err
    assert "is not a decimal number that a grading standard can hold; nothing was imported" in err


async def test_a_standard_that_its_author_may_not_have_meant_is_taken_in_with_a_word(database: str, tmp_path: Path) -> None:
    """Percentages where shares belong, and a letter twice: Canvas saves them, so they are not refused."""
    scheme = [{"name": name, "value": value} for name, value in (("A", 90), ("b", 80), ("B", 70), ("F", 0))]
    file = written(tmp_path, STANDARD | {"grading_scheme": scheme})
    code, out, err = await outcomes(
        "letters", "import", file, "--tenant", TENANT, "--as-of", "2025-03-01", DATABASE_URL=database
    )
    assert (code, "1 imported" in out) == (0, True), err
    assert "grading standard 5 has a bound of 90, which is 9000 %: bounds are shares, 0.94 for 94 %" in err
    assert "grading standard 5 has the letter b 2 times" in err
    assert (await outcomes_json("letters", "show", "5", DATABASE_URL=database))["states"][0][
        "valid_from"
    ] == "2025-03-01T00:00:00Z"


WRONG: tuple[tuple[str, ...], ...] = (
    ("import", "missing.json"),
    ("import", "README.md", "--tenant", "t"),
    ("import", "README.md", "--as-of", "yesterday"),
    ("show", "5", "--tenant", "t"),
    ("use", "5", "--tenant", "t"),
    ("use", "5", "--course", "1", "--account", "2", "--tenant", "t"),
    ("use", "5", "--course", "1", "--tenant", "t"),
    ("use", "five", "--course", "1", "--tenant", "t"),
    ("use", "none", "--course", "99999999999999999999", "--tenant", "t"),
    ("grade", "NaN"),
    ("grade", "1e99999999"),
    ("grade", "90", "--points", "9", "--possible", "10"),
    ("grade", "--points", "9"),
    ("grade", "--points", "9", "--possible", "0"),
    ("grade", "90", "--standard", "5", "--course", "1", "--tenant", "t"),
    ("grade", "90", "--standard", "5", "--tenant", "t"),
    ("grade", "90", "--course", "1"),
    ("grade", "90", "--at", "2025-02-30"),
    ("score", "Z"),
)
"""Arguments that are refused."""


async def test_wrong_usage_ends_with_two_and_a_sentence(database: str) -> None:
    """On stderr, without a traceback."""
    for arguments in WRONG:
        code, _, err = await outcomes("letters", *arguments, DATABASE_URL=database)
        assert code == 2, (arguments, err)
        assert err.strip(), arguments
        assert "Traceback" not in err, arguments


async def test_every_command_explains_itself_with_an_example() -> None:
    """`--help` of each."""
    _, overview, _ = await outcomes("letters", "--help")
    for command in ("import", "list", "show", "use", "grade", "score"):
        assert command in overview
        code, text, _ = await outcomes("letters", command, "--help")
        assert code == 0
        assert "Example: outcomes letters" in text, command
        assert "--json" in text
