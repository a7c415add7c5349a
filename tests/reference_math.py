"""Canvas's mastery math once more, in plain Python: what is told, formulas, points and levels, and what results come to.

Files ending in .rb are Canvas' own, D1 to D20 the decisions in
`docs/explanation/mastery.md`. `tests/golden` has numbers that real Ruby computed, which it must equal.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any, NamedTuple

SHARD = 10**13
"""A global id is shard x this + local id (data_service_canvas_event_metadata.md)."""
BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Older than all."""
CENTLESS = 2.0**59
"""Ruby rounds no double of this size or above to 2 decimals."""
LEGAL = {
    "n_mastery": (1, 10, 5),
    "decaying_average": (1, 99, 65),
    "weighted_average": (1, 99, 65),
    "standard_decaying_average": (50, 99, 65),
}
"""Least, greatest and default `calculation_int` of the methods that have one (rollup_score.rb)."""
MERGING = {"latest", "average", "decaying_average", "weighted_average", "standard_decaying_average"}
"""The methods that see the rows of one quiz as one value (rollup_score_aggregator_helper.rb)."""
TRACE = 1e-100
"""Numbers below are 0: products of such would be 0 in Canvas, and errors in Postgres."""
IDS = {
    "learning_outcome": "learning_outcome_id",
    "learning_outcome_group": "learning_outcome_group_id",
    "learning_outcome_link": "learning_outcome_link_id",
    "learning_outcome_result": "id",
    "outcome_proficiency": "outcome_proficiency_id",
    "outcome_calculation_method": "outcome_calculation_method_id",
    "outcome_friendly_description": "outcome_friendly_description_id",
    "rubric_assessed": "id",
    "account": "account_id",
    "course": "course_id",
    "user": "user_id",
    "enrollment": "enrollment_id",
    "enrollment_state": "enrollment_id",
    "course_section": "course_section_id",
    "submission": "submission_id",
    "user_merge": "user_id",
}
"""What is stored, by event name without `_created`, `_updated` and `_backfilled`, and the member that holds its id."""
GLOBAL = {"account", "course", "user", "enrollment", "enrollment_state", "submission"}
"""Whose bodies carry global ids (data_service_canvas_event_metadata.md)."""

Body = dict[str, Any]
Place = tuple[str, int]
"""A context: its type and its local id."""


class Told(NamedTuple):
    """An event in the published form and when the projection learnt it."""

    event: dict[str, Any]
    recorded_at: datetime


class Alignment(NamedTuple):
    """What REST told of an assignment that measured an outcome: from `at` on it does, or no longer does."""

    tenant: str
    course_id: int
    learning_outcome_id: int
    assignment_id: int
    workflow_state: str
    at: datetime
    recorded_at: datetime


class Rollup(NamedTuple):
    """One student's score for one outcome in one course, and by what it was judged."""

    score: Decimal
    mastery: bool | None
    rating: str | None
    color: str | None
    calculation_method: str
    calculation_int: int | None
    points_possible: float | None
    mastery_points: float | None
    results: int
    last_assessed_at: datetime | None


class Level(NamedTuple):
    """How many students of a course stand on one rating of an outcome (result_analytics.rb, D15)."""

    description: str
    color: str | None
    points: float
    mastery: bool
    count: int  # type: ignore[assignment]  # hides the method of tuples, as nobody counts in a level
    percent: int


class Summary(NamedTuple):
    """An outcome over the students of a course (rollup_score_aggregator_helper.rb, D15)."""

    mean: Decimal
    median: Decimal
    students: int
    assessed: int
    mastered: int
    levels: list[Level]


class Scale(NamedTuple):
    """A mastery scale and who owns it (outcome_proficiency.rb)."""

    context_type: str
    context_id: int
    outcome_proficiency_id: int
    points_possible: float
    mastery_points: float
    ratings: list[dict[str, Any]]


