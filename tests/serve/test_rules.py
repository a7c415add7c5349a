"""What Canvas makes of a write: new states as the bodies of its events, and refusals with its messages."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.ingest.tables import TABLES
from consumer.sandbox.events import EventContext, HttpRequest, body_of, event, global_id
from consumer.sandbox.refusals import Refusal
from consumer.sandbox.rules import NewIds, highest_rating_id, outcome, scale, standard
from consumer.serve.api.rails_params import Params, Value
from schemas.grading_standards import Standard
from tests import samples
from tests.samples import NOON

LATER = NOON + timedelta(minutes=1, milliseconds=678)
KNOWN: dict[str, Any] = {
    "learning_outcome_id": "1",
    "context_type": "Account",
    "context_id": "1",
    "title": "Old",
    "short_description": "Old",
    "description": "Kept",
    "calculation_method": "highest",
    "rubric_criterion": {
        "description": "Old",
        "mastery_points": 2.0,
        "points_possible": 4.0,
        "ratings": [{"description": "Yes", "points": 4.0, "color": "0B874B"}, {"description": "No", "points": 0.0}],
    },
    "workflow_state": "active",
    "updated_at": "2025-03-20T12:00:00Z",
}
FRESH = NewIds(scale=7, rating=41)
LETTERS: list[Value] = [{"name": "A", "value": "90"}, {"name": "B", "value": "80.25"}, {"name": "F", "value": "0"}]
REQUEST = HttpRequest("PUT", "http://h/api/v1/outcomes/1", "h", "127.0.0.1", "curl/8", "r-1")


def edited(params: Params, known: dict[str, Any] = KNOWN, *, account_level: bool = False) -> dict[str, Any]:
    """The outcome after a PUT that was not refused."""
    body = outcome(known, params, account_level=account_level, now=LATER)
    assert isinstance(body, dict), body
    return body


def refused(answer: object) -> tuple[int, Any]:
    """Status and body of a refusal."""
    assert isinstance(answer, Refusal), answer
    return answer.status, answer.body


def level(description: str, points: Value, *, mastery: Value = False, color: str = "0B874B") -> Value:
    """One rating of a scale, as parameters."""
    return {"description": description, "points": points, "mastery": mastery, "color": color}


def told(params: Params, known: dict[str, Any] | None = None, at: datetime | None = None) -> dict[str, Any]:
    """The scale of account 1 after a POST that was not refused."""
    body = scale(known, at, ("Account", 1), params, FRESH, LATER)
    assert isinstance(body, dict), body
    return body


def test_an_outcome_keeps_what_is_not_said_and_ignores_what_is_not_known() -> None:
    """Only the title and what Canvas copies it to change, and `updated_at`, in whole seconds."""
    body = edited({"title": "New", "color": "red", "workflow_state": "deleted", "description": ["no", "text"]})
    assert body == KNOWN | {
        "title": "New",
        "short_description": "New",
        "rubric_criterion": KNOWN["rubric_criterion"] | {"description": "New"},
        "updated_at": "2025-03-20T12:01:00Z",
    }


def test_a_put_that_changes_nothing_is_no_event() -> None:
    """The same object comes back, `updated_at` and all."""
    assert outcome(KNOWN, {"title": "Old"}, account_level=False, now=LATER) is KNOWN


def test_new_ratings_replace_all_highest_first_with_the_documents_defaults() -> None:
    """No description: "No description"; no points: 0; no mastery points: those of the highest rating."""
    body = edited({"ratings": [{"points": "3"}, {"description": "Top", "points": "5"}, {"description": "Low"}]})
    assert body["rubric_criterion"] == {
        "description": "Old",
        "ratings": [
            {"description": "Top", "points": 5.0},
            {"description": "No description", "points": 3.0},
            {"description": "Low", "points": 0.0},
        ],
        "mastery_points": 5.0,
        "points_possible": 5.0,
    }
    mine = edited({"mastery_points": "3"})["rubric_criterion"]
    assert mine["mastery_points"] == 3.0
    assert mine["ratings"] == [{"description": "Yes", "points": 4.0}, {"description": "No", "points": 0.0}]
    defaults = edited({"mastery_points": 4}, {k: v for k, v in KNOWN.items() if k != "rubric_criterion"})["rubric_criterion"]
    assert (defaults["mastery_points"], defaults["points_possible"], len(defaults["ratings"])) == (4.0, 5.0, 3)


@pytest.mark.parametrize(
    ("before", "params", "after"),
    [
        (("highest", None), {"calculation_method": "decaying_average"}, ("decaying_average", 65)),
        (("highest", None), {"calculation_method": "n_mastery"}, ("n_mastery", 5)),
        (("highest", None), {"calculation_method": "n_mastery", "calculation_int": "10"}, ("n_mastery", 10)),
        (("decaying_average", 40), {"calculation_method": "latest", "calculation_int": "3"}, ("latest", None)),
        (("decaying_average", 40), {"calculation_method": "average"}, ("average", None)),
        (("decaying_average", 40), {"calculation_int": "99"}, ("decaying_average", 99)),
        (("decaying_average", 40), {"calculation_int": None}, ("decaying_average", 65)),
        (("decaying_average", 40), {"calculation_method": "weighted_average"}, ("weighted_average", 65)),
        (("highest", None), {"calculation_method": "standard_decaying_average"}, ("decaying_average", 65)),
        (("highest", 65), {"calculation_method": "decaying_average", "calculation_int": "65"}, ("decaying_average", 65)),
        (("highest", 65), {"title": "As the published example has it"}, ("highest", 65)),
        ((None, None), {"calculation_int": "70"}, ("decaying_average", 70)),
    ],
)
def test_a_new_method_takes_its_own_integer(
    before: tuple[str | None, int | None], params: Params, after: tuple[str, int | None]
) -> None:
    """As Canvas' callbacks do; without one of them in the request, both stay, legal or not."""
    known = {**KNOWN, "calculation_method": before[0], "calculation_int": before[1]}
    body = edited(params, {name: value for name, value in known.items() if value is not None})
    assert (body.get("calculation_method"), body.get("calculation_int")) == after


