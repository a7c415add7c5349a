"""`outcomes serve` tells of people and places as Canvas does, with names where it may read them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from consumer.ingest.batch import Partition
from consumer.serve.api import people_shapes
from consumer.serve.api.dependencies import NOT_FOUND
from consumer.serve.api.not_served import NOT_SERVED
from consumer.serve.app import make_app, serving
from consumer.store.postgres import connect
from schemas import rest, rest_gradebook, rest_people
from tests.documents import ROOT
from tests.postgres.writing import write
from tests.samples import TENANT, iso
from tests.serve.serving import (
    ANA,
    ANA_ID,
    EVE_ID,
    GUS_ID,
    NAMES,
    SHARD,
    TEACHER_ID,
    TEST_ID,
    Served,
    assignment,
    enrolled,
    fill_people,
    minutes,
    name_people,
    section,
    served,
    user,
)

COURSE = "/api/v1/courses/7"
REFERENCE = ROOT / "docs/reference/endpoints.md"


@pytest.fixture
async def nameless(database: str) -> AsyncIterator[Served]:
    """Over the school and its people, whose names are not stored."""
    await fill_people(database)
    async with served(database) as running:
        yield running


@pytest.fixture
async def server(nameless: Served, database: str) -> Served:
    """The same with names."""
    await name_people(database)
    return nameless


async def ids(server: Served, path: str) -> list[int]:
    """Of the objects of a list."""
    return [one["id"] for one in await server.get(path)]


async def refused(server: Served, path: str) -> str:
    """The sentence of a 400."""
    answer = await server.ask(path)
    assert answer.status == 400, (path, answer)
    return str(answer.json["errors"][0]["message"])


async def test_a_course_has_what_only_rest_tells_of_it(server: Served) -> None:
    """Code, SIS id and term; term and students in full where the request asks for them."""
    told = await server.get(f"{COURSE}?include[]=term&include[]=total_students")
    rest.Course.model_validate(told)
    assert (told["id"], told["course_code"], told["sis_course_id"], told["enrollment_term_id"]) == (7, "BIO-7", "C-7", 4)
    assert (told["term"]["name"], told["total_students"]) == ("Spring", 2)
    assert not {"term", "total_students", "concluded"} & set(await server.get(COURSE))
    assert (await server.ask("/api/v1/courses/99")).status == 404


async def test_courses_of_an_account_are_found_by_term_and_name(server: Served) -> None:
    """With term and whether they are over, where that is asked; a term is known where REST told it."""
    path = "/api/v1/accounts/1/courses"
    told = await server.get(f"{path}?include[]=term&include[]=concluded")
    TypeAdapter(list[rest.Course]).validate_python(told)
    assert [(one["id"], one.get("term", {}).get("name"), one["concluded"]) for one in told] == [
        (7, "Spring", False),
        (8, None, None),
    ]
    assert await ids(server, f"{path}?enrollment_term_id=4") == [7]
    assert await ids(server, f"{path}?enrollment_term_id=3") == []
    assert await ids(server, f"{path}?search_term=BIOLOGY") == [7, 8]
    assert await ids(server, f"{path}?search_term=chem") == []


@pytest.mark.parametrize(
    ("state", "end", "term_end", "detailed", "concluded"),
    [
        ("completed", None, None, False, True),
        ("available", None, None, False, None),
        ("available", None, None, True, False),
        ("available", None, 1, True, True),
        ("available", None, 3, True, False),
        ("available", 1, 1, True, True),
        ("available", 1, 3, True, None),
        ("available", 3, None, True, False),
    ],
)
def test_whether_a_course_is_over_is_told_where_it_is_known(
    state: str, end: int | None, term_end: int | None, detailed: bool, concluded: bool | None
) -> None:
    """Nothing tells whether the course's own end counts or the term's: where these differ it is null."""
    row: dict[str, Any] = dict.fromkeys(
        ("id", "name", "uuid", "account_id", "root_id", "created_at", "course_code", "start_at")
    )
    row |= dict.fromkeys(("sis_course_id", "enrollment_term_id")) | {"workflow_state": state, "detailed": detailed}
    row |= {"end_at": end and minutes(end), "term_end_at": term_end and minutes(term_end)}
    assert people_shapes.course(row, ["concluded"], minutes(2))["concluded"] is concluded


async def test_what_nothing_here_can_answer_says_why(nameless: Served) -> None:
    """A 404 with a sentence, whatever else is asked."""
    for path, sentence in NOT_SERVED.items():
        answer = await nameless.ask(f"/api/v1{re.sub('{[^}]*}', '7', path)}?per_page=5")
        assert (answer.status, answer.json["errors"][0]["message"]) == (404, sentence)


async def test_users_are_listed_once_as_canvas_sorts_them(server: Served) -> None:
    """By sortable name; whoever is active or invited, of any type but the test student."""
    told = await server.get(f"{COURSE}/users")
    TypeAdapter(list[rest_people.User]).validate_python(told)
    assert [one["sortable_name"] for one in told] == ["Ames, Eve", "Dean, Tia", "Zoll, Ana Maria"]
    assert {name: told[2][name] for name in ("id", "name", "short_name", "login_id", "sis_user_id")} == {
        "id": ANA_ID,
        "name": "Ana Maria Zoll",
        "short_name": "Ana",
        "login_id": "ana",
        "sis_user_id": "S-501",
    }
    assert "uuid" not in told[2]
    assert await server.get(f"{COURSE}/search_users") == told


async def test_users_are_filtered_by_type_state_and_id(server: Served) -> None:
    """The gradebook's rows are students and test student in all states; deleted enrolments are no state."""
    types = "enrollment_type[]=student&enrollment_type[]=student_view"
    every = "".join(f"&enrollment_state[]={one}" for one in ("active", "invited", "rejected", "completed", "inactive"))
    assert await ids(server, f"{COURSE}/users?{types}{every}") == [EVE_ID, TEST_ID, ANA_ID]
    assert await ids(server, f"{COURSE}/users?enrollment_type[]=teacher") == [TEACHER_ID]
    assert await ids(server, f"{COURSE}/users?enrollment_state[]=completed") == [EVE_ID]
    assert await ids(server, f"{COURSE}/users?include[]=test_student") == [EVE_ID, TEACHER_ID, TEST_ID, ANA_ID]
    assert await ids(server, f"{COURSE}/users?user_ids[]={ANA_ID}&user_ids[]={SHARD + EVE_ID}&user_ids[]=99") == [
        EVE_ID,
        ANA_ID,
    ]
    assert "enrollment_state[]" in await refused(server, f"{COURSE}/users?enrollment_state[]=deleted")


