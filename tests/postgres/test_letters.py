"""Grading standards, by every rule that Canvas has for them, and their time."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consumer.errors import Fatal, UsageError
from consumer.query import grading_standards, letters
from consumer.query.letters import Choice
from consumer.store.postgres import Connection, connect
from schemas.grading_standards import Standard
from tests import WHOLE
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, event

SCHEME = [["A", 0.9], ["B", 0.8], ["F", 0]]
DEFAULT = {"A": 94, "A-": 90, "B+": 87, "B": 84, "B-": 80, "C+": 77, "C": 74, "C-": 70, "D+": 67, "D": 64, "D-": 61, "F": 0}
MINUS = "\u2212"


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """To a fresh database."""
    opened = await connect(database)
    yield opened
    await opened.close()


def standard(id: Any = 5, scheme: Any = None, **members: Any) -> dict[str, Any]:  # noqa: A002 - Canvas's word
    """A grading standard as Canvas' REST API shows it."""
    pairs = scheme if scheme is not None else SCHEME
    shown = {
        "id": id,
        "title": f"Standard {id}",
        "context_type": "Course",
        "context_id": 12,
        "points_based": False,
        "scaling_factor": 1.0,
        "grading_scheme": [{"name": name, "value": value} for name, value in pairs],
    } | members
    return {name: value for name, value in shown.items() if value is not ...}


def told(*standards: Any) -> list[Standard]:
    """Read from JSON text, as a file is."""
    return grading_standards.read("file", json.dumps(list(standards)).encode())


async def take_in(connection: Connection, *standards: Any, as_of: datetime | None = None) -> dict[str, Any]:
    """Imports them; returns the counts."""
    done = (await grading_standards.take_in(connection, told(*standards), TENANT, as_of)).as_json()
    return {name: done[name] for name in ("imported", "unchanged")}


async def grade(connection: Connection, scheme: Any, percent: Any) -> Any:
    """`letter_grade`, without going through floats."""
    text = None if scheme is None else json.dumps(scheme, default=str)
    exact = None if percent is None else str(percent)
    return await connection.fetchval("SELECT letter_grade($1::jsonb, $2::text::numeric)", text, exact)


async def score(connection: Connection, scheme: Any, letter: str, points_based: bool = False, factor: Any = 1) -> Any:
    """`letter_score`."""
    text = None if scheme is None else json.dumps(scheme, default=str)
    return await connection.fetchval(
        "SELECT letter_score($1::jsonb, $2, $3, $4::text::numeric)", text, letter, points_based, str(factor)
    )


async def effective(connection: Connection, *ids: int | None, at: datetime | None = None) -> Any:
    """(id, owner) of what counts for (assignment, course, account)."""
    row = await connection.fetchrow(
        "SELECT * FROM effective_grading_standard($1, $2, $3, $4, coalesce($5, clock_timestamp()))", TENANT, *ids, at
    )
    assert row is not None
    return row["grading_standard_id"], row["context_type"], row["context_id"]


async def use(connection: Connection, id_: int | None, kind: str, context: int, as_of: datetime | None = None) -> bool:
    """Says who uses what; returns whether that was new."""
    added: bool = (await grading_standards.use(connection, id_, (kind, context), TENANT, as_of))["added"]
    return added


# From a score to a letter


async def test_a_letter_is_the_one_with_the_greatest_bound_that_is_reached(connection: Connection) -> None:
    """In any order of the list."""
    for scheme in (SCHEME, SCHEME[::-1]):
        assert [await grade(connection, scheme, percent) for percent in (100, 90, 89, 80, 79, 0)] == [*"AABBFF"]


async def test_bounds_and_scores_are_exact_decimals(connection: Connection) -> None:
    """0.545 x 100 is 54.5, not 54.50000000000001."""
    for hundredths in range(1, 10_000, 7):
        bound = Decimal(hundredths) / 10_000
        assert await grade(connection, [["A", bound], ["F", 0]], bound * 100) == "A", bound
    assert await grade(connection, [["A", 0.545], ["F", 0]], "54.5") == "A"