@pytest.mark.parametrize(
    ("params", "attribute", "kind"),
    [
        ({"title": " "}, "short_description", "blank"),
        ({"title": None}, "short_description", "blank"),
        ({"title": "x" * 256}, "short_description", "too_long"),
        ({"display_name": "x" * 256}, "display_name", "too_long"),
        ({"vendor_guid": "x" * 256}, "vendor_guid", "too_long"),
        ({"description": "x" * 65_536}, "description", "too_long"),
        ({"calculation_method": "median"}, "calculation_method", "must be one of"),
        ({"calculation_method": "n_mastery", "calculation_int": "11"}, "calculation_int", "between '1' and '10'"),
        ({"calculation_method": "decaying_average", "calculation_int": "100"}, "calculation_int", "between '1' and '99'"),
        ({"calculation_int": "3"}, "calculation_int", "not used"),
        ({"ratings": []}, "ratings", "list of 1"),
        ({"ratings": "Exceeds"}, "ratings", "list of 1"),
        ({"ratings": ["Exceeds"]}, "ratings", "list of 1"),
        ({"ratings": [{"points": "1e16"}]}, "ratings", "at most"),
        ({"ratings": [{"points": [1]}]}, "ratings", "at most"),
        ({"mastery_points": Decimal("1e99")}, "mastery_points", "at most"),
    ],
)
def test_an_outcome_that_canvas_would_not_save_is_a_400_by_attribute(params: Params, attribute: str, kind: str) -> None:
    """Attribute, type and message, under the name of the column."""
    status, body = refused(outcome(KNOWN, params, account_level=False, now=LATER))
    ((found, (error,)),) = body["errors"].items()
    assert (status, found, error["attribute"]) == (400, attribute, attribute)
    assert kind in error["type"]
    assert error["message"] == error["type"]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("mastery_points", "3", "mastery points"),
        ("ratings", [], "ratings"),
        ("calculation_method", "highest", "calculation values"),
        ("calculation_int", 0, "calculation values"),
    ],
)
def test_with_account_level_scales_an_outcomes_own_numbers_are_frozen(name: str, value: Any, what: str) -> None:
    """403 with Canvas' message, even where nothing would change; everything else stays editable."""
    answer = outcome(KNOWN, {"title": "New", name: value}, account_level=True, now=LATER)
    assert refused(answer) == (403, {"error": f"Individual outcome {what} cannot be modified."})
    assert edited({"title": "New"}, account_level=True)["title"] == "New"