async def test_an_inactive_enrolment_counts_where_it_is_asked_for(server: Served, database: str) -> None:
    """`include_inactive`, or the state itself."""
    await write(database, enrolled(901, ANA_ID, 71, state="inactive", minute=60))
    assert await ids(server, f"{COURSE}/users") == [EVE_ID, TEACHER_ID]
    assert await ids(server, f"{COURSE}/users?include_inactive=true") == [EVE_ID, TEACHER_ID, ANA_ID]
    assert await ids(server, f"{COURSE}/users?enrollment_state[]=inactive") == [ANA_ID]


async def test_users_bring_uuids_and_enrolments_where_these_are_asked_for(server: Served, database: str) -> None:
    """`past_uuid` only where it differs; the enrolments in the states that were asked for."""
    connection = await connect(database)
    await connection.execute(
        "INSERT INTO user_past_uuid (root_account_uuid, course_id, user_id, user_uuid, since) "
        "VALUES ($1, 7, $2, 'old-eve', $3)",
        TENANT,
        EVE_ID,
        minutes(10),
    )
    await connection.close()
    eve, _, ana = await server.get(f"{COURSE}/users?include[]=uuid&include[]=enrollments")
    assert (eve["uuid"], eve["past_uuid"], ana["uuid"], ana["account_uuid"]) == ("eve", "old-eve", ANA, TENANT)
    assert "past_uuid" not in ana
    shown = [(one["id"], one["enrollment_state"], one["root_account_id"]) for one in eve["enrollments"]]
    assert shown == [(903, "invited", 1)]
    before = await server.get(f"{COURSE}/users/{EVE_ID}?include[]=uuid&at={iso(minutes(5))}")
    assert (before["uuid"], "past_uuid" in before) == ("eve", False)