async def test_a_score_is_not_rounded_before_it_is_compared(connection: Connection) -> None:
    """93.999 is not 94."""
    assert await grade(connection, None, "93.999") == "A-"
    assert await grade(connection, None, "93.99999999999999999999999999") == "A-"
    assert await grade(connection, None, "94") == "A"


async def test_a_negative_score_is_zero(connection: Connection) -> None:
    """Which is the letter from 0 on, even where the list has a lower one."""
    assert await grade(connection, SCHEME, -5) == "F"
    assert await grade(connection, [["A", 0.9], ["F", 0], ["G", -0.5]], -20) == "F"


async def test_below_all_bounds_is_the_lowest_letter(connection: Connection) -> None:
    """Where no bound is 0, as in a scheme that Canvas would not save."""
    assert await grade(connection, [["A", 0.9], ["B", 0.8]], 10) == "B"


async def test_above_the_top_is_the_top_letter(connection: Connection) -> None:
    """Bounds above 1 are possible too."""
    assert await grade(connection, SCHEME, 150) == "A"
    assert [await grade(connection, [["A+", 1.1], ["A", 0.9], ["F", 0]], percent) for percent in (110, 109.9)] == ["A+", "A"]


async def test_no_score_has_no_letter(connection: Connection) -> None:
    """Null stays null, and no number is no score."""
    assert await grade(connection, SCHEME, None) is None
    assert await grade(connection, SCHEME, "NaN") is None


async def test_without_a_scheme_the_built_in_one_counts(connection: Connection) -> None:
    """Canvas' default, bound by bound."""
    kept = json.loads(await connection.fetchval("SELECT default_grading_scheme()"), parse_float=Decimal)
    assert {entry["name"]: entry["value"] * 100 for entry in kept} == DEFAULT
    for letter, bound in DEFAULT.items():
        assert await grade(connection, None, str(bound)) == letter
    assert await connection.fetchval("SELECT letter_grade('null', 90)") == "A-"


async def test_every_shape_of_a_scheme_is_understood(connection: Connection) -> None:
    """What the REST API shows, what the database holds; bounds as numbers or texts, rounded as Canvas stores them."""
    shapes: list[Any] = [
        [{"name": " A", "value": 0.94, "calculated_value": 94.0}, {"name": "F ", "value": 0.0, "calculated_value": 0.0}],
        [["F", 0], ["A", 0.94]],
        [["A", "0.94"], ["F", "0.0"]],
        [["A", 0.940049], ["F", 0.00004]],
    ]
    for shape in shapes:
        assert [await grade(connection, shape, percent) for percent in ("94", "93.999")] == ["A", "F"], shape
        kept = await connection.fetchval("SELECT normal_grading_scheme($1::jsonb)", json.dumps(shape))
        assert json.loads(kept) == [{"name": "A", "value": 0.94}, {"name": "F", "value": 0}]


async def test_points_become_a_percentage_by_decimal_division(connection: Connection) -> None:
    """Nothing is rounded up to a bound."""

    async def percent(points: str, possible: str) -> Decimal:
        found: Decimal = await connection.fetchval(
            "SELECT points_percent($1::text::numeric, $2::text::numeric)", points, possible
        )
        return found

    assert await percent("5.45", "10") == Decimal("54.5")
    assert str(await percent("47", "50")) == "94"
    assert str(await percent("1", "3")).startswith("33.33333333333333333")
    assert await percent("93.99999999999999999999999999999", "100") < 94
    assert await percent("2", "3") < Decimal(200) / 3
    assert await percent("1", "0") is None


# From a letter to a score


async def test_the_top_letter_scores_one_hundred(connection: Connection) -> None:
    """Wherever its bound is."""
    assert await score(connection, SCHEME, "A") == 100
    assert await score(connection, [["A+", 1.1], ["F", 0]], "A+") == 100


async def test_another_letter_scores_one_percent_below_the_next_higher_bound(connection: Connection) -> None:
    """B of the built-in scheme is 86."""
    assert {letter: await score(connection, None, letter) for letter in ("A-", "B", "F")} == {"A-": 93, "B": 86, "F": 60}
    assert await score(connection, [["A", 0.9], ["B", 0.89], ["F", 0]], "B") == 89  # a step of exactly 1 percent


