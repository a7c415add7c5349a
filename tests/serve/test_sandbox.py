"""`serve --sandbox`: the documents' own requests against a real server, broker, worker and database."""

import argparse
import asyncio
import io
import json
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from fastapi import FastAPI

from consumer.environment import load
from consumer.query import grading_standards
from consumer.rights import tokens
from consumer.sandbox import routes, service
from consumer.sandbox.service import MAX_PUBLISHED, PublishedStates, State
from consumer.serve.app import make_app, serving
from consumer.settings import Settings
from consumer.store.postgres import Connection, connect
from consumer.store.store import Store
from consumer.store.tenant_setting import decide
from consumer.worker.metrics import Metrics
from consumer.worker.worker import Worker
from schemas import rest
from tests.postgres.writing import write
from tests.samples import NOON, TENANT, event, scale

NewTopic = Callable[..., Awaitable[str]]

ROOT, COURSE = 1, 565
OTHER = "another-tenant"

PUT_OUTCOME_FORM = """
curl 'https://<canvas>/api/v1/outcomes/1.json' \
     -X PUT \
     -F 'title=Outcome Title' \
     -F 'display_name=Title for reporting' \
     -F 'description=Outcome description' \
     -F 'vendor_guid=customid9001' \
     -F 'mastery_points=3' \
     -F 'calculation_method=decaying_average' \
     -F 'calculation_int=65' \
     -F 'ratings[][description]=Exceeds Expectations' \
     -F 'ratings[][points]=5' \
     -F 'ratings[][description]=Meets Expectations' \
     -F 'ratings[][points]=3' \
     -F 'ratings[][description]=Does Not Meet Expectations' \
     -F 'ratings[][points]=0' \
     -F 'ratings[][points]=0' \
     -H "Authorization: Bearer <token>"
"""
PUT_OUTCOME_JSON = """
curl 'https://<canvas>/api/v1/outcomes/1.json' \
     -X PUT \
     --data-binary '{
           "title": "Outcome Title",
           "display_name": "Title for reporting",
           "description": "Outcome description",
           "vendor_guid": "customid9001",
           "mastery_points": 3,
           "ratings": [
             { "description": "Exceeds Expectations", "points": 5 },
             { "description": "Meets Expectations", "points": 3 },
             { "description": "Does Not Meet Expectations", "points": 0 }
           ]
         }' \
     -H "Content-Type: application/json" \
     -H "Authorization: Bearer <token>"
"""
POST_SCALE = """
curl 'https://<canvas>/api/v1/accounts/<account_id>/outcome_proficiency' \
     -X POST \
     -F 'ratings[][description]=Exceeds Mastery' \
     -F 'ratings[][points]=4' \
     -F 'ratings[][color]=02672D' \
     -F 'ratings[][mastery]=false' \
     -F 'ratings[][description]=Mastery' \
     -F 'ratings[][points]=3' \
     -F 'ratings[][color]=03893D' \
     -F 'ratings[][mastery]=true' \
     -F 'ratings[][description]=Near Mastery' \
     -F 'ratings[][points]=2' \
     -F 'ratings[][color]=FAB901' \
     -F 'ratings[][mastery]=false' \
     -F 'ratings[][description]=Below Mastery' \
     -F 'ratings[][points]=1' \
     -F 'ratings[][color]=FD5D10' \
     -F 'ratings[][mastery]=false' \
     -F 'ratings[][description]=Well Below Mastery' \
     -F 'ratings[][points]=0' \
     -F 'ratings[][color]=E62429' \
     -F 'ratings[][mastery]=false' \
     -H "Authorization: Bearer <token>"
"""
_LETTERS = """
  -d 'points_based=false' \
  -d 'scaling_factor=1.0' \
  -d 'grading_scheme_entry[][name]=A' \
  -d 'grading_scheme_entry[][value]=94' \
  -d 'grading_scheme_entry[][name]=A-' \
  -d 'grading_scheme_entry[][value]=90' \
  -d 'grading_scheme_entry[][name]=B+' \
  -d 'grading_scheme_entry[][value]=87' \
  -d 'grading_scheme_entry[][name]=B' \
  -d 'grading_scheme_entry[][value]=84' \
  -d 'grading_scheme_entry[][name]=B-' \
  -d 'grading_scheme_entry[][value]=80' \
  -d 'grading_scheme_entry[][name]=C+' \
  -d 'grading_scheme_entry[][value]=77' \
  -d 'grading_scheme_entry[][name]=C' \
  -d 'grading_scheme_entry[][value]=74' \
  -d 'grading_scheme_entry[][name]=C-' \
  -d 'grading_scheme_entry[][value]=70' \
  -d 'grading_scheme_entry[][name]=D+' \
  -d 'grading_scheme_entry[][value]=67' \
  -d 'grading_scheme_entry[][name]=D' \
  -d 'grading_scheme_entry[][value]=64' \
  -d 'grading_scheme_entry[][name]=D-' \
  -d 'grading_scheme_entry[][value]=61' \
  -d 'grading_scheme_entry[][name]=F' \
  -d 'grading_scheme_entry[][value]=0'
"""
POST_STANDARD = (
    """
curl https://<canvas>/api/v1/courses/<course_id>/grading_standards \
  -X POST \
  -H 'Authorization: Bearer <token>' \
  -d 'title=New standard name' """
    + _LETTERS
)
PUT_STANDARD = (
    """
curl https://<canvas>/api/v1/courses/1/grading_standards/5 \
  -X PUT \
  -H 'Authorization: Bearer <token>' \
  -d 'title=Updated+Grading+Standard' """
    + _LETTERS
)
DELETE_STANDARD = """
curl https://<canvas>/api/v1/courses/1/grading_standards/5 \
  -X DELETE \
  -H 'Authorization: Bearer <token>'
"""

