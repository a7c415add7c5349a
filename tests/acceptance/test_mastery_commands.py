"""Mastery as its user asks for it."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

from consumer.ingest.batch import Partition
from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, outcomes_json
from tests.postgres.test_gradebook import ANA, BO, account, course, outcome, worked
from tests.postgres.test_gradebook_people import enrolled, section
from tests.postgres.test_people import called
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, event, scale

ROLLUP = ("--course", "7", "--student", ANA, "--outcome", "1")


async def school(database: str) -> None:
    """Course 7 in account 3 with its own method; two students, two outcomes."""
    await write(
        database,
        account(1, None),
        account(3, 1),
        course(7, 3),
        scale(4, 3, 0, context_type="Account", context_id="3"),
        event("outcome_calculation_method_updated", at="2025-03-20T12:00:00Z", outcome_calculation_method_id="5",
              context_type="Course", context_id="7", calculation_method="decaying_average", calculation_int=65),
        outcome(1, "Reading"),
        outcome(2, "Writing, with a comma"),
        *(worked(number, ANA, 1, percent, minute=number) for number, percent in enumerate((0.2, 0.6, 0.8, 0.4), start=1)),
        worked(9, BO, 2, 1.0, minute=9),
    )  # fmt: skip


async def test_a_gradebook_for_people_spreadsheets_and_machines(database: str) -> None:
    """The same numbers in all three; global ids are understood."""
    await school(database)
    code, out, err = await outcomes("gradebook", "--course", "7", DATABASE_URL=database, COLUMNS="60")
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 60
    for word in ("1.79", "L0", "–", "median", "account", "7's"):
        assert word in out.split(), out
    code, out, err = await outcomes("gradebook", "--course", "21070000000000007", "--csv", DATABASE_URL=database)
    assert code == 0, err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["user_uuid"], row["title"], row["score"]) for row in rows] == [
        (ANA, "Reading", "1.79"),
        (ANA, "Writing, with a comma", ""),
        (BO, "Reading", ""),
        (BO, "Writing, with a comma", "4.00"),
    ]
    found = await outcomes_json("gradebook", "--course", "7", "--tenant", TENANT, DATABASE_URL=database)
    assert found["students"][0]["cells"][0]["score"] == 1.79
    assert (found["scale"]["owner_id"], found["method"]["owner_id"]) == (3, 7)
    assert [row["summary"]["not_yet_assessed"] for row in found["outcomes"]] == [1, 1]


async def test_a_gradebook_of_people_with_names(database: str) -> None:
    """A section, exclusions, who left; one student by the pseudonym that is shown; names in no message on stderr."""
    await school(database)
    await write(
        database,
        section(57, "Morning"),
        enrolled(1, user_uuid=ANA),
        enrolled(2, user_uuid=BO, state="completed"),
        enrolled(3, state="deleted"),
        partition=Partition("people", 0),
    )
    connection = await connect(database)
    await called(connection, 1, "Ana Paz")
    await connection.close()
    code, out, err = await outcomes("gradebook", "--course", "7", DATABASE_URL=database, COLUMNS="80")
    assert (code, err) == (0, "")
    names = [line.split("  ")[0] for line in out.splitlines()[2:4]]
    assert names[0] == "Ana Paz"
    assert "concluded" in out
    for options, shown in (
        (("--section", "57"), {ANA, BO}),
        (("--exclude", "concluded"), {ANA}),
        (("--exclude", "concluded", "--exclude", "inactive", "--exclude", "missing-users"), {ANA}),
        (("--all",), {ANA, BO, "uuid-of-3"}),
    ):
        found = await outcomes_json("gradebook", "--course", "7", *options, DATABASE_URL=database)
        assert {student["user_uuid"] for student in found["students"]} == shown
    one = await outcomes_json("timeline", "--course", "7", "--student", names[1], "--outcome", "2", DATABASE_URL=database)
    assert (one["user_uuid"], one["student"]["pseudonym"]) == (BO, names[1])
    code, out, err = await outcomes("timeline", "--course", "7", "--student", "id:1", "--outcome", "2", DATABASE_URL=database)
    assert (code, out) == (2, "")
    assert "no score of student id:1 for outcome 2" in err
    code, out, err = await outcomes("explain", "result", "9", DATABASE_URL=database)
    assert f"{names[1]} ({BO}), outcome 2 (Writing, with a comma), course 7 (Biology 101)" in out


async def test_a_course_or_an_account_of_another_shard_is_not_taken_for_ours(database: str) -> None:
    """As `serve` has a 404 for it. Outcomes may live elsewhere, under their global id."""
    await school(database)
    elsewhere = f"2108{7:013}"
    one = ("--student", ANA, "--outcome", "1")
    abroad = ("timeline", "--course", "7", "--student", ANA, "--outcome", f"2108{1:013}")
    code, out, err = await outcomes(*abroad, DATABASE_URL=database)
    assert (code, out) == (2, ""), err
    assert f"for outcome 2108{1:013} in course 7" in err
    for command in (
        ("gradebook", "--course", elsewhere),
        ("scale", "--course", elsewhere),
        ("scale", "--account", elsewhere),
        ("timeline", "--course", elsewhere, *one),
        ("explain", "rollup", "--course", elsewhere, *one),
        ("letters", "grade", "80", "--course", elsewhere),
        ("letters", "use", "none", "--account", elsewhere),
    ):
        code, out, err = await outcomes(*command, DATABASE_URL=database)
        assert (code, out) == (2, ""), command
        what = "account" if "--account" in command else "course"
        assert err == f"outcomes: {what} {elsewhere} is on shard 2108, and {TENANT} on shard 2107\n", command


async def test_a_gradebook_of_another_moment(database: str) -> None:
    """A time with a zone, or a date; before everything it is empty, and says so."""
    await school(database)
    then = await outcomes_json("gradebook", "--course", "7", "--at", "2025-03-20T13:01:30+01:00", DATABASE_URL=database)
    assert then["at"] == "2025-03-20T12:01:30Z"
    assert then["students"][0]["cells"][0]["score"] == 0.8
    code, out, _ = await outcomes("gradebook", "--course", "7", "--at", "2025-03-20", DATABASE_URL=database)
    assert (code, "Nothing to show" in out) == (0, True)
    code, out, err = await outcomes("gradebook", "--course", "none", "--csv", DATABASE_URL=database)
    assert (code, len(out.splitlines()), "no student is known here" in err) == (0, 1, True)
    unknown = await outcomes_json("gradebook", "--course", "7", "--known-at", "2025-03-21", DATABASE_URL=database)
    assert unknown["students"] == []


async def test_scale_timeline_and_rollup_are_told(database: str) -> None:
    """For people and for machines."""
    await school(database)
    code, out, _ = await outcomes("scale", "--course", "7", DATABASE_URL=database)
    assert (code, "account 3's" in out, "decaying_average 65/35" in out) == (0, True, True)
    code, out, _ = await outcomes("scale", "--account", "99", DATABASE_URL=database)
    assert (code, "The place of account 99 in the tree of accounts is not known" in out) == (0, True)
    assert (await outcomes_json("scale", "--account", "3", DATABASE_URL=database))["scale"]["levels"][1]["mastery"] is True
    code, out, _ = await outcomes("timeline", *ROLLUP, DATABASE_URL=database, COLUMNS="60")
    assert (code, "score 0.80 -> 1.84" in out, max(map(len, out.splitlines())) <= 60) == (0, True, True)
    changes = (await outcomes_json("timeline", *ROLLUP, DATABASE_URL=database))["changes"]
    assert [change["score"] for change in changes] == [0.8, 1.84, 2.64, 1.79]
    code, out, _ = await outcomes("explain", "rollup", *ROLLUP, DATABASE_URL=database, COLUMNS="100")
    assert code == 0
    assert "0.65 × 1.6 + 0.35 × ((0.8 + 2.4 + 3.2) / 3) = 1.7867 -> 1.79" in out
    found = await outcomes_json("explain", "rollup", *ROLLUP, "--at", "2025-03-20T12:02:30Z", DATABASE_URL=database)
    assert (found["score"], [row["id"] for row in found["results"]]) == (1.84, [1, 2])
    unheard = await outcomes_json("explain", "rollup", *ROLLUP, "--known-at", "2025-03-21", DATABASE_URL=database)
    assert (unheard["score"], unheard["results"]) == (None, [])
    assert (await outcomes_json("scale", "--account", "3", "--known-at", "2025-03-21", DATABASE_URL=database))["scale"] is None
    assert (await outcomes_json("explain", "result", "1", DATABASE_URL=database))["versions"]


async def test_a_method_that_is_everybodys_is_told_once(database: str) -> None:
    """Not with each outcome of a gradebook, nor with each change of a timeline; there it stands where it is new."""
    await school(database)
    _, out, _ = await outcomes("gradebook", "--course", "7", DATABASE_URL=database, COLUMNS="200")
    assert out.count("decaying_average") == out.count("method: ") == out.count("scale: ") == 1
    assert re.search(r"^method: course 7's own, decaying_average 65/35", out, re.MULTILINE)
    assert out.count("not yet assessed\n") == 2  # of two outcomes
    _, out, _ = await outcomes("timeline", *ROLLUP, DATABASE_URL=database, COLUMNS="200")
    assert (out.count("decaying_average"), out.count("mastery from"), out.count("  score ")) == (1, 1, 4)
    await write(
        database,
        event(
            "outcome_calculation_method_updated",
            at=NOON + timedelta(hours=9),
            outcome_calculation_method_id="5",
            context_type="Course",
            context_id="7",
            calculation_method="latest",
            calculation_int=None,
        ),
        partition=Partition("later", 0),
    )
    _, out, _ = await outcomes("timeline", *ROLLUP, DATABASE_URL=database, COLUMNS="200")
    assert out.count("decaying_average") == 2  # as it was, and in what it was changed from
    assert re.search(r"method decaying_average .* -> latest$", out, re.MULTILINE)


async def test_account_level_scales_are_shown_and_set(database: str) -> None:
    """And the gradebook follows at once."""
    await school(database)
    code, out, _ = await outcomes("account-level-scales", DATABASE_URL=database)
    assert (code, "auto: on, because a scale or calculation method has been seen" in out) == (0, True)
    set_ = await outcomes_json("account-level-scales", "off", DATABASE_URL=database)
    assert set_ == {"root_account_uuid": TENANT, "account_level_mastery_scales": "off", "account_level": False}
    found = await outcomes_json("gradebook", "--course", "7", DATABASE_URL=database)
    assert (found["scale"], found["students"][0]["cells"][0]["score"]) == (None, 4.0)
    assert (await outcomes_json("account-level-scales", "auto", DATABASE_URL=database))["account_level"] is True


WRONG: tuple[tuple[tuple[str, ...], str], ...] = (
    (("gradebook",), "--course"),
    (("gradebook", "--course", "9"), f"course 9 is not known of {TENANT}: no result, no course event"),
    (("gradebook", "--course", "nine"), "nine is not the id of a course"),
    (("gradebook", "--course", "99999999999999999999"), "is not the id of a course"),
    (("gradebook", "--course", "0"), "0 is not the id of a course"),
    (("gradebook", "--course", "7", "--csv", "--json"), "--csv, --html and --json exclude each other"),
    (("gradebook", "--course", "7", "--at", "2025-03-20T12:00:00"), "is no time with a zone"),
    (("gradebook", "--course", "7", "--at", "2025-02-30"), "is no time with a zone"),
    (("gradebook", "--course", "7", "--known-at", "yesterday"), "yesterday is no time with a zone"),
    (("gradebook", "--course", "7", "--tenant", "nope"), "no such tenant: nope"),
    (("gradebook", "--course", "7", "--section", "59"), f"no student of section 59 in course 7 is known of {TENANT}"),
    (("gradebook", "--course", "7", "--exclude", "everybody"), "'everybody' is not one of 'concluded', 'inactive'"),
    (("scale",), "name one of --course and --account"),
    (("scale", "--course", "7", "--account", "3"), "name one of --course and --account"),
    (("scale", "--course", "-1"), "greater than or equal to 1"),
    (("timeline", "--course", "7"), "--student"),
    (("timeline", "--course", "7", "--student", "nobody", "--outcome", "1"), "no score of student nobody for outcome 1"),
    (("timeline", "--course", "none", "--student", ANA, "--outcome", "1"), "in an unknown course is known of"),
    (("explain", "rollup"), "a rollup is named by --course, --student and --outcome"),
    (("explain", "rollup", "5"), "instead of an ID"),
    (("explain", "result"), "name the object by its ID"),
    (("explain", "result", "1", "--course", "7"), "are for the kind rollup"),
    (("explain", "rollup", "--course", "7", "--student", "x", "--outcome", "1"), "no result of student x for outcome 1"),
    (("account-level-scales", "maybe"), "maybe is not one of on, off, auto"),
    (("report", "outcome-results", "--account", "99"), "account 99 is not known of"),
    (("report", "outcome-export", "--term", "1"), "are for reports about students"),
    (("reconcile", "--report", "nowhere.csv"), "nowhere.csv: No such file or directory"),
    (("reconcile", "--report", "x.csv", "--repair"), "--report asks no Canvas"),
)
"""Arguments, and what is said of them."""


async def test_canvas_reports_are_written_and_compared(database: str, tmp_path: Path) -> None:
    """To a file, whole or not at all, or to stdout; the same file differs in nothing, and a changed one ends with 1."""
    await school(database)
    link = {"learning_outcome_link_id": "1", "learning_outcome_id": "1", "context_type": "Account", "context_id": "1"}
    await write(
        database,
        event("learning_outcome_link_updated", at=NOON, **link, workflow_state="active"),
        worked(20, ANA, 1, 0.6, artifact_type="RubricAssessment", artifact_id="1", associated_asset_id="30"),
        enrolled(1, user_uuid=ANA),
        partition=Partition("people", 0),
    )
    path = tmp_path / "results.csv"
    code, out, err = await outcomes("report", "outcome-results", "--account", "1", "--to", str(path), DATABASE_URL=database)
    assert (code, out, err) == (0, "", f"1 rows in {path}\n")
    code, out, _ = await outcomes("report", "outcome-results", DATABASE_URL=database)
    assert (code, out) == (0, path.read_text(encoding="utf-8"))
    assert [row["student id"] for row in csv.DictReader(io.StringIO(out))] == ["1"]
    wrong = await outcomes("report", "outcome-results", "--account", "99", "--to", str(path), DATABASE_URL=database)
    assert (wrong[0], path.exists()) == (2, True)
    assert path.read_text(encoding="utf-8") == out
    found = await outcomes_json("reconcile", "--report", str(path), DATABASE_URL=database)
    assert (found["results"], found["differences"]) == (1, [])
    path.write_text(out.replace(",3.0,", ",2.0,", 1), encoding="utf-8")
    code, out, _ = await outcomes("reconcile", "--report", str(path), DATABASE_URL=database)
    assert (code, out.splitlines()[-1]) == (1, "1 rows, 1 results: 1 score")
    code, _, err = await outcomes("report", "outcome-results", "--to", str(tmp_path / "no" / "f.csv"), DATABASE_URL=database)
    assert (code, "cannot be written: No such file or directory" in err) == (2, True)


async def test_wrong_usage_ends_with_two_and_a_sentence(database: str) -> None:
    """On stderr, without a traceback."""
    await school(database)
    for arguments, sentence in WRONG:
        code, out, err = await outcomes(*arguments, DATABASE_URL=database)
        assert (code, out) == (2, ""), (arguments, err)
        assert sentence in " ".join(err.split()), arguments
        assert "Traceback" not in err, arguments


async def test_several_tenants_are_told_apart(database: str) -> None:
    """By --tenant, which may be left out where there is one."""
    await school(database)
    await write(database, event("course_created", tenant="another school"))
    code, _, err = await outcomes("gradebook", "--course", "7", DATABASE_URL=database)
    assert (code, "there are several tenants" in err) == (2, True)
    code, _, err = await outcomes("gradebook", "--course", "7", "--tenant", "another school", DATABASE_URL=database)
    assert (code, "course 7 is not known of another school" in err) == (2, True)


async def test_every_command_explains_itself_with_an_example() -> None:
    """`--help` of each."""
    for command in ("gradebook", "scale", "timeline", "explain", "account-level-scales"):
        code, text, _ = await outcomes(command, "--help")
        assert code == 0
        assert f"Example: outcomes {command}" in text
        assert "--json" in text