async def test_where_the_step_is_under_one_percent_it_scores_a_tenth_below(connection: Connection) -> None:
    """So that it stays within its own letter."""
    assert await score(connection, [["A", 0.9], ["B", 0.895], ["F", 0]], "B") == Decimal("89.9")
    assert await score(connection, [["A", 0.9], ["B", 0.8901], ["F", 0]], "B") == Decimal("89.9")


async def test_where_points_count_it_scores_a_tenth_of_a_point_below(connection: Connection) -> None:
    """Shown bound = fraction x scaling factor: B is 4.4 of 5 points, which is 88 percent."""
    assert await score(connection, SCHEME, "B", points_based=True, factor=5) == 88
    assert await score(connection, [["A", 0.9], ["B", 0.895], ["F", 0]], "B", points_based=True, factor=5) == 88
    assert await score(connection, SCHEME, "A", points_based=True, factor=5) == 100
    assert await grade(connection, SCHEME, 90) == "A"  # the mapping of scores is the same


async def test_an_unknown_letter_has_no_score(connection: Connection) -> None:
    """Null."""
    assert await score(connection, SCHEME, "Z") is None
    assert await score(connection, SCHEME, "") is None


async def test_names_compare_without_case(connection: Connection) -> None:
    """Beyond ASCII too."""
    scheme = [["Ägg", 0.9], ["b", 0.8], ["F", 0]]
    assert await score(connection, scheme, "äGG") == 100
    assert await score(connection, scheme, "B") == 89


async def test_a_minus_at_the_end_may_be_the_sign_or_the_hyphen(connection: Connection) -> None:
    """U+2212 matches `-`; where both names exist, the exact one counts."""
    assert await score(connection, None, f"a{MINUS}") == 93
    assert await score(connection, [["A", 0.9], [f"A{MINUS}", 0.8], ["F", 0]], "A-") == 89
    both = [["A", 0.9], ["A-", 0.8], [f"A{MINUS}", 0.7], ["F", 0]]
    assert [await score(connection, both, name) for name in ("A-", f"A{MINUS}")] == [89, 79]
    assert await score(connection, [["A", 0.9], ["B-x", 0.8], ["F", 0]], f"B{MINUS}x") is None  # only at the end


async def test_names_need_not_be_unique(connection: Connection) -> None:
    """Of two with one name the higher one is meant."""
    scheme = [["A", 0.9], ["P", 0.8], ["P", 0.7], ["F", 0]]
    assert [await grade(connection, scheme, percent) for percent in (85, 75)] == ["P", "P"]
    assert await score(connection, scheme, "P") == 89


# The same, told a second time