GET_SCALE = """
curl https://<canvas>/api/v1/accounts/<account_id>/outcome_proficiency \\
    -H 'Authorization: Bearer <token>'
"""
GET_STANDARDS = """
curl https://<canvas>/api/v1/courses/1/grading_standards \\
  -H 'Authorization: Bearer <token>'
"""
GET_STANDARD = """
curl https://<canvas>/api/v1/courses/1/grading_standards/5 \\
  -H 'Authorization: Bearer <token>'
"""

BOUNDS = [  # "+" is a blank in what `curl -d` sends, and Canvas takes blanks off
    ("A", 0.94), ("A-", 0.9), ("B", 0.87), ("B", 0.84), ("B-", 0.8), ("C", 0.77),
    ("C", 0.74), ("C-", 0.7), ("D", 0.67), ("D", 0.64), ("D-", 0.61), ("F", 0.0),
]  # fmt: skip


_CURL = argparse.ArgumentParser()
_CURL.add_argument("url")
_CURL.add_argument("-X", dest="request", default="GET")
_CURL.add_argument("-H", dest="header", action="append")
_CURL.add_argument("-F", dest="form", action="append")
_CURL.add_argument("-d", "--data-binary", dest="data", action="append")


@dataclass
class Served:
    """A sandbox on a real socket, and the worker that reads its topic."""

    app: FastAPI
    address: str
    token: str
    dsn: str
    settings: Settings
    session: aiohttp.ClientSession

    @property
    def bearer(self) -> dict[str, str]:
        """The header that opens it."""
        return {"Authorization": f"Bearer {self.token}"}

    async def curl(self, command: str, **named: object) -> tuple[int, Any]:
        """Sends what curl would for one of the documents' commands, with the host, the token and these words changed.

        Status and answer. Not by curl itself: a machine need not have it.
        """
        for name, value in {"https://<canvas>": self.address, "<token>": self.token, **named}.items():
            command = command.replace(name, str(value))
        told = _CURL.parse_args(shlex.split(command.replace("\\\n", " "))[1:])
        headers = dict(header.split(": ", 1) for header in told.header)
        data: aiohttp.FormData | str | None = None
        if told.form:
            data = aiohttp.FormData(default_to_multipart=True)
            for field in told.form:
                data.add_field(*field.split("=", 1))
        elif told.data:
            data = "&".join(told.data)  # as it stands: curl -d encodes nothing, so that + is a blank
            headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        async with self.session.request(told.request, told.url, headers=headers, data=data) as response:
            return response.status, await response.json()

    async def ask(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **more: Any
    ) -> tuple[int, Any]:
        """A request with JSON, or `data` and `headers`; status and answer."""
        headers = {"Authorization": f"Bearer {token or self.token}"} | more.pop("headers", {})
        given = more if "data" in more else {} if body is None else {"json": body}
        async with self.session.request(method, self.address + path, headers=headers, **given) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        """What a reader is answered."""
        status, answer = await self.ask("GET", path)
        assert status == 200, answer
        return answer

    async def catch_up(self) -> None:
        """A worker reads the topic to its end."""
        worker = Worker(self.settings, Store(self.dsn, statement_seconds=60), Metrics(), until_end=True)
        await asyncio.wait_for(worker.run(), 60)
        assert worker.books.quarantined == 0

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """Rows of the projection."""
        connection = await connect(self.dsn)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()