def test_a_contexts_first_scale_is_told_as_created() -> None:
    """New ids, floats, no `updated_at`, and the ratings of the request."""
    body = told({"ratings": [level("Yes", "4", mastery="true"), level("No", 0)]})
    assert body == {
        "outcome_proficiency_id": "7",
        "context_type": "Account",
        "context_id": "1",
        "workflow_state": "active",
        "outcome_proficiency_ratings": [
            {
                "outcome_proficiency_rating_id": str(id_),
                "description": description,
                "points": points,
                "mastery": mastery,
                "color": "0B874B",
                "workflow_state": "active",
            }
            for id_, description, points, mastery in ((41, "Yes", 4.0, True), (42, "No", 0.0, False))
        ],
    }


def test_ratings_are_replaced_by_position_and_keep_their_ids() -> None:
    """Members that the request leaves out stay; an additional rating gets a new id, a surplus one goes; `updated_at` stays."""
    first = told({"ratings": [level("Yes", 4, mastery=True), level("No", 0)]})
    second = told({"ratings": [{"points": "9"}, level("Hm", 2), level("No", 0)]}, first, NOON)
    ratings = second["outcome_proficiency_ratings"]
    assert [rating["outcome_proficiency_rating_id"] for rating in ratings] == ["41", "42", "41"]
    assert [(rating["description"], rating["points"]) for rating in ratings] == [("Yes", 9.0), ("Hm", 2.0), ("No", 0.0)]
    assert (second["outcome_proficiency_id"], second["updated_at"]) == ("7", "2025-03-20T12:00:00Z")
    third = told({"ratings": [{}]}, second, LATER)
    assert len(third["outcome_proficiency_ratings"]) == 1
    assert third["updated_at"] == second["updated_at"]


def test_a_deleted_scale_is_revived_under_its_id_and_a_negative_id_is_replaced() -> None:
    """Each context has one scale, for good; only a change of state changes `updated_at`."""
    deleted = samples.scale(4, 2, 0, workflow_state="deleted")["body"]
    for rating in deleted["outcome_proficiency_ratings"]:
        rating["workflow_state"] = "deleted"
    body = told({"ratings": [{}, {}, {}]}, deleted, NOON)
    assert (body["outcome_proficiency_id"], body["workflow_state"], body["updated_at"]) == (
        "1",
        "active",
        "2025-03-20T12:01:00Z",
    )
    assert {rating["workflow_state"] for rating in body["outcome_proficiency_ratings"]} == {"active"}
    by_rest = deleted | {"outcome_proficiency_id": "-2", "workflow_state": "active"}
    assert told({"ratings": [{}, {}]}, by_rest, NOON)["outcome_proficiency_id"] == "7"


@pytest.mark.parametrize(
    ("ratings", "field", "message"),
    [
        (None, "", "Missing required ratings"),
        ([], "", "Missing required ratings"),
        ("text", "", "Missing required ratings"),
        ([level("a", 1)], "", "Exactly one rating can have mastery"),
        ([level("a", 2, mastery=True), level("b", 1, mastery="1")], "", "Exactly one rating can have mastery"),
        ([level("a", 1, mastery=True), level("b", "2")], "", "Points should be strictly decreasing: 1.0 <= 2.0"),
        ([level("a", 1, mastery=True), level("b", 1)], "", "Points should be strictly decreasing: 1.0 <= 1.0"),
        ([level("a", "-1", mastery=True)], ".points", "greater_than_or_equal_to"),
        ([level("a", "many", mastery=True)], ".points", "not_a_number"),
        ([level("a", "", mastery=True)], ".points", "blank"),
        ([level("a", Decimal("1e20"), mastery=True)], ".points", "less_than_or_equal_to"),
        ([level(" ", 1, mastery=True)], ".description", "blank"),
        ([level("x" * 256, 1, mastery=True)], ".description", "too_long"),
        ([level("a", 1, mastery=True, color="#0B874B")], ".color", "invalid"),
        ([level("a", 1, mastery=True, color="")], ".color", "blank"),
        ([{"description": "a", "color": "0B874B", "mastery": "true"}], ".points", "blank"),
    ],
)
def test_a_scale_that_canvas_would_not_save_is_a_422_with_a_list(ratings: Any, field: str, message: str) -> None:
    """The first error is Canvas'; no scale is half written."""
    status, body = refused(scale(None, None, ("Account", 1), {"ratings": ratings}, FRESH, LATER))
    assert status == 422
    error = {"field": f"outcome_proficiency_ratings{field}", "message": message, "error_code": message}
    assert body["errors"][0] == error