def reference_bounds(scheme: list[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """Falling."""
    return sorted(scheme, key=lambda entry: -entry[1])


def reference_letter(scheme: list[tuple[str, Decimal]], percent: Decimal) -> str:
    """Going down until a bound is reached."""
    counted = max(percent, Decimal(0))
    names = [name for name, bound in reference_bounds(scheme) if counted >= bound * 100]
    return names[0] if names else reference_bounds(scheme)[-1][0]


def reference_score(scheme: list[tuple[str, Decimal]], letter: str, factor: Decimal | None) -> Decimal | None:
    """The place in the falling list, then down from the place above."""
    falling = reference_bounds(scheme)
    names = [name.lower() for name, _ in falling]
    asked = letter.lower()
    if asked not in names and asked.endswith(MINUS):
        asked = asked[:-1] + "-"
    if asked not in names:
        return None
    place = names.index(asked)
    if place == 0:
        return Decimal(100)
    above, own = falling[place - 1][1], falling[place][1]
    with localcontext(prec=60):
        if factor is not None:
            return (above * factor - Decimal("0.1")) / factor * 100
        return above * 100 - (1 if above - own >= Decimal("0.01") else Decimal("0.1"))


BOUNDS = st.integers(0, 12_000).map(lambda number: Decimal(number) / 10_000)
NAMES = st.sampled_from(["A", "a", "A-", "B+", "B", "b-", "C", "Pass", "Ä", "4.0"])
SCHEMES = st.lists(st.tuples(NAMES, BOUNDS), min_size=1, max_size=8, unique_by=lambda entry: entry[1])


@hypothesis_settings(
    max_examples=150 if WHOLE else 50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_letters_and_scores_are_what_an_independent_computation_says(database: str, data: st.DataObject) -> None:
    """For any scheme: scores at, just below and between the bounds; letters in either spelling; with points and without."""
    scheme = data.draw(SCHEMES)
    near = [bound * 100 + delta for _, bound in scheme for delta in map(Decimal, ("0", "1e-25", "-1e-25", "-0.01"))]
    percents = [*near, *data.draw(st.lists(st.decimals(-50, 200, places=5), max_size=5))]
    names = [name for name, _ in scheme]
    asked = [*names, *(name.swapcase() for name in names), *(name.replace("-", MINUS) for name in names), "none such"]
    factor = data.draw(st.none() | st.decimals("0.5", 500, places=2))
    pairs = data.draw(st.booleans())

    async def compare() -> None:
        connection = await connect(database)
        shape = [[name, bound] if pairs else {"name": name, "value": bound} for name, bound in scheme]
        text = json.dumps(shape, default=str)
        found = await connection.fetch(
            "SELECT letter_grade($1::jsonb, percent) FROM unnest($2::numeric[]) percent", text, percents
        )
        assert [row[0] for row in found] == [reference_letter(scheme, percent) for percent in percents]
        scores = await connection.fetch(
            "SELECT letter_score($1::jsonb, letter, $3, $4) FROM unnest($2::text[]) letter",
            text,
            asked,
            factor is not None,
            factor or Decimal(1),
        )
        for letter, (score,) in zip(asked, scores, strict=True):
            expected = reference_score(scheme, letter, factor)
            assert (score is None) == (expected is None), letter
            assert expected is None or abs(score - expected) < Decimal("1e-14"), letter
        await connection.close()

    asyncio.run(compare())


# Taking standards in


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (standard(scheme=[]), "has no letters"),
        (standard(scheme=[["A", 0.9], ["F", -0.1]]), "has a negative bound, of F"),
        (standard(scheme=[["A", 0.9], ["B", 0.90004], ["F", 0]]), "has the bound 0.9000 twice"),
        (standard(scheme=[["A", 0.9], ["B", 0.8]]), "has no letter from 0 on"),
        (standard(scheme=[["A" * 256, 0.9], ["F", 0]]), "scheme.0.name: has 256 characters; 255 are possible"),
        (standard(scheme=[["A\0", 0.9], ["F", 0]]), "U\\+0000"),
        (standard(scheme=[["A\ud800", 0.9], ["F", 0]]), "half of a character"),
        (standard(scheme=[["A", "much"], ["F", 0]]), "scheme.0.value: is not a decimal number"),
        (standard(scheme=[["A", True], ["F", 0]]), "scheme.0.value: is not a decimal number"),
        (standard(scheme=[["A", 10**30], ["F", 0]]), "scheme.0.value: is not a decimal number"),
        (standard(grading_scheme=["A", "F"]), "scheme.0: is neither"),
        (standard(scaling_factor=5), "scaling_factor other than 1, but is not points_based"),
        (standard(scaling_factor=0, points_based=True), "scaling_factor that is not above 0"),
        (standard(points_based="maybe"), "points_based: "),
        (standard(workflow_state="lost"), "workflow_state: .*'active', 'archived' or 'deleted'"),
        (standard(context_type="User"), "context_type: .*'Account' or 'Course'"),
        (standard(context_id=...), "context_type and context_id"),
        (standard(id=...), "number 1: id: field required"),
        (standard(id="five"), "id: an id is a whole number"),
        (standard(id=10**13), "a global id holds a local one"),
        (standard(title=...), "title: field required"),
        (standard(grading_scheme=...), "neither a grading_scheme nor data"),
        (standard(grading_scheme=..., data=SCHEME), "data without its version"),
        (SCHEME, "is not an object"),
    ],
)
def test_what_canvas_cannot_save_is_refused_with_a_sentence(wrong: Any, sentence: str) -> None:
    """Which standard, where in it, and why."""
    with pytest.raises(UsageError, match=f"^file: grading standard .*{sentence}.*; nothing was imported$"):
        told(wrong)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[NaN]", "NaN is not a number in JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b'"A"', "holds no grading standard"),
        (b'{"grading_standards": 5}', "holds no grading standard"),
    ],
)
def test_a_file_without_standards_is_refused_with_a_sentence(raw: bytes, sentence: str) -> None:
    """Whatever it holds."""
    with pytest.raises(UsageError, match=sentence):
        grading_standards.read("file", raw)


