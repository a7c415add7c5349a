"""The client reads what Canvas has, waits when throttled, gives up with a sentence, and never leaks the token."""

import asyncio
import io
import json
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from consumer import log
from consumer.canvas.client import Answer, CanvasClient, Context, Page
from consumer.canvas.pacing import Clock, RetryPolicy
from consumer.environment import load
from consumer.errors import (
    CanvasAway,
    CanvasError,
    CanvasForbidden,
    CanvasNotFound,
    CanvasRejected,
    CanvasSurprise,
    CanvasUnauthorized,
    UsageError,
)
from consumer.query import grading_standards
from consumer.settings import Settings
from schemas import rest, rest_gradebook, rest_people
from tests.canvas.content import ALGEBRA, ANN, BIOLOGY, EQUATIONS, FRACTIONS, GRAPHS, HIGH, READING, ROOT, UUID
from tests.canvas.examples import EXAMPLES
from tests.canvas.school import School, with_string_ids

NOON = datetime(2025, 3, 20, 12, tzinfo=UTC)


class Time:
    """A clock that only sleeping moves; it records the waits."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    @property
    def passed(self) -> float:
        """Seconds."""
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        """Returns at once."""
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        """Chance is always 0.5."""
        return Clock(lambda: NOON + timedelta(seconds=self.passed), lambda: self.passed, self.sleep, lambda: 0.5)


@pytest.fixture
async def school() -> AsyncIterator[School]:
    """A small Canvas."""
    async with School() as canvas:
        yield canvas


@pytest.fixture
def time() -> Time:
    """A fresh clock."""
    return Time()


@pytest.fixture
async def client(school: School, time: Time) -> AsyncIterator[CanvasClient]:
    """Reads the school."""
    async with CanvasClient(school.url, SecretStr(school.token), seconds=5, clock=time.clock) as asking:
        yield asking


async def pages_of(pages: AsyncIterator[Page[Any]]) -> list[Page[Any]]:
    """All of them."""
    return [page async for page in pages]


async def items_of(pages: AsyncIterator[Page[Any]]) -> list[Any]:
    """All items on them."""
    return [item async for page in pages for item in page.items]


# Shapes


@pytest.mark.parametrize(("shape", "example"), EXAMPLES.values(), ids=EXAMPLES)
def test_every_published_example_is_accepted(shape: Any, example: Any) -> None:
    """Each member arrives, whether ids are numbers or strings: the dump equals the example."""
    adapter = TypeAdapter(shape)
    for body in (example, with_string_ids(example)):
        model = adapter.validate_json(json.dumps(body))
        assert adapter.dump_python(model, mode="json", exclude_unset=True, by_alias=True) == renamed(example)


def renamed(example: Any) -> Any:
    """Canvas' documentation says `id` for an alignment's outcome; Canvas says `learning_outcome_id`, and so do we."""
    if isinstance(example, dict) and "assignment_id" in example and "id" in example:
        return {("learning_outcome_id" if name == "id" else name): value for name, value in example.items()}
    return example


@pytest.mark.parametrize(
    ("value", "id_"),
    [(79, 79), ("79", 79), ("21070000000000079", 21070000000000079), ("2107~79", 21070000000000079), (2**63 - 1, 2**63 - 1)],
)
def test_an_id_is_a_number_a_text_or_one_of_another_shard(value: Any, id_: int) -> None:
    """Inside links we write it as text, as Canvas does."""
    result = rest_gradebook.OutcomeResult.model_validate(
        {"id": value, "score": None, "links": {"user": value, "learning_outcome": value}}
    )
    assert (result.id, result.links.user, result.links.learning_outcome) == (id_, str(id_), id_)
    assert json.loads(result.model_dump_json())["links"]["learning_outcome"] == str(id_)


def test_a_result_tells_its_score_or_that_it_has_none() -> None:
    """Null is valid. A misspelled member is not: it would lose the score."""
    with pytest.raises(ValidationError) as refused:
        rest_gradebook.OutcomeResult.model_validate({"id": 1, "scoree": 3, "links": {"user": "5", "learning_outcome": "2"}})
    assert [details["loc"] for details in refused.value.errors()] == [("score",)]


@pytest.mark.parametrize("value", [0, -1, 2**63, "", "7.5", 7.5, True, "~79", "2107~", "2107~10000000000000", "0~1", [], "x"])
def test_what_is_no_id_is_refused(value: Any) -> None:
    """We do not guess."""
    with pytest.raises(ValidationError) as refused:
        rest.Account.model_validate({"id": value, "name": "A"})
    assert [details["loc"] for details in refused.value.errors()] == [("id",)]


def test_ids_are_published_as_numbers_or_digits() -> None:
    """Both forms match our server's OpenAPI description."""
    schema = rest.Account.model_json_schema(mode="serialization")["properties"]["id"]
    assert {one["type"] for one in schema["anyOf"]} == {"integer", "string"}