def made(params: Params, known: Standard | None = None, *, used: bool = False) -> Standard:
    """The grading standard 5 of course 1 after a write that was not refused."""
    found = standard(known, 5, ("Course", 1), params, used=used)
    assert isinstance(found, Standard), found
    return found


def bounds(of: Standard) -> list[tuple[str, Decimal]]:
    """Letters and their bounds."""
    return [(entry.name, entry.value) for entry in of.scheme]


def test_percents_become_fractions_of_four_exact_decimals() -> None:
    """80.25 is 0.8025; falling, whatever order they came in; names without the blanks around them."""
    found = made(
        {"title": " New ", "grading_scheme_entry": [LETTERS[2], {"name": " A ", "value": Decimal("94.555")}, LETTERS[1]]}
    )
    assert bounds(found) == [("A", Decimal("0.9456")), ("B", Decimal("0.8025")), ("F", Decimal(0))]
    assert (found.title, found.points_based, found.scaling_factor) == ("New", False, Decimal(1))


def test_points_become_fractions_of_the_scaling_factor() -> None:
    """9 of 10 points is 0.9."""
    letters: list[Value] = [{"name": "A", "value": "9"}, {"name": "F", "value": "0"}]
    found = made({"title": "P", "points_based": "true", "scaling_factor": "10.0", "grading_scheme_entry": letters})
    assert bounds(found) == [("A", Decimal("0.9")), ("F", Decimal(0))]


def test_a_put_keeps_what_it_does_not_say_and_used_ones_take_only_a_title() -> None:
    """Sending the same values again is no change."""
    old = made({"title": "Old", "grading_scheme_entry": LETTERS})
    assert made({"title": "New"}, old, used=True).scheme == old.scheme
    again: Params = {"title": "New", "scaling_factor": "1.0", "grading_scheme_entry": LETTERS}
    assert made(again, old, used=True) == made({"title": "New"}, old)
    status, body = refused(standard(old, 5, ("Course", 1), {"points_based": True, "scaling_factor": 4}, used=True))
    assert status == 400
    assert set(body["errors"]) == {"points_based", "scaling_factor"}


@pytest.mark.parametrize(
    ("params", "attribute", "kind"),
    [
        ({"title": ""}, "title", "blank"),
        ({"title": None}, "title", "blank"),
        ({"title": "x" * 256}, "title", "too_long"),
        ({"grading_scheme_entry": None}, "data", "blank"),
        ({"grading_scheme_entry": [{"name": "A", "value": None}]}, "data", "blank"),
        ({"grading_scheme_entry": []}, "data", "blank"),
        ({"grading_scheme_entry": "A"}, "data", "blank"),
        ({"grading_scheme_entry": [{"name": "A"}, {"value": "0"}, "F"]}, "data", "blank"),
        ({"grading_scheme_entry": LETTERS[:2]}, "data", "grading schemes must have 0% for the lowest grade"),
        (
            {"grading_scheme_entry": [*LETTERS, {"name": "X", "value": "-1"}]},
            "data",
            "grading scheme values cannot be negative",
        ),
        (
            {"grading_scheme_entry": [*LETTERS, {"name": "X", "value": "90.001"}]},
            "data",
            "grading scheme cannot contain duplicate values",
        ),
        ({"grading_scheme_entry": [*LETTERS, {"name": "x" * 256, "value": "1"}]}, "data", "a grading scheme name is too long"),
        ({"grading_scheme_entry": [*LETTERS, {"name": "X", "value": "1e15"}]}, "data", "a grading scheme value is too large"),
        ({"scaling_factor": "2"}, "scaling_factor", "must be 1 if scheme points_based is false"),
        ({"points_based": True, "scaling_factor": "0"}, "scaling_factor", "must be a number above 0"),
    ],
)
def test_a_standard_that_canvas_would_not_save_is_a_400_by_attribute(params: Params, attribute: str, kind: str) -> None:
    """With the messages of Canvas' own specs."""
    status, body = refused(standard(None, 5, ("Course", 1), {"title": "T", "grading_scheme_entry": LETTERS, **params}))
    error = {"attribute": attribute, "type": kind, "message": kind}
    assert (status, body) == (400, {"errors": {attribute: [error]}})