class Version(NamedTuple):
    """One state of one object, as one event told it."""

    kind: str
    id: int
    event_time: datetime
    updated: bool
    updated_at: datetime
    recorded_at: datetime
    metadata: Body
    body: Body

    @property
    def order(self) -> tuple[datetime, bool, datetime]:
        """What decides which of two versions is the newer one."""
        return self.event_time, self.updated, self.updated_at

    @property
    def active(self) -> bool:
        """Absent `workflow_state` counts as active."""
        return bool(self.body.get("workflow_state", "active") == "active")

    def id_of(self, member: str) -> int | None:
        """The id in this member of the body."""
        return number(self.body.get(member))

    @property
    def made(self) -> datetime:
        """When a result was made; of one that REST alone told when it was assessed (learning_outcome_result.rb)."""
        return moment(self.body.get("created_at")) or moment(self.body.get("assessed_at")) or self.event_time

    def hint(self, member: str) -> int | None:
        """The local id in this member of the metadata, whose ids are global (data_service_canvas_event_metadata.md)."""
        return local(number(self.metadata.get(member)))


class Points(NamedTuple):
    """What full marks are, from where on it is mastery, and the levels with falling points."""

    possible: float | None
    mastery: float | None
    ratings: list[Body]


def number(value: str | int | None) -> int | None:
    """Ids come as strings or integers."""
    return None if value is None else int(value)


def local(value: int | None) -> int | None:
    """A global id without its shard; what would be nothing stays as it is (data_service_canvas_event_metadata.md)."""
    return None if value is None else value % SHARD or value


def moment(text: str | None) -> datetime | None:
    """A time as Canvas has ever written one: `Z`, an offset, or an offset after a blank."""
    return None if text is None else datetime.fromisoformat(re.sub(r" (?=[+-]\d)", "", text))


def double(value: float | None) -> float | None:
    """Whole numbers come without a fraction; what is next to nothing is nothing (D6)."""
    return None if value is None else float(value) if abs(value) >= TRACE else 0.0