async def test_a_search_finds_by_name_login_and_sis_id_and_is_refused_without_names(nameless: Served, database: str) -> None:
    """A search that could find nobody would say that nobody is there."""
    path = f"{COURSE}/users?search_term="
    assert await refused(nameless, f"{path}ames") == "search_term: no names are stored here"
    await name_people(database)
    for text in ("AMES", "eve", "S-503", str(EVE_ID)):
        assert await ids(nameless, path + text) == [EVE_ID], text
    assert await ids(nameless, f"{path}nobody") == []
    assert "2 characters" in await refused(nameless, f"{path}a")


async def test_without_names_everybody_has_a_pseudonym(nameless: Served) -> None:
    """The same in each list and on each page, where Canvas has a name; logins and SIS ids are left out."""
    told = await nameless.get(f"{COURSE}/users")
    names = {one["id"]: one["name"] for one in told}
    assert len(set(names.values())) == 3
    assert all(name.startswith("student ") for name in names.values())
    assert not {"login_id", "sis_user_id"} & set(told[0])
    for number in (1, 2, 3):
        (one,) = await nameless.get(f"{COURSE}/users?per_page=1&page={number}")
        assert names[one["id"]] == one["sortable_name"] == one["short_name"]
    assert (await nameless.get(f"{COURSE}/users/{ANA_ID}"))["name"] == names[ANA_ID]
    body = (await nameless.ask(f"{COURSE}/users?include[]=uuid&include[]=enrollments")).body.decode()
    assert not [name for told_ in NAMES.values() for name in told_[:3] if f'"{name}"' in body]


async def test_names_are_shown_only_where_the_login_may_read_them(nameless: Served, database: str) -> None:
    """A login that is no member of `outcomes_people` is shown pseudonyms, though names are stored."""
    await name_people(database)
    connection = await connect(database)
    await connection.execute("CREATE ROLE shy LOGIN")
    await connection.execute("GRANT outcomes_reader, outcomes_serve TO shy")
    app = make_app(database.replace("postgres:@", "shy:@"))
    try:
        async with serving(app, "127.0.0.1", 0) as (base, _), Served.over(base, nameless.token) as shy:
            told = await shy.get(f"{COURSE}/users")
            assert all(one["name"].startswith("student ") for one in told)
            await connection.execute("GRANT outcomes_people TO shy")
            assert (await shy.get(f"{COURSE}/users"))[0]["name"] == "Eve Ames"
    finally:
        await connection.execute("DROP ROLE shy")
        await connection.close()


async def test_a_user_is_found_in_a_course_and_alone(server: Served, database: str) -> None:
    """In a course only with an enrolment that is not deleted; a deleted user only where it was merged."""
    assert (await server.get(f"{COURSE}/users/{EVE_ID}?include[]=enrollments"))["enrollments"][0]["id"] == 902
    for path in (f"{COURSE}/users/{GUS_ID}", f"{COURSE}/users/99", "/api/v1/users/99", f"/api/v1/users/{2108 * 10**13 + 501}"):
        assert (await server.ask(path)).status == 404, path
    await write(database, user(10**13 + 501, "Far Away", "far", minute=50))
    assert (await server.get("/api/v1/users/2108~501?include[]=uuid"))["uuid"] == "far"
    told = await server.get(f"/api/v1/users/{GUS_ID}?include[]=uuid")
    rest_people.User.model_validate(told)
    assert (told["id"], told["uuid"]) == (GUS_ID, "gus")
    await gone(database)
    assert (await server.get(f"/api/v1/users/{GUS_ID}"))["merged_into_user_id"] == ANA_ID
    assert "merged_into_user_id" not in await server.get(f"/api/v1/users/{GUS_ID}?at={iso(minutes(5))}")


async def gone(database: str) -> None:
    """Gus is merged into Ana."""
    await write(database, user(GUS_ID, "Gus Hale", "gus", minute=60, workflow_state="deleted"))
    metadata = {"event_name": "user_merge_backfilled", "event_time": iso(minutes(61)), "root_account_uuid": TENANT}
    merge = {"metadata": metadata, "body": {"user_id": GUS_ID, "merged_into_user_id": ANA_ID}}
    await write(database, merge, partition=Partition("canvas:test", 0))