@asynccontextmanager
async def serve(dsn: str, settings: Settings, *, sandbox: bool = True) -> AsyncIterator[Served]:
    """A server with a token for the tenant of the samples."""
    connection = await connect(dsn)
    try:
        token, _ = await tokens.create(connection, TENANT, "test")
    finally:
        await connection.close()
    app = routes.make_app(dsn, settings) if sandbox else make_app(dsn)
    async with serving(app, "127.0.0.1", 0) as (address, _), aiohttp.ClientSession() as session:
        yield Served(app, address, token, dsn, settings, session)


async def settle(dsn: str) -> None:
    """An institution of a root account, a sub-account, a course in it, and two outcomes, told by events."""
    root = f"2107{ROOT:013}"
    await write(
        dsn,
        event("account_created", at=NOON, account_id=root, root_account_id=root, parent_account_id=...),
        event("account_created", at=NOON),
        event("course_created", at=NOON),
        event("learning_outcome_created", at=NOON, learning_outcome_id="1", context_type="Account", context_id=str(ROOT)),
        event("learning_outcome_created", at=NOON, learning_outcome_id="2", workflow_state="deleted"),
        event("learning_outcome_created", at=NOON, learning_outcome_id="3", tenant=OTHER),
    )


@pytest.fixture
async def served(database: str, kafka_bootstrap: str, topic: NewTopic) -> AsyncIterator[Served]:
    """A sandbox over that institution, with a topic of two partitions."""
    name = await topic(partitions=2)
    own = load(kafka_bootstrap_servers=kafka_bootstrap, topic=name, group_id=name, kafka_session_timeout_seconds=6)
    await settle(database)
    async with serve(database, own) as found:
        yield found


async def standard_5(served: Served) -> None:
    """Grading standard 5 of the course, imported."""
    scheme = [{"name": "Pass", "value": 0.5}, {"name": "Fail", "value": 0}]
    told = {"id": 5, "title": "Old", "context_type": "Course", "context_id": COURSE, "grading_scheme": scheme}
    connection = await connect(served.dsn)
    try:
        await grading_standards.take_in(connection, grading_standards.read("test", json.dumps(told).encode()), TENANT, NOON)
    finally:
        await connection.close()


async def test_the_documents_put_of_an_outcome_becomes_canvas_event_and_then_the_projection(served: Served) -> None:
    """As a form and as JSON; the answer is Canvas', the event is Canvas', and reads show it when a worker has read it."""
    before = await served.get("/api/v1/outcomes/1")
    status, answer = await served.curl(PUT_OUTCOME_FORM)
    assert status == 200, answer
    outcome = rest.Outcome.model_validate(answer)
    assert (outcome.title, outcome.display_name, outcome.vendor_guid) == (
        "Outcome Title",
        "Title for reporting",
        "customid9001",
    )
    assert (outcome.description, outcome.context_type, outcome.context_id) == ("Outcome description", "Account", ROOT)
    assert (outcome.calculation_method, outcome.calculation_int) == ("decaying_average", 65)
    assert (outcome.points_possible, outcome.mastery_points) == (5, 3)
    assert [(rating.description, rating.points) for rating in outcome.ratings or ()] == [
        ("Exceeds Expectations", 5),
        ("Meets Expectations", 3),
        ("Does Not Meet Expectations", 0),
        ("No description", 0),
    ]
    assert await served.get("/api/v1/outcomes/1") == before
    await served.catch_up()
    assert await served.get("/api/v1/outcomes/1") == answer
    ((state, written),) = await served.fetch(
        "SELECT event_name, updated_at FROM learning_outcome WHERE root_account_uuid = $1 AND id = 1", TENANT
    )
    assert state == "learning_outcome_updated"
    assert written.microsecond == 0

    status, answer = await served.curl(PUT_OUTCOME_JSON)
    assert status == 200, answer
    assert [rating["points"] for rating in answer["ratings"]] == [5, 3, 0]
    assert answer["calculation_int"] == 65
    await served.catch_up()
    assert await served.get("/api/v1/outcomes/1") == answer


