"""The OpenAPI document is true, and no tenant sees another one, whatever is asked."""

import asyncio
import json
import re
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from consumer.serve.app import make_app
from tests.postgres.writing import write
from tests.samples import Event
from tests.serve.serving import ANA, ANA_ID, OTHER, Served, fill_people, name_people, of, people, school, served

KNOWN = {
    "contexts": ("courses", "accounts"),
    "context_id": ("7", "1", "8", "self"),
    "account_id": ("1", "2", "self"),
    "course_id": ("7", "8"),
    "outcome_id": ("1", "2", "4"),
    "grading_standard_id": ("5", "6"),
    "outcome_result_id": ("1", "5"),
    "section_id": ("71", "72"),
    "user_id": (str(ANA_ID), "503"),
    "term_id": ("4", "2"),
    "assignment_id": ("56", "57"),
    "outcome_group_id": ("10", "20"),
    "group_of_account_id": ("20",),
    "outcome_group_link_id": ("100", "102"),
}
"""Ids of the school, so that not every answer is 404."""
ASKED = {
    "/api/v1/courses/{course_id}/outcome_alignments": (f"student_id={ANA_ID}", "assignment_id=56"),
    "/api/v1/courses/{course_id}/outcome_rollups": (
        "",
        "aggregate=course&aggregate_stat=median&include[]=courses",
        f"user_ids[]={ANA_ID}",
        "section_id=71",
        "sort_by=student&exclude[]=missing_user_rollups",
        "sort_by=outcome&sort_outcome_id=1&sort_order=desc",
        "outcome_group_id=11&rating_percents=true&add_defaults=true&include[]=users&include[]=outcomes&include[]=outcome_groups"
        "&include[]=outcome_links&include[]=outcome_paths&include[]=alignments&include[]=outcomes.alignments&include[]=assignments",
    ),
    "/api/v1/courses/{course_id}/outcome_mastery_distribution": ("include[]=alignment_distributions",),
    "/api/v1/courses/{course_id}/users": ("include[]=uuid&include[]=enrollments&include[]=test_student",),
    "/api/v1/courses/{course_id}/enrollments": ("state[]=active&state[]=deleted&include[]=uuid",),
    "/api/v1/courses/{course_id}": ("include[]=term&include[]=concluded&include[]=total_students",),
    "/api/v1/accounts/{account_id}/terms": ("workflow_state[]=all",),
    "/api/v1/courses/{course_id}/outcome_group_links": ("outcome_style=full&outcome_group_style=full",),
    "/api/v1/accounts/{account_id}/outcome_group_links": ("outcome_style=full&outcome_group_style=full",),
    "/api/v1/accounts/{account_id}/sub_accounts": ("recursive=true",),
    "/api/v1/accounts/{account_id}/courses": ("state[]=all", "include[]=term&include[]=concluded"),
    "/api/v1/sections/{section_id}/enrollments": ("state[]=active&state[]=deleted&include[]=uuid",),
    "/api/v1/users/{user_id}/enrollments": ("state[]=active&state[]=deleted&include[]=uuid",),
    "/api/history/v1/courses/{course_id}/mastery": (f"student_id={ANA_ID}&outcome_id=1", f"student_id=uuid:{ANA}&outcome_id=1"),
}
"""Queries that a path needs or accepts."""
EXAMPLES = 5
"""Requests of each operation."""
SHIFT = 5000
MARK = "SECRET"


def _document(dsn: str = "postgresql://nowhere") -> dict[str, Any]:
    return make_app(dsn).openapi()


def _paths(ids: dict[str, str]) -> list[str]:
    """Every path of the document with these ids in it; where it is an account's or a course's, both."""
    found = []
    both = [("{contexts}/{context_id}", f"{kind}s/{{{kind}_id}}") for kind in ("account", "course")]
    for path in dict.fromkeys(path.replace(*names) for path in _document()["paths"] for names in both):
        known = ids | ({"outcome_group_id": ids["group_of_account_id"]} if "/accounts/" in path else {})
        filled = path.format_map(known)
        found += [f"{filled}?{query}" for query in ASKED.get(path, ("",))]
    return [path for path in found if path.startswith(("/api/", "/courses/"))]