def test_a_grading_standard_from_the_wire_is_one_that_can_be_imported() -> None:
    """With exact bounds. The rules are in `schemas.grading_standards` only."""
    remote = rest.GradingStandard.model_validate_json(
        '{"id": "7", "title": "L", "context_type": "Course", "context_id": 3, "points_based": false, "scaling_factor": 1.0,'
        '"grading_scheme": [{"name": "A", "value": 0.545, "calculated_value": 54.5}, {"name": "F", "value": 0.0}]}'
    )
    (standard,) = grading_standards.read("canvas", remote.model_dump_json().encode())
    assert [str(entry.value) for entry in standard.scheme] == ["0.5450", "0.0000"]
    assert (standard.id, standard.context_id) == (7, 3)


def test_error_bodies_have_all_of_canvas_forms() -> None:
    """A list, a dictionary by member, a message, or an error."""
    for body in (
        {"errors": [{"message": "The specified resource does not exist."}]},
        {"errors": {"title": [{"attribute": "title", "type": "blank", "message": "blank"}]}},
        {"message": "student_id is required"},
        {"error": "Individual outcome ratings cannot be modified."},
        {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]},
    ):
        assert rest.ErrorBody.model_validate(body).model_dump(exclude_unset=True) == body


# Every endpoint


async def test_the_tree_is_told(client: CanvasClient) -> None:
    """Accounts at any depth, and their courses."""
    root = await client.account(ROOT)
    assert (root.value.uuid, root.value.parent_account_id, root.requested_at) == (UUID, None, NOON)
    assert [account.id for account in await items_of(client.accounts())] == [ROOT]
    below = await items_of(client.sub_accounts(ROOT))
    assert {account.id: account.parent_account_id for account in below} == {2: 1, 3: 2, 4: 2}
    courses = await items_of(client.account_courses(HIGH))
    assert [(course.id, course.account_id, course.workflow_state) for course in courses] == [
        (ALGEBRA, HIGH, "available"),
        (BIOLOGY, HIGH, "available"),
    ]


async def test_deleted_courses_are_told_on_demand(school: School, client: CanvasClient) -> None:
    """Canvas omits them by default."""
    school.courses[BIOLOGY]["workflow_state"] = "deleted"
    assert [course.id for course in await items_of(client.account_courses(HIGH))] == [ALGEBRA]
    assert [course.id for course in await items_of(client.account_courses(HIGH, deleted=True))] == [ALGEBRA, BIOLOGY]