async def test_enrolments_are_the_only_list_that_shows_deleted_ones(server: Served) -> None:
    """By type and name; active and invited ones unless the request names states."""
    told = await server.get(f"{COURSE}/enrollments?include[]=uuid")
    TypeAdapter(list[rest_people.Enrollment]).validate_python(told)
    assert [one["id"] for one in told] == [903, 901, 904, 905]
    assert (told[1]["user"]["name"], told[1]["user"]["uuid"], told[1]["course_id"]) == ("Ana Maria Zoll", ANA, 7)
    assert (told[1]["role"], told[1]["root_account_id"]) == ("StudentEnrollment", 1)
    assert await ids(server, f"{COURSE}/enrollments?state[]=deleted") == [906]
    assert await ids(server, f"{COURSE}/enrollments?state[]=deleted&at={iso(minutes(44))}") == []
    assert await ids(server, f"{COURSE}/enrollments?type[]=TeacherEnrollment") == [905]
    assert await ids(server, f"{COURSE}/enrollments?user_id={EVE_ID}&state[]=completed") == [902]


async def test_enrolments_are_listed_of_a_section_and_of_a_user_too(server: Served, database: str) -> None:
    """A user's in all courses, also those of somebody who was merged into the user; 404 for whom nobody told of."""
    assert await ids(server, "/api/v1/sections/71/enrollments?state[]=active&state[]=completed") == [902, 901, 904, 905]
    assert await ids(
        server, f"/api/v1/sections/71/enrollments?user_id={EVE_ID}&state[]=completed&type[]=StudentEnrollment"
    ) == [902]
    await write(database, section(72, "Evening", in_course=8, minute=60, nonxlist_course_id="7"))
    told = await server.get(f"/api/v1/users/{EVE_ID}/enrollments?state[]=invited&state[]=completed&include[]=uuid")
    TypeAdapter(list[rest_people.Enrollment]).validate_python(told)
    assert [(one["id"], one["course_id"], one["user"]["uuid"]) for one in told] == [(902, 7, "eve"), (903, 8, "eve")]
    before = await server.get(f"/api/v1/users/{EVE_ID}/enrollments?at={iso(minutes(59))}")
    assert [(one["id"], one["course_id"]) for one in before] == [(903, 7)]
    await gone(database)
    assert await ids(server, f"/api/v1/users/{ANA_ID}/enrollments?state[]=active&state[]=deleted") == [901, 906]
    assert await ids(server, f"/api/v1/users/{GUS_ID}/enrollments?state[]=deleted") == []
    for path in ("sections/99", "users/99"):
        assert (await server.ask(f"/api/v1/{path}/enrollments")).status == 404


async def test_a_cross_listed_section_takes_its_enrolments_along(server: Served, database: str) -> None:
    """No event of the enrolments tells it; before, they are where they were."""
    await write(database, section(72, "Evening", in_course=8, minute=60, nonxlist_course_id="7"))
    assert await ids(server, "/api/v1/courses/8/enrollments") == [903]
    assert await ids(server, f"{COURSE}/enrollments") == [901, 904, 905]
    assert await ids(server, f"{COURSE}/sections") == [71]
    (moved,) = await server.get("/api/v1/courses/8/sections")
    assert (moved["course_id"], moved["nonxlist_course_id"]) == (8, 7)
    assert await ids(server, f"{COURSE}/sections?at={iso(minutes(59))}") == [72, 71]


async def test_enrolments_in_a_deleted_section_are_deleted(server: Served, database: str) -> None:
    """Deleting sections by SIS posts no event of the enrolments."""
    await write(database, section(72, "Evening", minute=60, workflow_state="deleted"))
    assert await ids(server, f"{COURSE}/enrollments?user_id={EVE_ID}&state[]=deleted") == [903]
    assert await ids(server, f"{COURSE}/sections") == [71]