def test_ids_are_read_as_numbers_or_texts_and_global_ones_become_local() -> None:
    """Modulo 10^13."""
    (found,) = told(standard(id="21070000000000079", context_id=21070000000000012))
    assert (found.id, found.context_id) == (79, 12)


def test_one_a_list_and_an_object_of_standards_are_read() -> None:
    """As the REST API answers and as people wrap it; unknown members are left aside, null is absent."""
    one = standard(surprise=1, workflow_state=None)
    for shape in (one, [one], {"grading_standards": [one]}):
        (found,) = grading_standards.read("file", json.dumps(shape).encode())
        assert (found.id, found.workflow_state, len(found.scheme)) == (5, "active", 3)
    assert grading_standards.read("file", b"[]") == []


async def test_blanks_around_names_are_stripped_and_bounds_rounded_to_four_decimals(connection: Connection) -> None:
    """As Canvas saves them."""
    await take_in(connection, standard(scheme=[["F", 0], [" A ", 0.94445], ["B", 0.1]]))
    kept = await connection.fetchval("SELECT grading_scheme FROM grading_standard")
    assert json.loads(kept) == [{"name": "A", "value": 0.9445}, {"name": "B", "value": 0.1}, {"name": "F", "value": 0}]


async def test_upper_bounds_of_version_1_are_converted(connection: Connection) -> None:
    """Each entry gets the next one's bound + 0.01, the last gets 0."""
    old = [["A", 1], ["A-", 0.93], ["B", 0.89], ["F", 0.7]]
    new = [{"name": "A", "value": 0.94}, {"name": "A-", "value": 0.9}, {"name": "B", "value": 0.71}, {"name": "F", "value": 0}]
    converted = await connection.fetchval("SELECT grading_scheme_of_version_1($1::jsonb)", json.dumps(old))
    assert json.loads(converted) == new
    await take_in(
        connection, standard(grading_scheme=..., data=old, version=1), standard(6, grading_scheme=..., data=SCHEME, version=2)
    )
    found = await connection.fetch("SELECT data_version, grading_scheme FROM grading_standard ORDER BY id")
    assert [(row[0], json.loads(row[1])[0]) for row in found] == [(1, new[0]), (2, {"name": "A", "value": 0.9})]
    assert await grade(connection, json.loads(found[0][1]), "93.999") == "A-"


async def test_an_identical_import_adds_nothing(connection: Connection) -> None:
    """However often, and in whatever order the list is; a change adds one state, and so does changing back."""
    first = standard()
    turned = standard(grading_scheme=first["grading_scheme"][::-1])
    assert await take_in(connection, first) == {"imported": 1, "unchanged": 0}
    assert await take_in(connection, first, first) == {"imported": 0, "unchanged": 1}
    assert await take_in(connection, turned) == {"imported": 0, "unchanged": 1}
    assert await take_in(connection, standard(title="New")) == {"imported": 1, "unchanged": 0}
    assert await take_in(connection, first) == {"imported": 1, "unchanged": 0}
    assert await connection.fetchval("SELECT title FROM grading_standard") == "Standard 5"
    assert [row[0] for row in await connection.fetch("SELECT title FROM grading_standard_history ORDER BY valid_from")] == [
        "Standard 5",
        "New",
        "Standard 5",
    ]