async def test_outcomes_groups_and_links_are_told_whole(client: CanvasClient) -> None:
    """With their owners, criteria and parents."""
    outcome = (await client.outcome(EQUATIONS)).value
    assert (outcome.calculation_method, outcome.calculation_int, outcome.mastery_points) == ("decaying_average", 65, 3.0)
    assert outcome.ratings is not None
    assert [rating.points for rating in outcome.ratings] == [5.0, 3.0, 0.0]
    groups = await items_of(client.outcome_groups(Context("Account", ROOT)))
    assert [(group.id, group.parent_outcome_group and group.parent_outcome_group.id) for group in groups] == [
        (301, None),
        (302, 301),
    ]
    links = await items_of(client.outcome_group_links(Context("Course", ALGEBRA)))
    assert [(link.outcome_group.id, link.outcome.id, link.outcome.description) for link in links] == [
        (304, EQUATIONS, "<p>Equations</p>"),
        (304, FRACTIONS, "<p>Fractions</p>"),
        (304, GRAPHS, "<p>Graphs</p>"),
    ]
    assert {(link.context_type, link.context_id, link.outcome_group.context_id) for link in links} == {
        ("Course", ALGEBRA, ALGEBRA)
    }


async def test_alignments_are_told_by_assignment_or_by_student(school: School, client: CanvasClient) -> None:
    """An older Canvas requires a student and answers with its own error."""
    by_assignment = await client.outcome_alignments(ALGEBRA, assignment_id=601)
    assert [alignment.learning_outcome_id for alignment in by_assignment.value] == [EQUATIONS, FRACTIONS]
    by_student = await client.outcome_alignments(ALGEBRA, student_id=ANN)
    assert len(by_student.value) == 4
    with pytest.raises(CanvasNotFound):
        await client.outcome_alignments(ALGEBRA, assignment_id=603)
    school.old = True
    with pytest.raises(CanvasRejected, match=r"GET /api/v1/courses/101/outcome_alignments: status 400"):
        await client.outcome_alignments(ALGEBRA, assignment_id=601)


async def test_results_and_rollups_are_told(school: School, client: CanvasClient) -> None:
    """Hidden ones on demand; one rollup for each student and section."""
    results = await items_of(client.outcome_results(ALGEBRA))
    assert [result.id for result in results] == [803, 801, 802, 804, 805, 806]
    assert results[0].links == rest_gradebook.OutcomeResultLinks(
        user=str(ANN), learning_outcome=FRACTIONS, alignment="assignment_601", assignment="assignment_601"
    )
    school.results[804]["hidden"] = True
    assert len(await items_of(client.outcome_results(ALGEBRA))) == 5
    assert len(await items_of(client.outcome_results(ALGEBRA, include_hidden=True))) == 6
    rollups = [rollup for rollup in await items_of(client.outcome_rollups(ALGEBRA)) if rollup.links.user == str(ANN)]
    assert [(rollup.links.section, [score.score for score in rollup.scores]) for rollup in rollups] == [
        (701, [5.0, 3.3]),
        (702, [5.0, 3.3]),
    ]


async def test_scales_are_the_nearest_ones_and_none_is_an_answer_too(school: School, client: CanvasClient) -> None:
    """The time of the request is known either way."""
    inherited = await client.outcome_proficiency(Context("Course", ALGEBRA))
    assert inherited.value is not None
    assert [rating.points for rating in inherited.value.ratings] == [10.0, 0.0]
    school.scales.clear()
    assert await client.outcome_proficiency(Context("Course", READING)) == Answer(None, NOON)


async def test_what_canvas_leaves_out_is_none(school: School, client: CanvasClient) -> None:
    """With account-level scales, an outcome has no points of its own, and a link shows its context's."""
    school.account_level_scales = True
    school.methods["Account", ROOT] = ("n_mastery", 3)
    outcome = (await client.outcome(FRACTIONS)).value
    assert (outcome.ratings, outcome.points_possible, outcome.mastery_points) == (None, None, None)
    assert (outcome.calculation_method, outcome.calculation_int) == (None, None)
    links = await items_of(client.outcome_group_links(Context("Course", READING)))
    assert [(link.outcome.points_possible, link.outcome.mastery_points) for link in links] == [(3.0, 2.0)]
    assert [(link.outcome.calculation_method, link.outcome.calculation_int) for link in links] == [("n_mastery", 3)]