@pytest.mark.parametrize(("place", "id_"), [("accounts", ROOT), ("accounts", 79), ("courses", COURSE)])
async def test_the_documents_post_of_a_scale_makes_it_the_contexts_own(served: Served, place: str, id_: int) -> None:
    """The answer is the complete new scale, with status 200; reads show it when a worker has read it."""
    path = {"accounts/<account_id>": f"{place}/{id_}"}
    status, answer = await served.curl(POST_SCALE, **path)
    assert status == 200, answer
    assert [(rating["description"], rating["points"], rating["mastery"], rating["color"]) for rating in answer["ratings"]] == [
        ("Exceeds Mastery", 4, False, "02672D"),
        ("Mastery", 3, True, "03893D"),
        ("Near Mastery", 2, False, "FAB901"),
        ("Below Mastery", 1, False, "FD5D10"),
        ("Well Below Mastery", 0, False, "E62429"),
    ]
    await served.catch_up()
    assert await served.curl(GET_SCALE, **path) == (200, answer)
    ((name, metadata),) = await served.fetch("SELECT event_name, metadata FROM outcome_proficiency_version")
    assert name == "outcome_proficiency_created"
    told = json.loads(metadata)
    assert (told["context_type"], told["context_id"]) == (place[:-1].title(), f"2107{id_:013}")
    assert told["context_account_id"] == f"2107{79 if place == 'courses' else id_:013}"
    assert told["root_account_id"] == f"2107{ROOT:013}"


async def test_the_documents_post_of_a_grading_standard_is_answered_in_fractions(served: Served) -> None:
    """Written at once, with a new id, as the course's own."""
    status, answer = await served.curl(POST_STANDARD, **{"<course_id>": COURSE})
    assert status == 200, answer
    assert {name: answer[name] for name in ("title", "id", "context_id", "context_type", "points_based", "scaling_factor")} == {
        "title": "New standard name",
        "id": 1,
        "context_id": COURSE,
        "context_type": "Course",
        "points_based": False,
        "scaling_factor": 1.0,
    }
    assert [(entry["name"], entry["value"]) for entry in answer["grading_scheme"]] == BOUNDS
    assert [entry["calculated_value"] for entry in answer["grading_scheme"]][:2] == [94, 90]
    assert await served.get(f"/api/v1/courses/{COURSE}/grading_standards/1") == answer
    status, second = await served.ask(
        "POST",
        f"/api/v1/accounts/{ROOT}/grading_standards",
        {
            "title": "Points",
            "points_based": True,
            "scaling_factor": 10,
            "grading_scheme_entry": [{"name": "A", "value": 9}, {"name": "F", "value": 0}],
        },
    )
    assert status == 200, second
    assert (second["id"], second["scaling_factor"], second["grading_scheme"][0]) == (
        2,
        10.0,
        {"name": "A", "value": 0.9, "calculated_value": 9.0},
    )


async def test_the_documents_put_and_delete_of_a_grading_standard_are_versions(served: Served) -> None:
    """History keeps it; from then on it is a 404, also for a second DELETE."""
    await standard_5(served)
    path = {"courses/1/": f"courses/{COURSE}/"}
    status, answer = await served.curl(PUT_STANDARD, **path)
    assert (status, answer["title"], answer["id"]) == (200, "Updated Grading Standard", 5)
    assert [(entry["name"], entry["value"]) for entry in answer["grading_scheme"]] == BOUNDS
    assert await served.curl(GET_STANDARD, **path) == (200, answer)
    assert await served.curl(GET_STANDARDS, **path) == (200, [answer])
    assert await served.curl(DELETE_STANDARD, **path) == (200, answer)
    for command in (DELETE_STANDARD, PUT_STANDARD, GET_STANDARD):
        status, gone = await served.curl(command, **path)
        assert (status, gone["errors"]) == (404, [{"message": "The specified resource does not exist."}])
    assert await served.curl(GET_STANDARDS, **path) == (200, [])
    states = await served.fetch("SELECT title, workflow_state FROM grading_standard_version ORDER BY valid_from")
    assert [tuple(state) for state in states] == [
        ("Old", "active"),
        ("Updated Grading Standard", "active"),
        ("Updated Grading Standard", "deleted"),
    ]
    assert (await served.ask("POST", f"/api/v1/courses/{COURSE}/grading_standards", {"title": ""}))[0] == 400
    status, next_one = await served.curl(POST_STANDARD, **{"<course_id>": COURSE})
    assert (status, next_one["id"]) == (200, 6)


