"""The content of a small school, as plain dicts and lists."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests import reference

Row = dict[str, Any]
Place = tuple[str, int]
"""A context: `Account` or `Course`, and its id."""

ROOT, DISTRICT, HIGH, ELEMENTARY = 1, 2, 3, 4
"""Accounts: the root, one below it, and two below that one."""
ALGEBRA, BIOLOGY, READING, STAFF = 101, 102, 103, 104
"""Courses: two of the high school, one of the elementary school, one of the district, not published."""
FRACTIONS, EQUATIONS, EVIDENCE, PHONICS, GRAPHS, RETIRED = 201, 202, 203, 204, 205, 206
"""Outcomes: two of the root, one of the high school, one of the reading course, one of the algebra course, a deleted one."""
ANN, BEN, CEM, DORA = 501, 502, 503, 504
"""Students; Ann sits in two sections of algebra."""
UUID = "ROOT0000000000000000000000000000000000GV"


def _rating(description: str, points: float, color: str, *, mastery: bool = False) -> Row:
    return {"description": description, "points": points, "mastery": mastery, "color": color}


def four_levels() -> list[Row]:
    """Canvas' own scale, without its lowest level."""
    return [
        _rating("Exceeds Mastery", 4.0, "0374B5"),
        _rating("Mastery", 3.0, "0B874B", mastery=True),
        _rating("Near Mastery", 2.0, "FAB901"),
        _rating("Below Mastery", 1.0, "D97900"),
    ]


def _account(id_: int, name: str, parent: int | None) -> Row:
    return {
        "id": id_,
        "name": name,
        "uuid": UUID if parent is None else f"ACCOUNT{id_:033}",
        "parent_account_id": parent,
        "root_account_id": None if parent is None else ROOT,
        "workflow_state": "active",
        "default_time_zone": "America/Denver",
        "default_storage_quota_mb": 500,
    }


def _course(id_: int, name: str, account: int, state: str = "available") -> Row:
    return {
        "id": id_,
        "name": name,
        "course_code": name[:3].upper(),
        "uuid": f"COURSE{id_:034}",
        "account_id": account,
        "root_account_id": ROOT,
        "workflow_state": state,
        "created_at": "2024-08-01T09:00:00Z",
        "enrollment_term_id": 1201,
        "start_at": None,
        "end_at": "2025-06-01T00:00:00Z",
        "sis_course_id": f"SIS-{id_}",
    }


def _outcome(id_: int, title: str, place: Place, **members: Any) -> Row:
    return {
        "id": id_,
        "title": title,
        "display_name": None,
        "description": f"<p>{title}</p>",
        "vendor_guid": f"guid-{id_}",
        "context_type": place[0],
        "context_id": place[1],
        "points_possible": 5.0,
        "mastery_points": 3.0,
        "ratings": [
            {"description": "Exceeds", "points": 5.0},
            {"description": "Meets", "points": 3.0},
            {"description": "Does not meet", "points": 0.0},
        ],
        "calculation_method": "highest",
        "calculation_int": None,
        "workflow_state": "active",
    } | members


def _group(id_: int, title: str, place: Place, parent: int | None = None) -> Row:
    return {
        "id": id_,
        "title": title,
        "description": None,
        "vendor_guid": None,
        "context_type": place[0],
        "context_id": place[1],
        "parent_id": parent,
        "workflow_state": "active",
    }


def _link(place: Place, group: int, outcome: int) -> Row:
    return {
        "context_type": place[0],
        "context_id": place[1],
        "group_id": group,
        "outcome_id": outcome,
        "workflow_state": "active",
    }


def _result(id_: int, course: int, user: int, outcome: int, assignment: int, score: float, day: int) -> Row:
    return {
        "id": id_,
        "course_id": course,
        "user_id": user,
        "outcome_id": outcome,
        "assignment_id": assignment,
        "score": score,
        "possible": 5.0,
        "percent": score / 5,
        "mastery": score >= 3,
        "hidden": False,
        "hide_points": False,
        "submitted_or_assessed_at": f"2025-03-{day:02}T10:00:00Z",
        "workflow_state": "active",
    }


def _standard(id_: int, title: str, place: Place, *bounds: tuple[str, float], points: float | None = None) -> Row:
    return {
        "id": id_,
        "title": title,
        "context_type": place[0],
        "context_id": place[1],
        "points_based": points is not None,
        "scaling_factor": points or 1.0,
        "grading_scheme": [{"name": name, "value": value} for name, value in bounds],
        "workflow_state": "active",
    }