async def test_grading_standards_are_told(client: CanvasClient) -> None:
    """The context's own."""
    (standard,) = await items_of(client.grading_standards(Context("Course", READING)))
    assert (standard.points_based, standard.scaling_factor, standard.grading_scheme[0].calculated_value) == (True, 4.0, 3.0)


# Pages


async def test_every_page_is_fetched_in_order_as_often_as_canvas_cuts_the_wish(
    school: School, client: CanvasClient, time: Time
) -> None:
    """By Canvas' own links, each page with the time of its request."""
    school.page_size = 2
    school.remaining = 200  # so that time passes between pages
    pages = await pages_of(client.outcome_results(ALGEBRA))
    assert [[result.id for result in page.items] for page in pages] == [[803, 801], [802, 804], [805, 806]]
    moments = [page.requested_at for page in pages]
    assert moments[0] == NOON
    assert moments == sorted(set(moments))
    first, second, _ = school.requests("outcome_results")
    assert "per_page=100" in first.url
    assert "page=bookmark:" in second.url
    assert first.headers["Accept"] == "application/json+canvas-string-ids"


async def test_an_opaque_link_comes_back_untouched(school: School, client: CanvasClient) -> None:
    """With any escapes, in any case of the header, and among any number of links."""
    target = f"{school.url}/api/v1/accounts?page=bookmark:MA%3d%3D&x=%2C%7e+;a%2B&x=1"
    school.fail("next", path="accounts$", Target=f'{school.url}/first>; REL=first, <{target}>; title="a, b"; rel="next last')
    await pages_of(client.accounts())
    received = school.asked[1]
    assert received.path == "/api/v1/accounts"
    assert received.raw_path == target.removeprefix(school.url)


async def test_pages_that_go_round_in_a_circle_end_with_a_sentence(school: School, client: CanvasClient) -> None:
    """They do not loop."""
    school.fail("circle", times=99)
    with pytest.raises(CanvasSurprise, match=r"GET /api/v1/accounts: the next page is one that was read before"):
        await pages_of(client.accounts())
    assert len(school.asked) == 1
    school.planned.clear()
    school.page_size = 1
    school.fail("next", path="sub_accounts", times=2, Target=f"{school.url}/api/v1/accounts/1/sub_accounts?page=first")
    with pytest.raises(CanvasSurprise, match="read before"):
        await pages_of(client.sub_accounts(ROOT))
    assert len(school.asked) == 1 + 2


# What goes wrong


@pytest.mark.parametrize("kind", ["throttle", "429"])
async def test_throttling_is_waited_for_however_often(school: School, client: CanvasClient, time: Time, kind: Any) -> None:
    """Each wait is twice as long. It does not use up the tries for failures."""
    school.fail(kind, times=8)
    assert (await client.account(ROOT)).value.id == ROOT
    assert len(school.asked) == 9
    assert time.slept == sorted(time.slept)
    assert 60 < time.passed < 120


async def test_canvas_may_say_how_long_to_wait(school: School, client: CanvasClient, time: Time) -> None:
    """In seconds or as a date, also for failures; but no wait lasts hours."""
    school.fail("429", Retry_After="7")
    await client.account(ROOT)
    assert 7 <= time.passed < 9
    school.fail("503", Retry_After=f"{NOON + timedelta(seconds=time.passed + 40):%a, %d %b %Y %H:%M:%S} GMT")
    before = time.passed
    await client.account(ROOT)
    assert 39 <= time.passed - before < 42
    school.fail("429", Retry_After="86400")
    before = time.passed
    await client.account(ROOT)
    assert time.passed - before < 70


async def test_a_date_that_no_calendar_has_is_none(school: School, client: CanvasClient, time: Time) -> None:
    """In `Retry-After` or in `Date`, we ignore it."""
    absurd = "Fri, 01 Jan 99999999999999999999 00:00:00 GMT"
    school.fail("503", Retry_After=absurd)
    school.date = absurd
    assert (await client.account(ROOT)).value.id == ROOT
    assert school.asked[-1].path.endswith(f"/accounts/{ROOT}")
    assert len(time.slept) == 1
    assert client.ahead_seconds == 0