def test_the_document_tells_every_endpoint_parameter_and_refusal() -> None:
    """`at` and pages where they can be asked for, the answers' shapes, and that a token is needed."""
    document = _document()
    paths = document["paths"]
    assert document["security"] == [{"token": []}]
    assert "422" not in json.dumps(document)
    names = {path: {one["name"] for one in operation["get"].get("parameters", ())} for path, operation in paths.items()}
    api = {path for path in paths if path.startswith("/api/")}
    assert len(api) == 44
    for path in api:
        assert {"200", "400", "401", "404", "503"} <= set(paths[path]["get"]["responses"]), path
        assert ("at" in names[path]) == path.startswith("/api/v1/"), path
        kind = "text/csv" if path.endswith(".csv") else "application/json"
        assert paths[path]["get"]["responses"]["200"]["content"][kind]["schema"], path
        lists = "Link" in paths[path]["get"]["responses"]["200"].get("headers", {})
        assert lists == ({"page", "per_page"} <= names[path]), path
    assert {"user_ids[]", "outcome_ids[]"} <= names["/api/v1/courses/{course_id}/outcome_results"]
    assert paths["/livez"]["get"]["security"] == []


@pytest.mark.timeout(300)
async def test_whatever_is_asked_no_answer_is_a_500_or_of_another_shape(database: str) -> None:
    """Random requests from the document, valid and not, half of them with ids of the school."""
    await fill_people(database)
    async with served(database) as server:
        await asyncio.to_thread(_ask_by_chance, server)


def _ask_by_chance(server: Served) -> None:
    schema = schemathesis.openapi.from_dict(_document())
    told = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    answered: set[int] = set()
    with requests.Session() as session:
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
            strategy = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

            @seed(7)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy, known=st.booleans(), data=st.data())
            def ask(case: Any, known: bool, data: Any) -> None:
                if known:
                    case.path_parameters = {
                        name: data.draw(st.sampled_from(KNOWN[name])) for name in case.path_parameters or {} if name in KNOWN
                    }
                headers = {"Authorization": f"Bearer {server.token}"}
                answer = case.call(base_url=server.base, session=session, headers=headers)
                assert answer.status_code in (200, 302, 400, 401, 404, 405), answer.text
                case.validate_response(answer, checks=told)
                answered.add(answer.status_code)

            ask()
    assert {200, 400, 404} <= answered


def _secret(event: Event, shift: int) -> Event:
    """The same event in another school: other words, other people and, with a shift, other ids."""
    body = json.loads(
        re.sub(
            r'"(Reading|Writing|Unit 1|Morning|Evening|A quiz|Draft'
            r'|Course 7|School[^"]*|Biology[^"]*|Level \d|Exceeds|Meets|Below|ana-\d+|bo-\d+|chi)"',
            rf'"{MARK} \1"',
            json.dumps(event["body"]),
        )
    )
    for name, value in body.items():
        if (name == "id" or name.endswith("_id")) and isinstance(value, str) and value.isdigit():
            body[name] = str(int(value) + shift)
        elif name.endswith("uuid") and name != "user_uuid" and isinstance(value, str):
            body[name] = f"{MARK} uuid"
    return {**event, "body": body}


async def test_another_tenants_data_never_appears(database: str) -> None:
    """Every endpoint, with ids of the other one and with ids of both, answers as before the other one existed."""
    await fill_people(database)
    ids = {name: some[0] for name, some in KNOWN.items() if not name.startswith("context")}
    others = {name: str(int(value) + SHIFT) for name, value in ids.items()}
    async with served(database) as server:
        before = {path: (await server.ask(path)).body for path in _paths(ids)}
        missing = {path: await server.ask(path) for path in _paths(others)}
        await write(database, *of(OTHER, [_secret(event, 0) for event in (*school(), *people())]))
        await write(database, *of(OTHER, [_secret(event, SHIFT) for event in (*school(), *people())]))
        await name_people(database, OTHER, MARK)
        for path, body in before.items():
            after = await server.ask(path)
            assert (after.body, after.status) == (body, 200), path
        for path, absent in missing.items():
            after = await server.ask(path)
            assert (after.body, after.status) == (absent.body, absent.status), path
            assert after.status == 404 or re.search("/api/v1/(accounts|courses)$", path.rstrip("?")), path
            assert MARK not in after.body.decode()
    async with served(database, OTHER) as server:
        for path in _paths(others):
            if not re.search(r"grading_standard|terms|_ids?(\[\])?=", path):
                assert (await server.ask(path)).status == 200, path  # so that the ids above were real ones
        for path in (f"outcomes/{others['outcome_id']}", f"courses/{others['course_id']}/users"):
            assert MARK in json.dumps(await server.get(f"/api/v1/{path}")), path