async def test_the_enrolments_of_a_deleted_user_are_deleted(server: Served, database: str) -> None:
    """As in the roster: though nobody told of the enrolments, the user is in no list of the course."""
    assert EVE_ID in await ids(server, f"{COURSE}/users")
    await write(database, user(EVE_ID, "Eve Ames", "eve", minute=60, workflow_state="deleted"))
    every = "".join(f"&enrollment_state[]={one}" for one in ("active", "invited", "rejected", "completed", "inactive"))
    assert await ids(server, f"{COURSE}/users?{every}") == [TEACHER_ID, ANA_ID]
    for path in (f"{COURSE}/users/{EVE_ID}", f"{COURSE}/users/{EVE_ID}/lmgb_user_details", f"/api/v1/users/{EVE_ID}"):
        assert (await server.ask(path)).status == 404, path
    evening, _ = await server.get(f"{COURSE}/sections?include[]=total_students")
    assert (evening["name"], evening["total_students"]) == ("Evening", 0)
    of_eve = f"{COURSE}/enrollments?user_id={EVE_ID}"
    assert await ids(server, of_eve) == []
    deleted = await server.get(f"{of_eve}&state[]=deleted")
    assert [(one["id"], one["enrollment_state"]) for one in deleted] == [(902, "deleted"), (903, "deleted")]
    assert await ids(server, f"{of_eve}&at={iso(minutes(59))}") == [903]
    await write(database, enrolled(903, EVE_ID, 72, minute=70))
    assert EVE_ID in await ids(server, f"{COURSE}/users")


async def test_sections_are_listed_by_name_and_found_alone(server: Served) -> None:
    """With how many students are in them, where that is asked for."""
    told = await server.get(f"{COURSE}/sections?include[]=total_students")
    TypeAdapter(list[rest_people.Section]).validate_python(told)
    assert [(one["id"], one["name"], one["sis_section_id"], one["total_students"]) for one in told] == [
        (72, "Evening", "SEC-72", 1),
        (71, "Morning", "SEC-71", 1),
    ]
    for path in ("/api/v1/sections/71", f"{COURSE}/sections/71", f"/api/v1/sections/{SHARD + 71}"):
        assert (await server.get(path))["name"] == "Morning"
    for path in ("/api/v1/sections/99", "/api/v1/courses/8/sections/71", f"/api/v1/sections/{2108 * 10**13 + 71}"):
        assert (await server.ask(path)).status == 404, path
    assert "include[]" in await refused(server, f"{COURSE}/sections?include[]=students")


async def test_terms_are_the_root_accounts(server: Served) -> None:
    """Newest start first, active ones unless the request names states; 400 in Canvas' words for another account."""
    told = await server.get("/api/v1/accounts/1/terms")
    rest_people.EnrollmentTerms.model_validate(told)
    assert [(one["id"], one["sis_term_id"]) for one in told["enrollment_terms"]] == [(4, "T-4"), (3, None)]
    for query, expected in (("workflow_state[]=deleted", [2]), ("workflow_state[]=all", [4, 3, 2]), ("term_name=FAL", [3])):
        found = await server.get(f"/api/v1/accounts/self/terms?{query}")
        assert [one["id"] for one in found["enrollment_terms"]] == expected, query
    for path in ("terms", "terms/4"):
        assert await refused(server, f"/api/v1/accounts/2/{path}") == "Terms only belong to root_accounts."
    assert (await server.get("/api/v1/accounts/1/terms/2"))["workflow_state"] == "deleted"
    assert (await server.get("/api/v1/accounts/1/terms/4"))["name"] == "Spring"
    assert (await server.ask("/api/v1/accounts/1/terms/9")).status == 404


async def test_assignments_are_those_that_are_not_deleted(server: Served, database: str) -> None:
    """By id, name or due date; which is a quiz only REST tells."""
    await write(
        database, assignment(59, "Gone", workflow_state="deleted"), assignment(60, "Later", due_at="2025-04-01T00:00:00Z")
    )
    told = await server.get(f"{COURSE}/assignments")
    TypeAdapter(list[rest_people.Assignment]).validate_python(told)
    assert [(one["id"], one["published"], one["quiz_id"]) for one in told] == [
        (56, True, None),
        (57, True, 9),
        (58, False, None),
        (60, True, None),
    ]
    assert told[1]["submission_types"] == ["online_quiz"]
    assert await ids(server, f"{COURSE}/assignments?order_by=name") == [57, 58, 60, 56]
    assert await ids(server, f"{COURSE}/assignments?order_by=due_at") == [60, 56, 57, 58]
    assert await ids(server, f"{COURSE}/assignments?search_term=ESSAY") == [56]
    assert await ids(server, f"{COURSE}/assignments?assignment_ids[]={SHARD + 57}&assignment_ids[]=59") == [57]
    assert await server.get(f"{COURSE}/assignments/57") == told[1]
    for path in (f"{COURSE}/assignments/59", "/api/v1/courses/8/assignments/57"):
        assert (await server.ask(path)).status == 404