async def test_throttling_without_end_is_given_up(school: School, time: Time) -> None:
    """With a sentence."""
    school.fail("throttle", times=99)
    policy = RetryPolicy(throttlings=3)
    async with CanvasClient(school.url, SecretStr(school.token), policy=policy, clock=time.clock) as client:
        with pytest.raises(CanvasAway, match=r"accounts/1: gave up after 4 times of throttling \(403\)"):
            await client.account(ROOT)


async def test_who_is_throttled_holds_back_the_others(school: School, time: Time) -> None:
    """The bucket belongs to the token, so all tasks wait."""
    school.fail("throttle", path="accounts/2", Retry_After="30")
    async with CanvasClient(school.url, SecretStr(school.token), concurrent=1, clock=time.clock) as client:
        answers = await asyncio.gather(client.account(2), client.account(ROOT))
    assert [asked.path[-1] for asked in school.asked] == ["2", "1", "2"]
    assert min(answer.requested_at for answer in answers) >= NOON + timedelta(seconds=30)


async def test_less_is_asked_when_the_bucket_runs_low(school: School, client: CanvasClient, time: Time) -> None:
    """Before Canvas refuses."""
    await client.account(ROOT)
    await client.account(ROOT)
    assert time.passed == 0
    school.remaining = 100
    await client.account(ROOT)
    await client.account(ROOT)
    assert time.passed == pytest.approx(15 * 1.05)  # up to 5 x 50, at 10 a second


@pytest.mark.parametrize("kind", ["500", "503", "break", "cut"])
async def test_failures_are_tried_again_and_then_named(school: School, client: CanvasClient, time: Time, kind: Any) -> None:
    """A page arrives complete or not at all."""
    school.fail(kind, times=5)
    assert len(await items_of(client.outcome_results(ALGEBRA))) == 6
    assert time.slept == pytest.approx([0.375, 0.75, 1.5, 3.0, 6.0])
    school.fail(kind, times=99)
    with pytest.raises(
        CanvasAway, match=r"GET /api/v1/courses/101/outcome_results: gave up after 6 tries; the last one failed: "
    ):
        await items_of(client.outcome_results(ALGEBRA))


async def test_waits_differ_by_chance(school: School, time: Time) -> None:
    """Many clients do not return at the same time."""
    waits = []
    for chance in (0.0, 1.0):
        time.slept.clear()
        clock = Clock(monotonic=lambda: time.passed, sleep=time.sleep, chance=lambda chance=chance: chance)  # type: ignore[misc]
        school.fail("500")
        async with CanvasClient(school.url, SecretStr(school.token), clock=clock) as client:
            await client.account(ROOT)
        waits.append(time.passed)
    assert waits == [0.25, 0.5]


async def test_a_slow_answer_has_a_limit(school: School, time: Time) -> None:
    """So has a missing server."""
    policy = RetryPolicy(tries=2)
    school.fail("slow", times=2)
    async with CanvasClient(school.url, SecretStr(school.token), seconds=0.1, policy=policy, clock=time.clock) as client:
        with pytest.raises(CanvasAway, match=r"failed: no complete answer within 0\.1 seconds"):
            await client.account(ROOT)
    gone = "http://127.0.0.1:9"
    async with CanvasClient(gone, SecretStr(school.token), policy=policy, clock=time.clock) as client:
        with pytest.raises(CanvasAway, match=r"failed: the connection failed \(ClientConnectorError\)"):
            await client.account(ROOT)


async def test_a_wait_ends_when_its_task_is_cancelled(school: School) -> None:
    """Stopping does not wait for Canvas."""
    school.fail("throttle", Retry_After="60")
    async with CanvasClient(school.url, SecretStr(school.token)) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.account(ROOT), 0.2)
        assert len(school.asked) == 1