async def test_a_used_grading_standard_takes_only_another_title(served: Served) -> None:
    """By anything, at any time."""
    await standard_5(served)
    connection = await connect(served.dsn)
    try:
        await grading_standards.use(connection, 5, ("Assignment", 9), TENANT, NOON)
    finally:
        await connection.close()
    path = f"/api/v1/courses/{COURSE}/grading_standards/5"
    status, answer = await served.ask("PUT", path, {"title": "New", "grading_scheme_entry": [{"name": "X", "value": 0}]})
    assert (status, list(answer["errors"])) == (400, ["data"])
    status, answer = await served.ask("PUT", path, {"title": "New"})
    assert (status, answer["title"], len(answer["grading_scheme"])) == (200, "New", 2)


async def test_quick_writes_build_on_one_another(served: Served) -> None:
    """No worker has read the first event before the second; rating ids and scale ids go on; event times are in order."""
    for body in ({"title": "First"}, {"display_name": "Second"}, {"mastery_points": 1}):
        status, answer = await served.ask("PUT", "/api/v1/outcomes/1", body)
        assert status == 200, answer
    assert (answer["title"], answer["display_name"], answer["mastery_points"]) == ("First", "Second", 1)
    two = [{"description": d, "points": p, "mastery": p == 3, "color": "0B874B"} for d, p in (("Yes", 3), ("No", 1))]
    root, course = f"/api/v1/accounts/{ROOT}/outcome_proficiency", f"/api/v1/courses/{COURSE}/outcome_proficiency"
    answers = [await served.ask("POST", path, {"ratings": two}) for path in (root, course)]
    assert answers[0] == answers[1]
    status, third = await served.ask("POST", root, {"ratings": [{"points": 9}, {}, {**two[1], "points": 0}]})
    assert (status, [(rating["description"], rating["points"]) for rating in third["ratings"]]) == (
        200,
        [("Yes", 9), ("No", 1), ("No", 0)],
    )
    await served.catch_up()
    assert await served.get(root) == third
    rows = await served.fetch(
        "SELECT id, context_type, outcome_proficiency_ratings AS ratings FROM outcome_proficiency ORDER BY id"
    )
    assert [(row["id"], row["context_type"]) for row in rows] == [(1, "Account"), (2, "Course")]
    ids = [[rating["outcome_proficiency_rating_id"] for rating in json.loads(row[2])] for row in rows]
    assert ids == [[1, 2, 5], [3, 4]]
    (newest,) = await served.fetch("SELECT title, display_name, rubric_criterion FROM learning_outcome WHERE id = 1")
    assert (newest["title"], newest["display_name"]) == ("First", "Second")
    assert json.loads(newest["rubric_criterion"])["mastery_points"] == 1
    times = await served.fetch("SELECT count(*), count(DISTINCT event_time) FROM learning_outcome_version WHERE id = 1")
    assert tuple(times[0]) == (4, 4)


async def test_writes_at_once_are_all_kept(served: Served) -> None:
    """Each of many requests at the same time changes another member; none undoes another's."""
    members = {"title": "T", "display_name": "D", "description": "E", "vendor_guid": "V", "mastery_points": 1}
    answers = await asyncio.gather(*(served.ask("PUT", "/api/v1/outcomes/1", {name: value}) for name, value in members.items()))
    assert {status for status, _ in answers} == {200}
    await served.catch_up()
    found = await served.get("/api/v1/outcomes/1")
    assert {name: found[name] for name in members} == members
    made = await asyncio.gather(*(served.curl(POST_STANDARD, **{"<course_id>": COURSE}) for _ in range(4)))
    assert sorted(answer["id"] for _, answer in made) == [1, 2, 3, 4]