async def test_the_gradebooks_details_of_a_student_are_the_sections(server: Served) -> None:
    """Each once; 404 for somebody who has left."""
    told = await server.get(f"{COURSE}/users/{EVE_ID}/lmgb_user_details")
    rest_gradebook.UserDetails.model_validate(told)
    assert told == {
        "course": {"name": "Biology 101"},
        "user": {"sections": [{"id": 71, "name": "Morning"}, {"id": 72, "name": "Evening"}], "last_login": None},
    }
    assert (await server.ask(f"{COURSE}/users/{GUS_ID}/lmgb_user_details")).status == 404


async def test_groups_are_walked_from_the_root(server: Served) -> None:
    """The root by a redirect, as in Canvas, which keeps the moment; groups below and outcomes by title."""
    for context in ("courses/7", "accounts/1"):
        root = await server.get(f"/api/v1/{context}/root_outcome_group?at={iso(minutes(20))}")
        rest.OutcomeGroup.model_validate(root)
        assert root["id"] == {"courses/7": 10, "accounts/1": 20}[context]
        assert "parent_outcome_group" not in root
    async with server.session.get(
        f"{server.base}{COURSE}/root_outcome_group.json?at=2025-03-21",
        headers={"Authorization": f"Bearer {server.token}"},
        allow_redirects=False,
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"{server.base}{COURSE}/outcome_groups/10?at=2025-03-21")
    groups = f"{COURSE}/outcome_groups"
    assert (await server.get(f"{groups}/11"))["parent_outcome_group"]["id"] == 10
    assert [one["title"] for one in await server.get(f"{groups}/10/subgroups")] == ["Unit 1"]
    (link,) = await server.get(f"{groups}/11/outcomes?outcome_style=full")
    rest.OutcomeGroupLink.model_validate(link)
    assert (link["outcome"]["id"], link["outcome"]["points_possible"], link["outcome_group"]["id"]) == (1, 4, 11)
    for path in (f"{groups}/12", f"{groups}/20/subgroups", "/api/v1/courses/8/root_outcome_group", f"{groups}/99/outcomes"):
        assert (await server.ask(path)).status == 404, path


async def test_what_the_reference_calls_refused_is_refused(nameless: Served) -> None:
    """With a sentence that names the parameter; ignored, it would answer another question."""
    rows = re.findall(r"^\| `GET (/[^`]*)` \| (40[04]) \| ", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {path.partition("?")[0] for path, status in rows if status == "404"} >= {"/accounts/1/users", "/users/self"}
    assert len(rows) == 25
    for path, status in rows:
        answer = await nameless.ask(f"/api/v1{path}")
        assert answer.status == int(status), path
        sentence = answer.json["errors"][0]["message"]
        assert path.rpartition("?")[2].rpartition("&")[2].partition("=")[0] in sentence or status == "404", path
        assert sentence != NOT_FOUND, path


async def test_a_word_that_is_refused_brings_the_words_that_are_allowed(nameless: Served) -> None:
    """All of them, each once, in one plain sentence."""
    told = await refused(nameless, f"{COURSE}/sections?include[]=students&include[]=more")
    assert told == "include[]: allowed is 'total_students', and nothing else"
    told = await refused(nameless, f"{COURSE}/outcome_rollups?include[]=nothing")
    assert told.startswith("include[]: allowed is 'courses', 'users', 'outcomes', ")
    assert not re.search("literal|;", told)


async def test_people_of_a_moment_are_those_of_then(server: Served) -> None:
    """Gus has left at minute 45; names have no history."""
    then: Any = await server.get(f"{COURSE}/users?enrollment_type[]=student&at={iso(minutes(44))}")
    assert [one["id"] for one in then] == [EVE_ID, ANA_ID, GUS_ID]