async def test_no_more_is_asked_at_once_than_agreed(school: School, time: Time) -> None:
    """Each running request takes 50 out of the bucket."""
    async with CanvasClient(school.url, SecretStr(school.token), concurrent=2, clock=time.clock) as client:
        await asyncio.gather(*(client.account(ROOT) for _ in range(12)))
    assert school.most_at_once == 2


@pytest.mark.parametrize(
    ("kind", "error", "sentence"),
    [
        ("forbidden", CanvasForbidden, r"GET /api/v1/courses/101/outcome_results: the token's user may not see this \(403\)"),
        ("html", CanvasSurprise, "the answer is not JSON; check that OUTCOMES_CANVAS_URL is a Canvas"),
        ("shape", CanvasSurprise, r"outcome_results: outcome_results\[0\]\.id is not as Canvas publishes it: an id is a whole"),
    ],
)
async def test_what_will_not_get_better_is_said_at_once(
    school: School, client: CanvasClient, kind: Any, error: type[CanvasError], sentence: str
) -> None:
    """By path and member, without the content."""
    school.fail(kind)
    with pytest.raises(error, match=sentence) as raised:
        await items_of(client.outcome_results(ALGEBRA))
    assert len(school.asked) == 1
    assert "secret" not in "".join(traceback.format_exception(raised.value))


async def test_a_wrong_shape_anywhere_names_its_place(school: School, client: CanvasClient) -> None:
    """In a list, in an object, or inside one."""
    school.outcomes[FRACTIONS]["title"] = None
    with pytest.raises(
        CanvasSurprise, match=r"outcome_group_links: \[0\]\.outcome\.title is not .*: input should be a valid string"
    ):
        await items_of(client.outcome_group_links(Context("Account", ROOT)))
    school.scales["Course", READING][1]["points"] = "two"
    with pytest.raises(CanvasSurprise, match=r"outcome_proficiency: ratings\[1\]\.points is not .*: a number is a JSON number"):
        await client.outcome_proficiency(Context("Course", READING))
    school.fail("shape")
    with pytest.raises(CanvasSurprise, match=r"accounts/1: id is not"):
        await client.account(ROOT)