async def test_an_import_as_of_an_earlier_time_takes_its_place_in_the_past(connection: Connection) -> None:
    """The newest state stays; of two as of one moment the later imported counts, and both are kept."""
    await take_in(connection, standard(title="June"), as_of=NOON + timedelta(days=2))
    await take_in(connection, standard(title="May"), as_of=NOON)
    await take_in(connection, standard(title="May, corrected"), as_of=NOON)
    assert await take_in(connection, standard(title="May, corrected"), as_of=NOON + timedelta(days=1)) == {
        "imported": 0,
        "unchanged": 1,
    }
    assert await connection.fetchval("SELECT title FROM grading_standard") == "June"
    found = await connection.fetch("SELECT title, valid_from, valid_to FROM grading_standard_history ORDER BY valid_from")
    turn = NOON + timedelta(days=2)
    assert [tuple(row) for row in found] == [("May, corrected", NOON, turn), ("June", turn, None)]
    assert await connection.fetchval("SELECT count(*) FROM grading_standard_version") == 3


async def test_nothing_is_half_imported(connection: Connection) -> None:
    """One wrong standard, or one told in two ways, and none of them is there."""
    with pytest.raises(UsageError, match="nothing was imported"):
        await take_in(connection, standard(), standard(6, scheme=[]))
    with pytest.raises(UsageError, match="grading standard 5 occurs in two versions"):
        await take_in(connection, standard(), standard(title="Other"))
    with pytest.raises(UsageError, match="lies in the future"):
        await take_in(connection, standard(), as_of=datetime.now(UTC) + timedelta(days=1))
    assert await connection.fetchval("SELECT count(*) FROM grading_standard_version") == 0


# Whose standard counts


async def test_the_assignments_standard_counts_else_the_courses_else_the_accounts_else_the_built_in(
    connection: Connection,
) -> None:
    """With whose it is; of what is named only."""
    owners = {1: ("Account", 2), 2: ("Course", 12), 3: ("Account", 1)}
    await take_in(connection, *(standard(id_, context_type=kind, context_id=owner) for id_, (kind, owner) in owners.items()))
    assert await effective(connection, 7, 12, 2) == (None, None, None)
    for id_, kind, context in ((3, "Account", 2), (2, "Course", 12), (1, "Assignment", 7)):
        await use(connection, id_, kind, context)
        assert await effective(connection, 7, 12, 2) == (id_, *owners[id_])
    assert await effective(connection, None, 12, 2) == (2, *owners[2])
    assert await effective(connection, 8, 13, 2) == (3, *owners[3])
    assert await effective(connection, 8, 13, None) == (None, None, None)
    row = await connection.fetchrow("SELECT * FROM effective_grading_standard($1, 8, 13, 3)", TENANT)
    assert row is not None
    assert (row["title"], row["points_based"], row["scaling_factor"]) == ("Default Grading Scheme", False, 1)
    assert json.loads(row["grading_scheme"])[0] == {"name": "A", "value": 0.94}


async def test_deleted_standards_are_as_if_absent_and_archived_ones_count(connection: Connection) -> None:
    """Also where they were used before; nothing new can use a deleted one."""
    await take_in(connection, standard(1), standard(2))
    await use(connection, 1, "Course", 12)
    await use(connection, 2, "Account", 2)
    await take_in(connection, standard(1, workflow_state="archived"))
    assert (await effective(connection, None, 12, 2))[0] == 1
    await take_in(connection, standard(1, workflow_state="deleted"))
    assert (await effective(connection, None, 12, 2))[0] == 2
    with pytest.raises(UsageError, match="grading standard 1 is deleted"):
        await use(connection, 1, "Course", 13)


async def test_what_counted_at_a_time_is_known_for_ever(connection: Connection) -> None:
    """The use and the state of the standard, both as they were then; a use is never rewritten."""
    may, june, july = (NOON + timedelta(days=30 * month) for month in range(3))
    await take_in(connection, standard(1), standard(2), as_of=may)
    await take_in(connection, standard(1, scheme=[["P", 0.5], ["F", 0]]), as_of=july)
    assert await use(connection, 1, "Course", 12, may)
    assert not await use(connection, 1, "Course", 12, june)
    assert await use(connection, None, "Course", 12, july)
    assert not await use(connection, None, "Course", 13, july)  # it never used any
    assert await use(connection, 2, "Course", 12, june)  # said late, between the two

    async def title(at: datetime) -> str:
        answer = await letters.grade(connection, Choice(course=12, tenant=TENANT, at=at), Decimal(85))
        return f"{answer.letter} {answer.standard['grading_standard_id']}"

    assert [await title(at) for at in (may - timedelta(1), may, june, july)] == ["B None", "B 1", "B 2", "B None"]
    answer = await letters.grade(connection, Choice(standard=1, tenant=TENANT, at=july), Decimal(85))
    assert answer.letter == "P"
    history = await connection.fetch(
        "SELECT grading_standard_id, valid_to FROM grading_standard_use_history ORDER BY valid_from"
    )
    assert [tuple(row) for row in history] == [(1, june), (2, july), (None, None)]
    with pytest.raises(UsageError, match="no grading standard 9 is known"):
        await use(connection, 9, "Course", 12)
    with pytest.raises(UsageError, match=r"no grading standard 1 is known of .* at 2025-02"):
        await use(connection, 1, "Course", 12, may - timedelta(30))