@dataclass
class Content:
    """A root account with two levels below, four courses, and what they measure; ids are local, as in REST."""

    account_level_scales: bool = False
    """Whether scales of accounts and courses replace the outcomes' own."""
    accounts: dict[int, Row] = field(
        default_factory=lambda: {
            ROOT: _account(ROOT, "Green Valley", None),
            DISTRICT: _account(DISTRICT, "North District", ROOT),
            HIGH: _account(HIGH, "North High School", DISTRICT),
            ELEMENTARY: _account(ELEMENTARY, "North Elementary", DISTRICT),
        }
    )
    courses: dict[int, Row] = field(
        default_factory=lambda: {
            ALGEBRA: _course(ALGEBRA, "Algebra", HIGH),
            BIOLOGY: _course(BIOLOGY, "Biology", HIGH),
            READING: _course(READING, "Reading", ELEMENTARY),
            STAFF: _course(STAFF, "Staff Room", DISTRICT, "unpublished"),
        }
    )
    outcomes: dict[int, Row] = field(
        default_factory=lambda: {
            FRACTIONS: _outcome(FRACTIONS, "Fractions", ("Account", ROOT)),
            EQUATIONS: _outcome(
                EQUATIONS, "Equations", ("Account", ROOT), calculation_method="decaying_average", calculation_int=65
            ),
            EVIDENCE: _outcome(EVIDENCE, "Evidence", ("Account", HIGH), calculation_method="latest"),
            PHONICS: _outcome(PHONICS, "Phonics", ("Course", READING), calculation_method="n_mastery", calculation_int=2),
            GRAPHS: _outcome(GRAPHS, "Graphs", ("Course", ALGEBRA), display_name="Reading graphs"),
            RETIRED: _outcome(RETIRED, "Slide rules", ("Account", ROOT), workflow_state="deleted"),
        }
    )
    groups: dict[int, Row] = field(
        default_factory=lambda: {
            301: _group(301, "Green Valley", ("Account", ROOT)),
            302: _group(302, "Mathematics", ("Account", ROOT), 301),
            303: _group(303, "North High School", ("Account", HIGH)),
            304: _group(304, "Algebra", ("Course", ALGEBRA)),
            305: _group(305, "Reading", ("Course", READING)),
            306: _group(306, "Biology", ("Course", BIOLOGY)),
        }
    )
    links: list[Row] = field(
        default_factory=lambda: [
            _link(("Account", ROOT), 302, FRACTIONS),
            _link(("Account", ROOT), 302, EQUATIONS),
            _link(("Account", HIGH), 303, EVIDENCE),
            _link(("Course", ALGEBRA), 304, EQUATIONS),
            _link(("Course", ALGEBRA), 304, FRACTIONS),
            _link(("Course", ALGEBRA), 304, GRAPHS),
            _link(("Course", BIOLOGY), 306, EVIDENCE),
            _link(("Course", READING), 305, PHONICS),
        ]
    )
    scales: dict[Place, list[Row]] = field(
        default_factory=lambda: {
            ("Account", ROOT): four_levels(),
            ("Account", HIGH): [_rating("Got it", 10.0, "0B874B", mastery=True), _rating("Not yet", 0.0, "E0061F")],
            ("Course", READING): [
                _rating("Reads", 3.0, "0B874B"),
                _rating("Spells", 2.0, "FAB901", mastery=True),
                _rating("Guesses", 0.5, "E0061F"),
            ],
        }
    )
    """Only a context's own, without deleted ones."""
    methods: dict[Place, tuple[str, int | None]] = field(default_factory=dict)
    """Methods of accounts and courses: name and number."""
    grading_standards: dict[int, Row] = field(
        default_factory=lambda: {
            401: _standard(401, "Letters", ("Account", ROOT), ("A", 0.9), ("B", 0.8), ("C", 0.545), ("F", 0.0)),
            402: _standard(402, "Pass or fail", ("Account", HIGH), ("Pass", 0.6), ("Fail", 0.0)),
            403: _standard(403, "Stars", ("Course", READING), ("***", 0.75), ("**", 0.25), ("*", 0.0), points=4.0),
        }
    )
    assignments: dict[int, Row] = field(
        default_factory=lambda: {
            601: {"id": 601, "course_id": ALGEBRA, "title": "Essay on zero", "workflow_state": "published"},
            602: {"id": 602, "course_id": ALGEBRA, "title": "Midterm", "workflow_state": "published"},
            603: {"id": 603, "course_id": BIOLOGY, "title": "Leaf", "workflow_state": "published"},
            604: {"id": 604, "course_id": READING, "title": "First book", "workflow_state": "published"},
        }
    )
    alignments: list[Row] = field(
        default_factory=lambda: [
            {"assignment_id": 601, "outcome_id": EQUATIONS},
            {"assignment_id": 601, "outcome_id": FRACTIONS},
            {"assignment_id": 602, "outcome_id": EQUATIONS},
            {"assignment_id": 602, "outcome_id": GRAPHS},
            {"assignment_id": 603, "outcome_id": EVIDENCE},
            {"assignment_id": 604, "outcome_id": PHONICS},
        ]
    )
    users: dict[int, Row] = field(
        default_factory=lambda: {
            ANN: {"id": ANN, "name": "Ann Ash", "uuid": f"USER{ANN:036}", "sections": {ALGEBRA: [701, 702], BIOLOGY: [703]}},
            BEN: {"id": BEN, "name": "Ben Birch", "uuid": f"USER{BEN:036}", "sections": {ALGEBRA: [701], BIOLOGY: [703]}},
            CEM: {"id": CEM, "name": "Cem Cedar", "uuid": f"USER{CEM:036}", "sections": {ALGEBRA: [702]}},
            DORA: {"id": DORA, "name": "Dora Dogwood", "uuid": f"USER{DORA:036}", "sections": {READING: [704]}},
        }
    )
    """`sections`: the student's, by course."""
    results: dict[int, Row] = field(
        default_factory=lambda: {
            row["id"]: row
            for row in (
                _result(801, ALGEBRA, ANN, EQUATIONS, 601, 2.0, 3),
                _result(802, ALGEBRA, ANN, EQUATIONS, 602, 4.0, 10),
                _result(803, ALGEBRA, ANN, FRACTIONS, 601, 5.0, 3),
                _result(804, ALGEBRA, BEN, EQUATIONS, 601, 3.0, 4),
                _result(805, ALGEBRA, BEN, GRAPHS, 602, 1.0, 11),
                _result(806, ALGEBRA, CEM, EQUATIONS, 602, 2.5, 11),
                _result(807, BIOLOGY, ANN, EVIDENCE, 603, 4.0, 5),
                _result(808, READING, DORA, PHONICS, 604, 3.0, 6),
            )
        }
    )
    rollups: dict[tuple[int, int, int], float | None] = field(default_factory=dict)
    """Scores by course, user and outcome that replace the computed ones."""

    def below(self, account_id: int) -> set[int]:
        """The account and all below it."""
        found, more = {account_id}, True
        while more:
            next_ = {id_ for id_, row in self.accounts.items() if row["parent_account_id"] in found and id_ not in found}
            found, more = found | next_, bool(next_)
        return found

    def above(self, place: Place) -> Iterable[Place]:
        """The context and all above it, the nearest first."""
        account_id: int | None = place[1]
        if place[0] == "Course":
            yield place
            account_id = self.courses[place[1]]["account_id"]
        while account_id is not None:
            yield "Account", account_id
            account_id = self.accounts[account_id]["parent_account_id"]

    def scale(self, place: Place) -> list[Row] | None:
        """The scale in force: the nearest one."""
        return next((self.scales[one] for one in self.above(place) if one in self.scales), None)

    def points(self, outcome: Row, place: Place) -> tuple[float, float, list[Row]]:
        """Points possible, mastery points and levels of an outcome in a context."""
        if self.account_level_scales and (scale := self.scale(place)):
            return scale[0]["points"], next(rating["points"] for rating in scale if rating["mastery"]), scale
        return outcome["points_possible"], outcome["mastery_points"], outcome["ratings"]

    def score(self, course: int, user: int, outcome: int, rows: list[Row]) -> float | None:
        """The score of results, as given or as Canvas computes it."""
        if (course, user, outcome) in self.rollups:
            return self.rollups[course, user, outcome]
        row, place = self.outcomes[outcome], ("Course", course)
        possible, mastery, _ = self.points(row, place)
        method, number = row["calculation_method"], row["calculation_int"]
        if self.account_level_scales:
            method, number = next((self.methods[one] for one in self.above(place) if one in self.methods), ("highest", None))
        newest_last = sorted(rows, key=lambda row: (row["submitted_or_assessed_at"], row["id"] or 0))
        values = [one["percent"] * possible for one in newest_last]
        found = reference.score(method, number, values, mastery)
        return None if found is None else float(found)