async def test_an_answer_without_end_is_not_read(school: School, client: CanvasClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canvas never sends that much."""
    monkeypatch.setattr("consumer.canvas.client.MAX_BODY_BYTES", 3 * 1024 * 1024)
    school.accounts[ROOT]["name"] = "x" * 4 * 1024 * 1024
    with pytest.raises(CanvasSurprise, match="accounts/1: an answer of more than 3 MB"):
        await client.account(ROOT)


async def test_members_that_canvas_may_add_are_no_surprise(school: School, client: CanvasClient) -> None:
    """We ignore them."""
    school.accounts[ROOT]["from_next_year"] = {"a": [1]}
    assert (await client.account(ROOT)).value.name == "Green Valley"


async def test_a_wrong_token_is_told_from_a_missing_right(school: School, client: CanvasClient, time: Time) -> None:
    """Even if an older Canvas answers 401 to both."""
    async with CanvasClient(school.url, SecretStr("other"), clock=time.clock) as stranger:
        with pytest.raises(CanvasUnauthorized, match="does not know this token"):
            await stranger.account(ROOT)
    school.fail("forbidden401")
    with pytest.raises(CanvasForbidden, match="may not see this"):
        await client.account(ROOT)


# The token


async def test_the_token_goes_to_its_own_canvas_and_nowhere_else(school: School, client: CanvasClient) -> None:
    """No link or redirect leads it away. Redirects on the same host are followed."""
    async with School() as other:
        school.fail("next", Target=f"{other.url}/api/v1/accounts?page=2")
        with pytest.raises(CanvasSurprise, match="Canvas points to another address; check OUTCOMES_CANVAS_URL"):
            await items_of(client.accounts())
        named = [school.url.replace("//", f"//{who}@") for who in ("user", ":pw")]
        for target in (f"{other.url}/api/v1/accounts", "https" + school.url[4:], *named, "http://["):
            school.fail("elsewhere", Location=target)
            with pytest.raises(CanvasSurprise, match="Canvas points to "):
                await items_of(client.accounts())
        assert other.asked == []
    school.fail("elsewhere", Location="/api/v1/accounts/2")
    assert (await client.account(ROOT)).value.id == 2
    school.fail("elsewhere", times=99, Location="/api/v1/accounts/2")
    with pytest.raises(CanvasSurprise, match="more than 5 redirects"):
        await client.account(ROOT)


async def test_the_token_is_in_no_address_log_or_error(school: School, client: CanvasClient) -> None:
    """Not in an exception's traceback either, nor if the server breaks HTTP."""
    lines = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    log.configure("json", "debug", lines)
    try:
        errors: list[BaseException] = []
        kinds: list[Any] = ["html", "shape", "forbidden", "circle", "garbage", "throttle", "break", "500"]
        for kind in kinds:
            school.planned.clear()
            school.fail(kind, times=99)
            try:
                await items_of(client.accounts())
            except CanvasError as error:
                errors.append(error)
                log.get("test").exception("failed")
        assert len(errors) == len(kinds)
    finally:
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger().setLevel(before[1])
    texts = [lines.getvalue(), repr(client), str(vars(client))]
    for found in errors:
        assert found.__cause__ is None
        assert found.__context__ is None
        texts += [repr(found), "".join(traceback.format_exception(found))]
    texts += [asked.url for asked in school.asked]
    assert "canvas_retry" in lines.getvalue()
    assert [text for text in texts if school.token in text or "content" in text] == []


# Settings


def test_the_client_is_what_the_settings_say() -> None:
    """A missing one is named."""
    settings = Settings(canvas_url="https://School.Example:8443/api/v1/", canvas_token=SecretStr("t"))
    assert repr(CanvasClient.of(settings)) == "CanvasClient('https://school.example:8443')"
    assert CanvasClient.of(settings).host == "school.example:8443"
    with pytest.raises(UsageError, match="OUTCOMES_CANVAS_URL"):
        CanvasClient.of(Settings(canvas_token=SecretStr("t")))
    with pytest.raises(UsageError, match="OUTCOMES_CANVAS_TOKEN"):
        CanvasClient.of(Settings(canvas_url="https://school.example"))


@pytest.mark.parametrize(
    "address",
    [
        "school.example",
        "ftp://school.example",
        "https://",
        "https://:443",
        "https://user:hunter2@school.example",
        "https://school.example?access_token=hunter2",
        "https://school.example#hunter2",
        "https://school.example:99999",
        "https://school .example",
        "https://[::1",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_shown(address: str) -> None:
    """It may hold a secret."""
    with pytest.raises(UsageError, match="OUTCOMES_CANVAS_URL: is no address of a Canvas") as refused:
        load(canvas_url=address)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("tail", ["", "/", "/api/v1", "/api/v1/"])
def test_what_people_copy_along_with_an_address_does_no_harm(tail: str) -> None:
    """Only the base is kept."""
    assert load(canvas_url=f"https://school.example/canvas{tail}").canvas_url == "https://school.example/canvas"


def test_a_token_that_cannot_be_one_is_refused_and_not_shown() -> None:
    """A line break would end the header."""
    with pytest.raises(UsageError, match="OUTCOMES_CANVAS_TOKEN: holds characters that no token has") as refused:
        load(canvas_token="hunter2\r\nHost: elsewhere")
    assert "hunter2" not in str(refused.value)


def test_every_shape_says_what_its_members_mean() -> None:
    """Our server publishes them."""
    found = {id(shape): shape for room in (rest, rest_gradebook, rest_people) for shape in vars(room).values()}.values()
    shapes = [shape for shape in found if isinstance(shape, type) and issubclass(shape, BaseModel)]
    assert len(shapes) > 40
    assert [
        f"{shape.__name__}.{name}" for shape in shapes for name, field in shape.model_fields.items() if not field.description
    ] == []