def owned(body: Body, shard: int) -> Body:
    """With local ids where they are of the root account's shard; of others the whole id tells whose it is."""
    ids = {name: int(value) for name, value in body.items() if name.endswith("_id") and value.isdigit()}
    return body | {name: str(local(value)) for name, value in ids.items() if value // SHARD == shard}


def plain(body: Body) -> Body:
    """Null means absent, and ids of both spellings are the same."""
    ids = {name: str(value) for name, value in body.items() if name == "id" or name.endswith("_id")}
    return {name: ids.get(name, value) for name, value in body.items() if value is not None}


# --- formulas


def rounded(exact: float) -> Decimal:
    """Two decimals as Ruby's Float#round(2) has them, in the shortest decimal of that double (rollup_score.rb, D6)."""
    size = abs(exact)
    if size < CENTLESS:
        below = math.floor(size * 100)
        cents = below + 1.0 if size * 100 - below >= 0.5 else float(below)
        if (cents + 0.5) / 100 <= size:  # the hundredfold fell short of its half
            cents += 1
        size = cents / 100
    return Decimal(repr(math.copysign(size, exact) if size else 0.0))


def total(values: Iterable[float]) -> float:
    """Ruby's Array#sum: with a correction of what each addition rounded away (rollup_score.rb, D6)."""
    sum_, correction = 0.0, 0.0
    for one in values:
        great, small = (sum_, one) if abs(sum_) >= abs(one) else (one, sum_)
        sum_ += one
        correction += (great - sum_) + small
    return sum_ + correction


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, added up in the given order (rollup_score.rb)."""
    return total(values) / len(values)


def weights(calculation_int: int) -> tuple[float, float]:
    """Of what is newer and of what is older: not one and its complement, but two products (rollup_score.rb)."""
    return 0.01 * calculation_int, 0.01 * (100 - calculation_int)


def weighted(values: Sequence[float], calculation_int: int) -> float:
    """The newest against the mean of all older ones (rollup_score.rb)."""
    new, old = weights(calculation_int)
    return values[-1] * new + mean(values[:-1]) * old if len(values) > 1 else values[0]


def decaying(values: Sequence[float], calculation_int: int) -> float:
    """Each against all that came before it (rollup_score.rb)."""
    new, old = weights(calculation_int)
    return reduce(lambda before, value: before * old + value * new, values)


def mastered(values: Sequence[float], least: int, mastery_points: float | None) -> float | None:
    """The mean of all values that are mastery, if they are enough (rollup_score.rb)."""
    kept = [] if mastery_points is None else [value for value in values if value >= mastery_points]
    return mean(kept) if len(kept) >= least else None


def legal(method: str, calculation_int: int | None) -> int | None:
    """The number that the method works with: none, the given one, or the default (rollup_score.rb, D3)."""
    if method not in LEGAL:
        return None
    least, greatest, default = LEGAL[method]
    return calculation_int if calculation_int is not None and least <= calculation_int <= greatest else default


def unrounded(method: str, calculation_int: int, values: Sequence[float], mastery_points: float | None) -> float | None:
    """The formulas of rollup_score.rb by stored name; an unknown name has none (D3)."""
    match method:
        case "highest":
            return max(values)
        case "latest":
            return values[-1]
        case "average":
            return mean(values)
        case "n_mastery":
            return mastered(values, calculation_int, mastery_points)
        case "decaying_average" | "weighted_average":
            return weighted(values, calculation_int)
        case "standard_decaying_average":
            return decaying(values, calculation_int)
        case _:
            return None


def score(
    method: str | None, calculation_int: int | None, values: Sequence[float], mastery_points: float | None
) -> Decimal | None:
    """The score of values in time order, rounded once at the end (rollup_score.rb); absent method = highest (D3, D6)."""
    if not values:
        return None
    name = "highest" if method is None else method
    exact = unrounded(name, legal(name, calculation_int) or 0, values, mastery_points)
    return None if exact is None else rounded(exact)


def median(scores: Sequence[float]) -> Decimal:
    """Half of the sum of the two middle ones, or of the middle one twice: a double, not rounded."""
    ordered = sorted(scores)
    return Decimal(repr((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2))


def percentage(count: int, whole: int) -> int:
    """A whole percent, halves away from zero (result_analytics.rb, D15)."""
    return (200 * count + whole) // (2 * whole)


# --- points and levels


def falling(ratings: Iterable[Body]) -> list[Body]:
    """Ratings with points, the highest first, equal ones as listed (D7); deleted ones belong to no scale."""
    left = (rating for rating in ratings if rating.get("points") is not None and rating.get("workflow_state") != "deleted")
    return sorted(left, key=lambda rating: -rating["points"])


def own_points(criterion: Body) -> Points:
    """The points of an outcome's own criterion (D2)."""
    ratings = falling(criterion.get("ratings") or [])
    possible = double(criterion.get("points_possible"))
    if possible is None and ratings:
        possible = float(ratings[0]["points"])
    threshold = double(criterion.get("mastery_points"))
    return Points(possible, possible if threshold is None else threshold, ratings)


def level(ratings: Sequence[Body], reached: Decimal) -> int | None:
    """The place of the first rating, points falling, with points up to the score (result_analytics.rb, D7)."""
    return next((place for place, rating in enumerate(ratings) if rating["points"] <= float(reached)), None)


def levels(points: Points, scores: Sequence[Decimal]) -> list[Level]:
    """How many scores are on each level, and the percent of those on any (D15); a level is mastery if its points are."""
    places = [level(points.ratings, one) for one in scores]
    placed = sum(place is not None for place in places)
    return [
        Level(
            description=rating.get("description", ""),
            color=rating.get("color"),
            points=float(rating["points"]),
            mastery=points.mastery is not None and rating["points"] >= points.mastery,
            count=places.count(place),
            percent=percentage(places.count(place), placed) if placed else 0,
        )
        for place, rating in enumerate(points.ratings)
    ]


def scale_of(row: Version) -> Scale:
    """The scale in its row (outcome_proficiency.rb): full marks are its first rating, mastery its mastery rating."""
    ratings = falling(row.body["outcome_proficiency_ratings"])
    threshold = next(float(rating["points"]) for rating in ratings if rating.get("mastery"))
    context_type, context_id = place_of(row)
    return Scale(context_type, context_id, row.id, float(ratings[0]["points"]), threshold, ratings)


def place_of(row: Version) -> Place:
    """Who owns a scale or a calculation method; ids of courses and accounts overlap (account.rb)."""
    return row.body["context_type"], int(row.body["context_id"])


# --- results


def course_of(result: Version) -> int | None:
    """The course of a result, none where its context is no course (D1)."""
    return result.id_of("result_context_id") if result.body.get("result_context_type", "Course") == "Course" else None


def quiz_of(result: Version) -> int | None:
    """The quiz of a result, if it is a quiz result; of one that REST told, minus the assignment (D5)."""
    asset = result.id_of("associated_asset_id")
    if asset is None or result.body.get("artifact_type") != "Quizzes::QuizSubmission":
        return None
    return {"Quizzes::Quiz": asset, "Assignment": -asset}.get(result.body.get("associated_asset_type", ""))


def merged(rows: Sequence[Version]) -> float | None:
    """What the rows of one quiz are together: a percent weighed by `possible` (rollup_score_aggregator_helper.rb, D5)."""
    ordered = sorted(rows, key=lambda row: row.id)
    pairs = [(double(row.body.get("possible")), double(row.body.get("percent"))) for row in ordered]
    both = [(possible, percent) for possible, percent in pairs if possible is not None and percent is not None]
    whole = reduce(add, (possible for possible, _ in both), 0.0)
    return reduce(add, (possible * percent for possible, percent in both)) / whole if whole else None


def percents(rows: Sequence[Version], method: str) -> list[float | None]:
    """The percent of each row, in which rows of one quiz may share theirs (rollup_score_aggregator_helper.rb, D5)."""
    quizzes: dict[int, list[Version]] = defaultdict(list)
    for row in rows:
        if method in MERGING and (quiz := quiz_of(row)) is not None:
            quizzes[quiz].append(row)
    shared = {row.id: merged(members) for members in quizzes.values() for row in members}
    return [double(row.body.get("percent")) if shared.get(row.id) is None else shared[row.id] for row in rows]


def value(percent: float | None, raw: float | None, points: Points) -> float | None:
    """Its percent of the points, else its raw score; none where the points are unknown (rollup_score.rb, D2)."""
    if percent is None:
        return raw
    whole = points.mastery if points.possible is not None and points.possible <= 0 else points.possible
    return None if whole is None else percent * whole


def rolled(rows: Sequence[Version], how: Body, points: Points) -> Rollup | None:
    """The rollup of results in time order; none if they have no score (rollup_score.rb, result_analytics.rb)."""
    method: str = how.get("calculation_method", "highest")
    calculation_int = legal(method, how.get("calculation_int"))
    pairs = zip(percents(rows, method), rows, strict=True)
    told = [value(percent, double(row.body["score"]), points) for percent, row in pairs]
    values = [one for one in told if one is not None]
    reached = score(method, calculation_int, values, points.mastery) if len(values) == len(told) else None
    if reached is None:
        return None
    place = level(points.ratings, reached)
    rating = {} if place is None else points.ratings[place]
    return Rollup(
        score=reached,
        mastery=None if points.mastery is None else float(reached) >= points.mastery,
        rating=rating.get("description"),
        color=rating.get("color"),
        calculation_method=method,
        calculation_int=calculation_int,
        points_possible=points.possible,
        mastery_points=points.mastery,
        results=len(rows),
        last_assessed_at=max((time for row in rows if (time := moment(row.body.get("assessed_at")))), default=None),
    )


def summed(rollups: Sequence[Rollup], students: int, points: Points) -> Summary:
    """One outcome over the students who have a score for it (D15)."""
    scores = [rollup.score for rollup in rollups]
    doubles = [float(score) for score in scores]
    return Summary(
        mean=rounded(mean(doubles)),
        median=median(doubles),
        students=students,
        assessed=len(scores),
        mastered=sum(rollup.mastery is True for rollup in rollups),
        levels=levels(points, scores),
    )


def understood(told: Told) -> tuple[str, Version] | None:
    """The tenant and the version that an event tells; none for what is not stored or has no tenant or id."""
    metadata, body = told.event["metadata"], plain(told.event["body"])
    kind = re.sub(r"_(created|updated|backfilled)$", "", metadata["event_name"])
    tenant, event_time = metadata.get("root_account_uuid"), moment(metadata["event_time"])
    for uuid in ("uuid", "user_uuid"):
        if uuid in body and not body[uuid].strip():
            del body[uuid]  # it says nothing
    if kind in GLOBAL:
        body = owned(
            body, (number(metadata.get("root_account_id")) or 0) // SHARD or (number(body.get(IDS[kind])) or 0) // SHARD
        )
    key = number(body.get(IDS[kind])) if kind in IDS else None
    if tenant is None or key is None or event_time is None:
        return None
    return tenant, Version(
        kind=kind,
        id=key,
        event_time=event_time,
        updated=metadata["event_name"].endswith("_updated") or kind == "rubric_assessed",
        updated_at=moment(body.get("updated_at")) or BEGINNING,
        recorded_at=told.recorded_at,
        metadata=metadata,
        body=body,
    )