async def test_a_form_may_write_a_number_in_any_way_that_ruby_reads(served: Served) -> None:
    """Also without a digit before the point, with an exponent, with blanks around it."""
    path = f"/api/v1/courses/{COURSE}/outcome_proficiency"
    for text, points in ((".5", 0.5), ("4.0", 4), ("1e3", 1000), (" 3 ", 3), ("5.", 5), ("+.25e1", 2.5)):
        level = {"description": "Only", "points": text, "mastery": "true", "color": "0B874B"}
        status, answer = await served.ask("POST", path, {"ratings": [level]})
        assert (status, answer["ratings"][0]["points"]) == (200, points), text


async def test_many_writes_of_standards_at_once_use_one_connection(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come: the worker needs connections too."""
    made: list[Connection] = []
    open_at_once: list[int] = []

    async def connecting(*arguments: Any, **options: Any) -> Connection:
        made.append(await connect(*arguments, **options))
        open_at_once.append(sum(not connection.is_closed() for connection in made))
        return made[-1]

    monkeypatch.setattr(service, "connect", connecting)
    answers = await asyncio.gather(*(served.curl(POST_STANDARD, **{"<course_id>": COURSE}) for _ in range(12)))
    assert [status for status, _ in answers] == [200] * 12
    assert open_at_once == [1] * 12


async def test_a_write_is_newer_than_the_state_it_replaces_whatever_the_clocks_say(served: Served) -> None:
    """A feed's host may be ahead of this one: the write still wins."""
    later = datetime.now(UTC).replace(microsecond=0, year=datetime.now(UTC).year + 1)
    await write(served.dsn, scale(4, 2, 0, context_id=str(ROOT)))
    connection = await connect(served.dsn)
    try:
        for table in ("outcome_proficiency", "outcome_proficiency_version"):
            await connection.execute(f"UPDATE {table} SET event_time = event_time + interval '20 hours'")
        (last,) = await connection.fetch("SELECT event_time FROM outcome_proficiency")
    finally:
        await connection.close()
    assert last["event_time"] < later
    status, answer = await served.curl(POST_SCALE, **{"<account_id>": ROOT})
    assert status == 200
    await served.catch_up()
    assert await served.get(f"/api/v1/accounts/{ROOT}/outcome_proficiency") == answer
    (row,) = await served.fetch("SELECT id, event_name, event_time FROM outcome_proficiency")
    assert (row["id"], row["event_name"]) == (1, "outcome_proficiency_updated")
    assert row["event_time"] > last["event_time"]


async def test_what_changes_nothing_and_what_is_refused_is_no_event(served: Served) -> None:
    """400, 403, 404, 413 and 422 in Canvas' shapes; the topic stays empty."""
    assert (await served.ask("PUT", "/api/v1/outcomes/1", {}))[0] == 200
    outcome, course = "/api/v1/outcomes/1", f"/api/v1/courses/{COURSE}"
    assert (await served.ask("PUT", outcome, {"title": ""}))[1] == {
        "errors": {"short_description": [{"attribute": "short_description", "type": "blank", "message": "blank"}]}
    }
    status, answer = await served.ask("POST", f"{course}/outcome_proficiency", {"ratings": []})
    assert (status, answer["errors"][0]["message"]) == (422, "Missing required ratings")
    gone = (404, {"errors": [{"message": "The specified resource does not exist."}]})
    for method, path in (
        ("PUT", "/api/v1/outcomes/2"),
        ("PUT", "/api/v1/outcomes/3"),
        ("PUT", "/api/v1/outcomes/99"),
        ("PUT", "/api/v1/outcomes/x"),
        ("POST", "/api/v1/courses/99/outcome_proficiency"),
        ("POST", "/api/v1/accounts/99/grading_standards"),
        ("PUT", f"{course}/grading_standards/99"),
        ("DELETE", f"{course}/grading_standards/99"),
    ):
        assert await served.ask(method, path, {"title": "x"}) == gone, path
    for data, kind, expected in (
        (b"{", "application/json", 400),
        (b"title=%ff", "application/x-www-form-urlencoded", 400),
        (b"x", "text/plain", 400),
        (b"x", "multipart/form-data; boundary=" + "x" * 257, 400),
        (b"x" * 1_048_577, "application/json", 413),
    ):
        status, answer = await served.ask("PUT", outcome, data=io.BytesIO(data), headers={"Content-Type": kind})
        assert (status, list(answer)) == (expected, ["errors"])
    assert (await served.ask("PUT", outcome, {"title": "x"}, token="outcomes_wrong"))[0] == 401
    connection = await connect(served.dsn)
    try:
        await decide(connection, TENANT, "account_level_mastery_scales", "on")
    finally:
        await connection.close()
    refused = await served.ask("PUT", outcome, {"title": "x", "ratings": [{"points": 1}]})
    assert refused == (403, {"error": "Individual outcome ratings cannot be modified."})
    before = await served.fetch("SELECT count(*) FROM learning_outcome_version")
    await served.catch_up()
    assert await served.fetch("SELECT count(*) FROM learning_outcome_version") == before


async def test_ids_are_strings_where_strings_are_asked_for(served: Served) -> None:
    """As for reads."""
    headers = {"Accept": "application/json+canvas-string-ids"}
    status, answer = await served.ask("PUT", "/api/v1/outcomes/1", {"title": "S"}, headers=headers)
    assert (status, answer["id"], answer["context_id"]) == (200, "1", str(ROOT))


def test_what_the_projection_shows_need_not_be_remembered() -> None:
    """The newer of the two states counts; a projected state is forgotten, and so is the oldest of very many."""
    published, key = PublishedStates(), ("t", "learning_outcome", "1")
    old, new = State({"title": "Old"}, NOON), State({"title": "New"}, NOON + timedelta(seconds=1))
    published.add(key, new)
    assert [published.newest(key, shown) for shown in (None, old, new, old)] == [new, new, new, old]
    for number in range(MAX_PUBLISHED + 1):
        published.add(("t", "learning_outcome", str(number)), new)
    assert published.newest(("t", "learning_outcome", "0"), old) is old
    assert published.newest(key, old) is new


async def test_without_a_broker_nothing_is_written_and_nothing_remembered(
    database: str, kafka_bootstrap: str, topic: NewTopic, free_port: int
) -> None:
    """503 with a sentence; the next write, with the broker back, builds on what is there."""
    name = await topic()
    away = load(kafka_bootstrap_servers=f"127.0.0.1:{free_port}", topic=name, group_id=name)
    await settle(database)
    async with serve(database, away) as served:
        status, answer = await served.ask("PUT", "/api/v1/outcomes/1", {"title": "Lost"})
        assert status == 503
        assert f"127.0.0.1:{free_port}" in answer["errors"][0]["message"]
        served.app.state.producer._settings = served.settings = load(
            kafka_bootstrap_servers=kafka_bootstrap, topic=name, group_id=name, kafka_session_timeout_seconds=6
        )
        status, answer = await served.ask("PUT", "/api/v1/outcomes/1", {"display_name": "Kept"})
        assert (status, answer["title"], answer["display_name"]) == (200, "Molecular biology knowledge", "Kept")
        await served.catch_up()
        assert await served.get("/api/v1/outcomes/1") == answer


async def test_only_a_sandbox_writes_and_only_its_document_says_so(database: str, kafka_bootstrap: str) -> None:
    """Without `--sandbox` there are no such endpoints: 405 on paths that can be read, and nothing in the document."""
    own = load(kafka_bootstrap_servers=kafka_bootstrap)
    await settle(database)
    writing = {"put", "post", "delete"}
    for sandbox in (False, True):
        async with serve(database, own, sandbox=sandbox) as served:
            paths = (await served.get("/openapi.json"))["paths"]
            documented = {(verb, path) for path, verbs in paths.items() for verb in verbs if verb in writing}
            if not sandbox:
                assert not documented
                assert (await served.ask("PUT", "/api/v1/outcomes/1", {"title": "x"}))[0] == 405
                continue
            async with served.session.patch(f"{served.address}/api/v1/outcomes/1", headers=served.bearer) as refused:
                assert (refused.status, refused.headers["Allow"]) == (405, "GET, PUT")
            assert len(documented) == 5
            for verb, path in documented - {found for found in documented if found[0] == "delete"}:
                content = paths[path][verb]["requestBody"]["content"]
                assert set(content) == {"application/json", "multipart/form-data", "application/x-www-form-urlencoded"}
            scales = paths["/api/v1/{contexts}/{context_id}/outcome_proficiency"]["post"]["responses"]
            assert {"200", "400", "401", "404", "422", "503"} <= set(scales)