async def test_a_course_stands_in_the_account_that_its_events_name(database: str, connection: Connection) -> None:
    """So that naming the course is enough."""
    await write(database, event("course_created"))
    course = await connection.fetchrow("SELECT id, account_id FROM course")
    assert course is not None
    await take_in(connection, standard(1))
    await use(connection, 1, "Account", course["account_id"])
    answer = await letters.grade(connection, Choice(course=course["id"]), Decimal(85))
    assert answer.standard["grading_standard_id"] == 1


async def test_the_tenant_is_needed_only_where_there_is_a_choice(database: str, connection: Connection) -> None:
    """Of an empty projection, or of several."""
    with pytest.raises(UsageError, match="projection is empty: name the tenant with --tenant"):
        await grading_standards.tenant(connection, None)
    await take_in(connection, standard())
    assert await grading_standards.tenant(connection, None) == TENANT
    await grading_standards.take_in(connection, told(standard()), "other", None)
    with pytest.raises(UsageError, match=f"--tenant: {TENANT}, other"):
        await grading_standards.tenant(connection, None)
    await write(database, event("course_created"))
    assert await grading_standards.tenant(connection, None) == TENANT


# Who may do what


async def test_the_reader_may_read_and_ask_for_letters(connection: Connection) -> None:
    """And write nothing."""
    await take_in(connection, standard())
    await use(connection, 5, "Course", 12)
    await connection.execute("SET ROLE outcomes_reader")
    assert await grade(connection, SCHEME, 85) == "B"
    assert await score(connection, None, "B") == 86
    assert await connection.fetchval("SELECT points_percent(1, 2)") == 50
    assert await connection.fetchval("SELECT grading_scheme_of_version_1(default_grading_scheme())")
    assert (await effective(connection, None, 12, None))[0] == 5
    for relation in ("grading_standard_version", "grading_standard_history", "grading_standard_use_history"):
        assert await connection.fetchval(f"SELECT count(*) FROM {relation}") == 1
    with pytest.raises(Fatal, match="lacks a privilege"):
        await take_in(connection, standard(6))


async def test_the_writer_may_import_and_cannot_rewrite(connection: Connection) -> None:
    """No state and no use is ever changed."""
    await connection.execute("SET ROLE outcomes_writer")
    assert await take_in(connection, standard()) == {"imported": 1, "unchanged": 0}
    assert await use(connection, 5, "Course", 12)
    assert await take_in(connection, standard(title="New")) == {"imported": 1, "unchanged": 0}
    for table in ("grading_standard_version", "grading_standard_use"):
        for statement in (f"UPDATE {table} SET valid_from = now()", f"DELETE FROM {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_no_time_is_now(database: str) -> None:
    """As in every other function."""
    connection = await connect(database)
    await connection.execute(
        "INSERT INTO grading_standard_version VALUES "
        "('t', 6, 'Ours', 'Account', 2, 'active', false, 1, 2, jsonb_build_array(jsonb_build_object('name', 'P', 'value', 0)), "
        "now() - interval '1 day', now())"
    )
    await connection.execute("INSERT INTO grading_standard_use VALUES ('t', 'Account', 2, 6, now() - interval '1 day', now())")
    question = "SELECT title FROM effective_grading_standard('t', NULL, NULL, 2, NULL)"
    assert await connection.fetchval(question) == "Ours"
    await connection.close()
