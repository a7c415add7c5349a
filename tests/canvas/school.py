"""A small Canvas on a real socket."""

import asyncio
import base64
import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.canvas.content import Place, Row
from tests.canvas.faults import Faulty
from tests.canvas.people import People


@dataclass
class School(People, Faulty):
    """Answers as Canvas does, from the school's content.

    `async with School() as school:` serves `school.url` to the holder of `school.token`. The next request sees what a test
    puts into the dicts; `school.fail(...)` plans faults.
    """

    token: str = field(default="t0ken~of~the~school", repr=False)
    page_size: int = 100
    """The server's own limit of `per_page`."""
    old: bool = False
    """An older Canvas: alignments have no `assignment_id` filter."""
    unlisted: frozenset[int] = frozenset()
    """Assignments whose alignments exist but are not listed."""
    no_uuids: bool = False
    """The token's user may not see uuids of accounts."""
    all_rollups: bool = False
    """A Canvas whose pages count students, and each hold all rollups."""
    url: str = ""

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

    def copy(self) -> "School":
        """Another Canvas with the same content, not serving yet."""
        data = {name: copy.deepcopy(value) for name, value in vars(self).items() if not name.startswith("_")}
        return School(**(data | {"url": "", "asked": [], "planned": [], "running": 0, "most_at_once": 0}))

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

    # Answers

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
            r"courses/{id:\d+}/outcome_alignments": self._outcome_alignments,
            r"courses/{id:\d+}/outcome_results": self._outcome_results,
            r"courses/{id:\d+}/outcome_rollups": self._outcome_rollups,
            **self._people_routes(),
        }

    def _answer(self, request: web.Request, value: Any, **headers: str) -> web.Response:
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
        return self._answer(request, wrap(items[start : start + size]), link=",".join(shown))

    def _shown_account(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if name != "uuid" or not self.no_uuids}

    def _active_account(self, id_: int) -> Row:
        if self.accounts[id_]["workflow_state"] == "deleted":
            raise web.HTTPNotFound
        return self.accounts[id_]

    def place(self, request: web.Request) -> Place:
        """The request's context, if it exists."""
        id_ = int(request.match_info["id"])
        if request.match_info.get("context") == "accounts":
            self._active_account(id_)
            return "Account", id_
        if self.courses[id_]["workflow_state"] == "deleted":
            raise web.HTTPNotFound
        return "Course", id_

    async def _accounts(self, request: web.Request) -> web.Response:
        roots = [row for row in self.accounts.values() if row["parent_account_id"] is None]
        return self._page(request, [self._shown_account(row) for row in roots if row["workflow_state"] != "deleted"])

    async def _account(self, request: web.Request) -> web.Response:
        return self._answer(request, self._shown_account(self._active_account(int(request.match_info["id"]))))

    async def _sub_accounts(self, request: web.Request) -> web.Response:
        above = self._active_account(int(request.match_info["id"]))["id"]
        wide = request.query.get("recursive") == "true"
        ids = self.below(above) - {above}
        rows = [self.accounts[id_] for id_ in sorted(ids) if wide or self.accounts[id_]["parent_account_id"] == above]
        return self._page(request, [self._shown_account(row) for row in rows if row["workflow_state"] != "deleted"])

    async def _courses(self, request: web.Request) -> web.Response:
        ids = self.below(self._active_account(int(request.match_info["id"]))["id"])
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

    async def _outcome(self, request: web.Request) -> web.Response:
        row = self.outcomes[int(request.match_info["id"])]
        if row["workflow_state"] != "active":
            raise web.HTTPNotFound
        return self._answer(request, self._shown_outcome(row, None))

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
        return self._answer(request, {"ratings": scale})

    def _shown_standard(self, row: Row) -> Row:
        factor = row["scaling_factor"] if row["points_based"] else 100
        scheme = [entry | {"calculated_value": round(entry["value"] * factor, 4)} for entry in row["grading_scheme"]]
        return {name: value for name, value in row.items() if name != "workflow_state"} | {"grading_scheme": scheme}

    def _standards(self, place: Place) -> list[Row]:
        rows = [row for row in self.grading_standards.values() if (row["context_type"], row["context_id"]) == place]
        return [self._shown_standard(row) for row in rows if row["workflow_state"] != "deleted"]

    async def _grading_standards(self, request: web.Request) -> web.Response:
        return self._page(request, self._standards(self.place(request)))

    async def _outcome_alignments(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        student, assignment = request.query.get("student_id"), request.query.get("assignment_id")
        if student is None and (assignment is None or self.old):
            raise web.HTTPBadRequest(reason="student_id is required")
        if student is not None and course not in self.users[int(student)]["sections"]:
            return self._answer(request, [])
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
        return self._answer(request, shown)

    def _counting(self, course: int, request: web.Request) -> list[Row]:
        """Active results with an alignment, in Canvas' order."""
        hidden = request.query.get("include_hidden") == "true"
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
        ]
        return sorted(rows, key=lambda row: (row["user_id"], row["outcome_id"], row["id"] or 0))

    async def _outcome_results(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        names = ["id", "score", "possible", "percent", "mastery", "hidden", "hide_points", "submitted_or_assessed_at"]
        rows = self._counting(course, request)
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

    async def _outcome_rollups(self, request: web.Request) -> web.Response:
        course = self.place(request)[1]
        rows = [row for row in self._counting(course, request) if row["score"] is not None]
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
        shown = [
            {
                "name": self.users[user_id]["name"],
                "scores": list(found.values()),
                "links": {"user": str(user_id), "section": str(section)},
            }
            for user_id, found in scores.items()
            for section in self.users[user_id]["sections"][course]
        ]
        return self._page(request, shown, lambda page: {"rollups": shown if self.all_rollups else page})


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
