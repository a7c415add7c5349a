"""A small Canvas on a real socket: what a school holds as plain dicts and lists, and what can go wrong on the way to it.

`async with School() as school:` serves `school.url` to the holder of `school.token`. Whatever a test puts into the dicts is
what the next request is told; `school.fail(...)` says what goes wrong next. Ids are local, as in Canvas' REST.
"""

import asyncio
import base64
import copy
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

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

Fault = Literal[
    "throttle",  # 403 with Canvas' text; all with `headers` are told these
    "429",
    "500",
    "503",
    "break",  # the connection, in the midst of the body
    "cut",  # half of the JSON, as if that were all
    "slow",  # the answer comes after `slow_seconds`
    "html",
    "shape",  # the first object has wrong members
    "forbidden",  # 403 for want of a right
    "forbidden401",  # the same of an older Canvas
    "elsewhere",  # a redirect; to `Location`
    "next",  # a next page; at `Target`
    "circle",  # the next page is this one
    "garbage",  # no HTTP
]


@dataclass
class Planned:
    """A fault that is to come."""

    kind: Fault
    path: re.Pattern[str]
    times: int
    headers: dict[str, str]


@dataclass
class Asked:
    """A request as it came."""

    path: str
    raw_path: str
    """With its query, and nothing unescaped."""
    url: str
    headers: dict[str, str] = field(repr=False)


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
class School:
    """A root account with two levels below, four courses, and all that is measured in them."""

    token: str = field(default="t0ken~of~the~school", repr=False)
    account_level_scales: bool = False
    """Whether the scales of accounts and courses stand in place of the outcomes' own."""
    page_size: int = 100
    """The server's own limit of `per_page`."""
    remaining: float = 600.0
    """What the headers say of the bucket."""
    date: str | None = None
    """What they say of the time; else the truth."""
    old: bool = False
    """A Canvas that knows no `assignment_id` of alignments."""
    unlisted: frozenset[int] = frozenset()
    """Assignments that it does not tell when it is asked for alignments, and whose alignments exist."""
    no_uuids: bool = False
    """The token's user may not see uuids of accounts."""
    all_rollups: bool = False
    """A Canvas whose pages of rollups are of the students of the page, and hold the rollups of all."""
    slow_seconds: float = 2.0
    """How long the fault `slow` takes."""
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
    """Only a context's own; a deleted one is not here."""
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
    """`sections`: those of each course that the student is in."""
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
    """Scores by course, user and outcome that stand in place of the computed ones."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    """Every request, in order."""
    planned: list[Planned] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    """Requests that were answered at the same time."""

    # Serving

    async def __aenter__(self) -> Self:
        self._hurry = asyncio.Event()
        app = web.Application(middlewares=[self._counted, self._going_wrong, self._as_canvas])
        app.add_routes([web.get(f"/api/v1/{path}", answer) for path, answer in self._routes().items()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hurry.set()
        await self._runner.cleanup()

    def fail(self, kind: Fault, *, times: int = 1, path: str = "", **headers: str) -> None:
        """The next `times` requests whose path has `path` (a regular expression) in it go wrong; `headers`: said besides."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.planned.append(Planned(kind, re.compile(path), times, named))

    def requests(self, path: str = "") -> list[Asked]:
        """Those whose path has `path` (a regular expression) in it."""
        return [asked for asked in self.asked if re.search(path, asked.path)]

    def copy(self) -> "School":
        """Another Canvas with the same content, not serving yet."""
        data = {name: copy.deepcopy(value) for name, value in vars(self).items() if not name.startswith("_")}
        return School(**(data | {"url": "", "asked": [], "planned": [], "running": 0, "most_at_once": 0}))

    @property
    def _bucket(self) -> dict[str, str]:
        told = {"X-Rate-Limit-Remaining": str(self.remaining), "X-Request-Cost": "0.25"}
        return told if self.date is None else told | {"Date": self.date}

    @web.middleware
    async def _counted(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(0)  # so that those that come together meet
            return await handler(request)
        finally:
            self.running -= 1

    @web.middleware
    async def _going_wrong(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(Asked(request.path, request.raw_path, str(request.url), dict(request.headers)))
        plan = next((plan for plan in self.planned if plan.times and plan.path.search(request.path)), None)
        if plan is None:
            return await handler(request)
        plan.times -= 1
        match plan.kind:
            case "throttle":
                told = {"X-Rate-Limit-Remaining": "0.0"} | plan.headers
                return web.Response(status=403, text="403 Forbidden (Rate Limit Exceeded)\n", headers=told)
            case "429" | "500" | "503":
                return web.json_response({"errors": [{"message": "later"}]}, status=int(plan.kind), headers=plan.headers)
            case "forbidden" | "forbidden401":
                said = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
                return web.json_response(said, status=401 if plan.kind == "forbidden401" else 403)
            case "garbage":
                assert request.transport is not None
                request.transport.write(b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n")
                request.transport.close()
                return web.Response()
            case "html":
                return web.Response(text="<html>Log in</html>", content_type="text/html")
            case "slow":
                await asyncio.wait([asyncio.ensure_future(self._hurry.wait())], timeout=self.slow_seconds)
                return await handler(request)
            case "elsewhere":
                return web.Response(status=302, headers=plan.headers)
            case "next" | "circle":
                response = await handler(request)
                target = plan.headers["Target"] if plan.kind == "next" else str(request.url)
                response.headers["Link"] = f'<{target}>; rel="next"'
                return response
            case "shape":
                response = await handler(request)
                assert isinstance(response, web.Response)
                return web.json_response(_misshapen(json.loads(response.text or "")), headers=self._bucket)
            case "break" | "cut":
                response = await handler(request)
                assert isinstance(response, web.Response)
                return await self._half(request, response, whole=plan.kind == "cut")

    async def _half(self, request: web.Request, told: web.Response, *, whole: bool) -> web.StreamResponse:
        """Half of the answer; `whole`: as if that were all, else the connection breaks in the middle."""
        assert isinstance(told.body, bytes)
        half = told.body[: len(told.body) // 2]
        if whole:
            return web.Response(body=half, content_type="application/json")
        broken = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(told.body))})
        await broken.prepare(request)
        await broken.write(half)
        assert request.transport is not None
        request.transport.close()
        return broken

    @web.middleware
    async def _as_canvas(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response(
                {"errors": [{"message": "Invalid access token."}]},
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'},
            )
        try:
            return await handler(request)
        except (web.HTTPNotFound, KeyError):
            message = "The specified resource does not exist."
            return web.json_response({"errors": [{"message": message}]}, status=404, headers=self._bucket)
        except web.HTTPBadRequest as error:
            return web.json_response({"message": error.reason}, status=400, headers=self._bucket)

    # What is answered

    def _routes(self) -> dict[str, Callable[[web.Request], Awaitable[web.Response]]]:
        contexts = r"{context:accounts|courses}/{id:\d+}"
        return {
            "accounts": self._accounts,
            r"accounts/{id:\d+}": self._account,
            r"accounts/{id:\d+}/sub_accounts": self._sub_accounts,
            r"accounts/{id:\d+}/courses": self._courses,
            r"outcomes/{id:\d+}": self._outcome,
            f"{contexts}/outcome_groups": self._outcome_groups,
            f"{contexts}/outcome_group_links": self._outcome_group_links,
            f"{contexts}/outcome_proficiency": self._outcome_proficiency,
            f"{contexts}/grading_standards": self._grading_standards,
            contexts + r"/grading_standards/{standard:\d+}": self._grading_standard,
            r"courses/{id:\d+}/outcome_alignments": self._outcome_alignments,
            r"courses/{id:\d+}/outcome_results": self._outcome_results,
            r"courses/{id:\d+}/outcome_rollups": self._outcome_rollups,
        }

    def _told(self, request: web.Request, value: Any, **headers: str) -> web.Response:
        strings = "application/json+canvas-string-ids" in request.headers.get("Accept", "")
        text = json.dumps(with_string_ids(value) if strings else value)
        return web.Response(text=text, content_type="application/json", headers=self._bucket | headers)

    def _page(
        self, request: web.Request, items: list[Row], wrap: Callable[[list[Row]], Any] = lambda page: page
    ) -> web.Response:
        size = min(int(request.query.get("per_page", 10)), self.page_size)
        page = request.query.get("page", "first")
        start = int(base64.b64decode(page.removeprefix("bookmark:"))) if page.startswith("bookmark:") else 0
        links = [("current", start), ("next", start + size), ("prev", start - size), ("first", 0)]
        shown = [
            f'<{request.url.update_query(page=_bookmark(at), per_page=size)}>; rel="{name}"'
            for name, at in links
            if 0 <= at < max(len(items), 1)
        ]
        return self._told(request, wrap(items[start : start + size]), link=",".join(shown))

    def _shown_account(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if name != "uuid" or not self.no_uuids}

    def _active_account(self, id_: int) -> Row:
        if self.accounts[id_]["workflow_state"] == "deleted":
            raise web.HTTPNotFound
        return self.accounts[id_]

    def _below(self, account_id: int) -> set[int]:
        found, more = {account_id}, True
        while more:
            next_ = {id_ for id_, row in self.accounts.items() if row["parent_account_id"] in found and id_ not in found}
            found, more = found | next_, bool(next_)
        return found

    def place(self, request: web.Request) -> Place:
        """The context that was asked in, if there is one."""
        id_ = int(request.match_info["id"])
        if request.match_info.get("context") == "accounts":
            self._active_account(id_)
            return "Account", id_
        if self.courses[id_]["workflow_state"] == "deleted":
            raise web.HTTPNotFound
        return "Course", id_

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

    async def _accounts(self, request: web.Request) -> web.Response:
        roots = [row for row in self.accounts.values() if row["parent_account_id"] is None]
        return self._page(request, [self._shown_account(row) for row in roots if row["workflow_state"] != "deleted"])

    async def _account(self, request: web.Request) -> web.Response:
        return self._told(request, self._shown_account(self._active_account(int(request.match_info["id"]))))

    async def _sub_accounts(self, request: web.Request) -> web.Response:
        above = self._active_account(int(request.match_info["id"]))["id"]
        wide = request.query.get("recursive") == "true"
        ids = self._below(above) - {above}
        rows = [self.accounts[id_] for id_ in sorted(ids) if wide or self.accounts[id_]["parent_account_id"] == above]
        return self._page(request, [self._shown_account(row) for row in rows if row["workflow_state"] != "deleted"])

    async def _courses(self, request: web.Request) -> web.Response:
        ids = self._below(self._active_account(int(request.match_info["id"]))["id"])
        everything = "all" in request.query.getall("state[]", [])
        rows = [row for row in self.courses.values() if row["account_id"] in ids]
        return self._page(request, [row for row in rows if everything or row["workflow_state"] != "deleted"])

    def _shown_outcome(self, row: Row, place: Place | None, *, full: bool = True) -> Row:
        names = ["id", "context_type", "context_id", "vendor_guid", "display_name", "title"]
        shown = {name: row[name] for name in names}
        shown |= {"url": f"/api/v1/outcomes/{row['id']}", "can_edit": True, "has_updateable_rubrics": False}
        if not full:
            return shown
        shown["description"] = row["description"]
        shown["assessed"] = any(result["outcome_id"] == row["id"] for result in self.results.values())
        if not self.account_level_scales:
            shown |= {name: row[name] for name in ("points_possible", "mastery_points", "ratings", "calculation_method")}
            method, number = row["calculation_method"], row["calculation_int"]
        elif place is None:
            return shown
        else:
            points = self.points(row, place)
            shown |= {"points_possible": points[0], "mastery_points": points[1], "ratings": points[2]}
            method, number = next((self.methods[one] for one in self.above(place) if one in self.methods), ("highest", None))
        shown["calculation_method"] = method
        if method not in ("highest", "latest", "average"):
            shown["calculation_int"] = number
        return shown

    def points(self, outcome: Row, place: Place) -> tuple[float, float, list[Row]]:
        """Points possible, points of mastery and levels that an outcome is judged by in a context."""
        if self.account_level_scales and (scale := self.scale(place)):
            return scale[0]["points"], next(rating["points"] for rating in scale if rating["mastery"]), scale
        return outcome["points_possible"], outcome["mastery_points"], outcome["ratings"]

    async def _outcome(self, request: web.Request) -> web.Response:
        row = self.outcomes[int(request.match_info["id"])]
        if row["workflow_state"] != "active":
            raise web.HTTPNotFound
        return self._told(request, self._shown_outcome(row, None))

    def _shown_group(self, row: Row, *, full: bool = True) -> Row:
        above = f"/api/v1/{row['context_type'].lower()}s/{row['context_id']}" if row["context_id"] else "/api/v1/global"
        url = f"{above}/outcome_groups/{row['id']}"
        shown = {name: row[name] for name in ("id", "title", "vendor_guid")} | {
            "url": url,
            "subgroups_url": f"{url}/subgroups",
            "outcomes_url": f"{url}/outcomes",
            "can_edit": True,
        }
        if not full:
            return shown
        shown |= {"import_url": f"{url}/import"} | {name: row[name] for name in ("context_id", "context_type", "description")}
        if row["parent_id"] is not None:
            shown["parent_outcome_group"] = self._shown_group(self.groups[row["parent_id"]], full=False)
        return shown

    async def _outcome_groups(self, request: web.Request) -> web.Response:
        place = self.place(request)
        rows = [row for row in self.groups.values() if (row["context_type"], row["context_id"]) == place]
        return self._page(request, [self._shown_group(row) for row in rows if row["workflow_state"] == "active"])

    async def _outcome_group_links(self, request: web.Request) -> web.Response:
        place = self.place(request)
        return self._page(
            request,
            [
                {
                    "context_type": row["context_type"],
                    "context_id": row["context_id"],
                    "url": f"{request.path.removesuffix('_links')}s/{row['group_id']}/outcomes/{row['outcome_id']}",
                    "outcome_group": self._shown_group(
                        self.groups[row["group_id"]], full=request.query.get("outcome_group_style") == "full"
                    ),
                    "outcome": self._shown_outcome(
                        self.outcomes[row["outcome_id"]], place, full=request.query.get("outcome_style") == "full"
                    ),
                    "assessed": False,
                    "can_unlink": True,
                }
                for row in self.links
                if (row["context_type"], row["context_id"]) == place
                and row["workflow_state"] == "active"
                and self.outcomes[row["outcome_id"]]["workflow_state"] != "deleted"
            ],
        )

    async def _outcome_proficiency(self, request: web.Request) -> web.Response:
        scale = self.scale(self.place(request))
        if scale is None:
            raise web.HTTPNotFound
        return self._told(request, {"ratings": scale})

    def _shown_standard(self, row: Row) -> Row:
        factor = row["scaling_factor"] if row["points_based"] else 100
        scheme = [entry | {"calculated_value": round(entry["value"] * factor, 4)} for entry in row["grading_scheme"]]
        return {name: value for name, value in row.items() if name != "workflow_state"} | {"grading_scheme": scheme}

    def _standards(self, place: Place) -> list[Row]:
        rows = [row for row in self.grading_standards.values() if (row["context_type"], row["context_id"]) == place]
        return [self._shown_standard(row) for row in rows if row["workflow_state"] != "deleted"]

    async def _grading_standards(self, request: web.Request) -> web.Response:
        return self._page(request, self._standards(self.place(request)))

    async def _grading_standard(self, request: web.Request) -> web.Response:
        found = [row for row in self._standards(self.place(request)) if row["id"] == int(request.match_info["standard"])]
        if not found:
            raise web.HTTPNotFound
        return self._told(request, found[0])

    async def _outcome_alignments(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        student, assignment = request.query.get("student_id"), request.query.get("assignment_id")
        if student is None and (assignment is None or self.old):
            raise web.HTTPBadRequest(reason="student_id is required")
        if student is not None and course not in self.users[int(student)]["sections"]:
            return self._told(request, [])
        if assignment is not None:
            row = self.assignments[int(assignment)]
            if row["course_id"] != course or row["workflow_state"] == "deleted":
                raise web.HTTPNotFound
        shown = []
        for one in self.alignments:
            row = self.assignments[one["assignment_id"]]
            if row["course_id"] != course or row["workflow_state"] == "deleted" or assignment not in (None, str(row["id"])):
                continue
            if row["id"] in self.unlisted:
                continue
            shown.append(
                {
                    "learning_outcome_id": one["outcome_id"],
                    "title": row["title"],
                    "assignment_id": row["id"],
                    "submission_types": "online_text_entry",
                    "url": f"{self.url}/courses/{course}/assignments/{row['id']}",
                }
            )
        return self._told(request, shown)

    def _counting(self, course: int, request: web.Request, *, hidden: bool) -> list[Row]:
        """Active results with an alignment, in Canvas' order."""
        users = request.query.getall("user_ids[]", [])
        outcomes = request.query.getall("outcome_ids[]", [])
        aligned = {(one["assignment_id"], one["outcome_id"]) for one in self.alignments}
        rows = [
            row
            for row in self.results.values()
            if row["course_id"] == course
            and row["workflow_state"] == "active"
            and (hidden or not row["hidden"])
            and (row["assignment_id"], row["outcome_id"]) in aligned
            and self.assignments[row["assignment_id"]]["workflow_state"] != "deleted"
            and self.outcomes[row["outcome_id"]]["workflow_state"] != "deleted"
            and course in self.users[row["user_id"]]["sections"]
            and (not users or str(row["user_id"]) in users)
            and (not outcomes or str(row["outcome_id"]) in outcomes)
        ]
        return sorted(rows, key=lambda row: (row["user_id"], row["outcome_id"], row["id"] or 0))

    async def _outcome_results(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        names = ["id", "score", "possible", "percent", "mastery", "hidden", "hide_points", "submitted_or_assessed_at"]
        rows = self._counting(course, request, hidden=request.query.get("include_hidden") == "true")
        shown = [
            {name: row[name] for name in names}
            | {
                "links": {
                    "user": str(row["user_id"]),
                    "learning_outcome": str(row["outcome_id"]),
                    "alignment": row.get("alignment", f"assignment_{row['assignment_id']}"),
                    "assignment": f"assignment_{row['assignment_id']}",
                }
            }
            for row in rows
        ]
        return self._page(request, shown, lambda page: {"outcome_results": page})

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

    async def _outcome_rollups(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        rows = [row for row in self._counting(course, request, hidden=False) if row["score"] is not None]
        scores: dict[int, dict[int, Row]] = {id_: {} for id_, user in self.users.items() if course in user["sections"]}
        for user_id, outcome_id in sorted({(row["user_id"], row["outcome_id"]) for row in rows}):
            mine = [row for row in rows if (row["user_id"], row["outcome_id"]) == (user_id, outcome_id)]
            scores.setdefault(user_id, {})[outcome_id] = {
                "score": self.score(course, user_id, outcome_id, mine),
                "title": self.assignments[mine[-1]["assignment_id"]]["title"],
                "submitted_at": max(row["submitted_or_assessed_at"] for row in mine),
                "count": len(mine),
                "hide_points": False,
                "links": {"outcome": str(outcome_id)},
            }
        if request.query.get("aggregate") == "course":
            return self._told(request, {"rollups": [self._aggregate(course, scores, request.query.get("aggregate_stat"))]})
        chosen = request.query.getall("user_ids[]", [])
        shown = [
            {
                "name": self.users[user_id]["name"],
                "scores": list(found.values()),
                "links": {"user": str(user_id), "section": str(section)},
            }
            for user_id, found in scores.items()
            if not chosen or str(user_id) in chosen
            for section in self.users[user_id]["sections"][course]
        ]
        return self._page(request, shown, lambda page: {"rollups": shown if self.all_rollups else page})

    def _aggregate(self, course: int, scores: dict[int, dict[int, Row]], stat: str | None) -> Row:
        shown = []
        for outcome_id in sorted({outcome_id for found in scores.values() for outcome_id in found}):
            told = [found[outcome_id] for found in scores.values() if outcome_id in found]
            values = [row["score"] for row in told if row["score"] is not None]
            if values:
                exact = [Decimal(str(value)) for value in values]
                score = reference.median(exact) if stat == "median" else reference.rounded(reference.mean(values))
                row = {"score": float(score), "count": len(values), "links": {"outcome": str(outcome_id)}}
                shown.append(row | {"title": None, "submitted_at": None, "hide_points": False})
        return {"name": self.courses[course]["name"], "scores": shown, "links": {"course": str(course)}}


def _bookmark(start: int) -> str:
    return f"bookmark:{base64.b64encode(str(start).encode()).decode()}"


def with_string_ids(value: Any) -> Any:
    """Integers called `id` or `..._id` as strings, at any depth."""
    if isinstance(value, list):
        return [with_string_ids(one) for one in value]
    if isinstance(value, dict):
        return {
            name: str(one)
            if (name == "id" or name.endswith("_id")) and isinstance(one, int) and not isinstance(one, bool)
            else with_string_ids(one)
            for name, one in value.items()
        }
    return value


def _misshapen(value: Any) -> Any:
    """The same, but that the first object at the end of the way has a secret in place of a member."""
    if isinstance(value, list):
        return [_misshapen(value[0]), *value[1:]] if value else {"secret": "content"}
    if isinstance(value, dict):
        name = next((name for name in ("outcome_results", "rollups", "ratings") if name in value), None)
        if name is not None:
            return value | {name: _misshapen(value[name])}
        return {member: {"secret": "content"} for member in value}
    return value