def test_a_new_standard_needs_letters() -> None:
    """400 also where the request does not mention them."""
    status, body = refused(standard(None, 5, ("Course", 1), {"title": "T"}))
    assert (status, list(body["errors"])) == (400, ["data"])


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
NUMBERS = st.sampled_from(["0", "4", "-1", "1e9", "2.5", 3, 1, Decimal("0.00005"), Decimal(100)]) | ANY
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "description": TEXTS | ANY,
            "points": NUMBERS,
            "mastery": st.booleans() | ANY,
            "color": st.just("0B874B") | ANY,
            "name": TEXTS | ANY,
            "value": NUMBERS,
        },
    ),
    max_size=4,
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXTS | ANY,
        "description": TEXTS | ANY,
        "calculation_method": st.sampled_from(["n_mastery", "latest", "average", "weighted_average"]) | ANY,
        "calculation_int": NUMBERS,
        "mastery_points": NUMBERS,
        "ratings": ROWS | ANY,
        "points_based": st.booleans() | ANY,
        "scaling_factor": NUMBERS,
        "grading_scheme_entry": ROWS | ANY,
    },
)


@given(PARAMS)
def test_any_parameters_are_a_state_that_the_consumer_takes_or_a_refusal(params: Params) -> None:
    """Any JSON: no exception, and no event that would end in quarantine."""
    new = outcome(KNOWN, params, account_level=False, now=LATER)
    if not isinstance(new, Refusal):
        record = event("learning_outcome_updated", new, LATER, EventContext("t", None), REQUEST)
        assert isinstance(record, bytes)
        samples.accepted(record)
    posted = scale(None, None, ("Course", 1), params, FRESH, LATER)
    if not isinstance(posted, Refusal):
        record = event("outcome_proficiency_created", posted, LATER, EventContext("t", None), REQUEST)
        assert isinstance(record, bytes)
        samples.accepted(record)
    letters = standard(None, 5, ("Course", 1), params)
    assert isinstance(letters, Refusal) or 0 in [bound for _, bound in bounds(letters)]


def test_an_event_is_one_that_the_consumer_reads_as_canvas_sent_it() -> None:
    """Milliseconds in the metadata, ids as strings, no query of the address, and a body that becomes a row and back."""
    place = EventContext("tenant", 21070000000000001, "Course", 21070000000000012, 21070000000000002)
    record = event("learning_outcome_updated", edited({"title": "New"}), LATER, place, REQUEST)
    assert isinstance(record, bytes)
    metadata = orjson.loads(record)["metadata"]
    assert metadata["event_time"] == "2025-03-20T12:01:00.678Z"
    assert {name: metadata[name] for name in ("root_account_id", "context_id", "context_account_id")} == {
        "root_account_id": "21070000000000001",
        "context_id": "21070000000000012",
        "context_account_id": "21070000000000002",
    }
    version = samples.accepted(record)
    row = dict(zip(version.table.columns, version.row, strict=False))
    assert body_of(TABLES["learning_outcome"], row) == edited({"title": "New"})


def test_an_event_that_canvas_would_drop_is_refused() -> None:
    """Above 1,000,000 bytes."""
    ratings: list[Value] = [{"description": "x" * 300_000, "points": points} for points in range(4)]
    body = edited({"ratings": ratings})
    assert refused(event("learning_outcome_updated", body, LATER, EventContext("t", None), REQUEST))[0] == 400


def test_ids() -> None:
    """A local id on the root account's shard; the highest rating's id among scales, some of which have none."""
    assert global_id(12, 21070000000000001) == 21070000000000012
    assert global_id(12, None) == 12
    assert global_id(None, 1) is None
    assert highest_rating_id([{"outcome_proficiency_rating_id": "7"}, {}, {"outcome_proficiency_rating_id": "12"}]) == 12
    assert highest_rating_id([]) == 0


def test_an_archived_standard_stays_so() -> None:
    """A PUT has no parameter for the state."""
    made = standard(None, 5, ("Course", 1), {"title": "T", "grading_scheme_entry": LETTERS})
    assert isinstance(made, Standard)
    archived = made.model_copy(update={"workflow_state": "archived"})
    assert standard(archived, 5, ("Course", 1), {"title": "Renamed"}) == archived.model_copy(update={"title": "Renamed"})
