"""The simulator tells of people and places as Canvas does, and keeps what Canvas tells nobody in books of its own."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import cache

import pytest

from consumer.simulator import names
from consumer.simulator.books import Books
from consumer.simulator.posting import Event
from consumer.simulator.school import School, institution
from schemas.base import local_id

SCHOOL = School(seed=2, events=6000)


@cache
def term() -> tuple[list[Event], Books]:
    """All events, and the books."""
    books = Books()
    return list(institution(SCHOOL, books)), books


def tenant() -> str:
    """The institution."""
    return term()[0][0].root_account_uuid


def end() -> datetime:
    """After all events."""
    return SCHOOL.start + timedelta(weeks=SCHOOL.weeks + 1)


def named(*event_names: str) -> list[Event]:
    """Events of these names, by time."""
    return sorted((event for event in term()[0] if event.name in event_names), key=lambda event: event.time)


def results_of(user: int, course: int, at: datetime) -> list[int] | None:
    """Results in Canvas' own gradebook; None: no row."""
    return term()[1].gradebook(tenant(), course, at).get(user)


def test_every_told_state_is_in_the_books() -> None:
    """At the end they hold the newest body of every object that the events told of last."""
    newest: dict[tuple[str, int], Event] = {}
    for event in sorted(term()[0], key=lambda event: event.time):
        if event.kind:
            newest[event.kind, event.id] = event
    books = {kind: term()[1].newest(tenant(), kind, end()) for kind in {kind for kind, _ in newest}}
    for (kind, id_), event in newest.items():
        entry = books[kind][id_]
        assert entry.event is None or entry.time > event.time or event.body.items() <= entry.row.items()


def test_an_import_deletes_enrolments_without_an_event() -> None:
    """The newest event says active; Canvas' books say deleted, in the hour of an import that is done."""
    told = {event.id: event.body["workflow_state"] for event in named("enrollment_created", "enrollment_updated")}
    silent = {
        id_: entry
        for id_, entry in term()[1].newest(tenant(), "enrollment", end()).items()
        if entry.event is None and entry.row["workflow_state"] == "deleted"
    }
    assert len(silent) >= 4
    assert {told[id_] for id_ in silent} == {"active"}
    done = [event.time for event in named("sis_batch_updated") if event.body["workflow_state"] == "imported"]
    assert all(any(abs(entry.time - time) < timedelta(hours=1) for time in done) for entry in silent.values())


def test_enrolments_of_a_cross_listed_section_move_with_one_straggler_as_an_event() -> None:
    """The section's event names both courses."""
    (moved,) = named("course_section_updated")
    assert moved.body["nonxlist_course_id"] != moved.body["course_id"]
    there = [
        (id_, row)
        for id_, row in term()[1].rows(tenant(), "enrollment", moved.time + timedelta(minutes=1))
        if local_id(int(row["course_section_id"])) == moved.id
    ]
    assert len(there) > 3
    assert {str(local_id(int(row["course_id"]))) for _, row in there} == {moved.body["course_id"]}
    near = [e for e in named("enrollment_updated") if timedelta() < e.time - moved.time < timedelta(minutes=1)]
    assert len(near) == 1


def test_a_merge_can_move_the_uuid_to_the_other_user() -> None:
    """Two `user_updated`, then the first user's deletion; results before stay the first user's, later ones are the second's."""
    users = defaultdict[str, list[int]](list)
    for event in named("user_created", "user_updated"):
        uuid = event.body.get("uuid")
        if uuid is not None and event.id not in users[uuid]:
            users[uuid].append(event.id)
    ((uuid, (source, target)),) = [(uuid, ids) for uuid, ids in users.items() if len(ids) > 1]
    last = [event for event in named("user_updated") if event.id == source][-2:]
    assert [event.body["workflow_state"] for event in last] == ["registered", "deleted"]
    assert all("uuid" not in event.body for event in last)
    assert "merged_into_user_id" not in last[-1].body
    assert term()[1].newest(tenant(), "canvas_user", end())[source].row["merged_into_user_id"] == target
    owners = {
        row["user_id"] for _, row in term()[1].rows(tenant(), "learning_outcome_result", end()) if row["user_uuid"] == uuid
    }
    assert owners == {source, target}
    assert results_of(source, 500, end()) is None
    assert results_of(target, 500, end())


def test_a_merge_can_leave_both_uuids_and_only_rest_knows_the_past_one() -> None:
    """Enrolments change their user without an event; where both users have one, the first one's is deleted with an event."""
    users = term()[1].newest(tenant(), "canvas_user", end())
    merged = {id_: entry.row["merged_into_user_id"] for id_, entry in users.items() if entry.row["merged_into_user_id"]}
    assert len(merged) == 3
    past = [row for _, row in term()[1].rows(tenant(), "user_past_uuid", end())]
    assert len(past) == 2
    told = {event.id: event.body for event in named("enrollment_created", "enrollment_updated")}
    enrolments = term()[1].newest(tenant(), "enrollment", end())
    conflicts = 0
    for row in past:
        (source,) = (
            id_ for id_, into in merged.items() if into == row["user_id"] and users[id_].row["uuid"] == row["user_uuid"]
        )
        (theirs,) = [body for body in told.values() if local_id(int(body["user_id"])) == source]
        owner = local_id(int(enrolments[local_id(int(theirs["enrollment_id"]))].row["user_id"]))
        conflicts += theirs["workflow_state"] == "deleted"
        assert owner == (source if theirs["workflow_state"] == "deleted" else row["user_id"])
        assert results_of(source, row["course_id"], end()) is None
        assert results_of(row["user_id"], row["course_id"], end()) is not None
    assert conflicts == 1


def test_a_work_that_is_assessed_again_after_a_merge_has_results_of_both_users() -> None:
    """Both are active: Canvas looks for the target's result, finds none and makes one."""
    owners = defaultdict[tuple[str, str], set[int]](set)
    for _, row in term()[1].rows(tenant(), "learning_outcome_result", end()):
        if row["artifact_type"] == "RubricAssessment":
            owners[row["artifact_id"], row["learning_outcome_id"]].add(row["user_id"])
    assert any(len(users) == 2 for users in owners.values())


def test_who_drops_a_course_leaves_its_gradebook_and_can_come_back() -> None:
    """Deletion and return are events of the same enrolment."""
    states = defaultdict[int, list[tuple[datetime, str, str]]](list)
    for event in named("enrollment_updated"):
        states[event.id].append((event.time, event.body["workflow_state"], event.body["user_id"]))
    back = [found for found in states.values() if [state for _, state, _ in found][-2:] == ["deleted", "active"]]
    assert back
    for (gone, _, user), (again, _, _) in [found[-2:] for found in back]:
        id_ = local_id(int(user))
        assert [results_of(id_, 500, at + timedelta(days=1)) is None for at in (gone, again)] == [True, False]


def test_test_students_have_results_and_some_students_never_have() -> None:
    """And some are enrolled in several sections of a course."""
    enrolments = [row for _, row in term()[1].rows(tenant(), "enrollment", end())]
    test = {local_id(int(row["user_id"])) for row in enrolments if row["type"] == "StudentViewEnrollment"}
    rows = [term()[1].gradebook(tenant(), course, end()) for course in range(500, 506)]
    assert any(results for found in rows for user, results in found.items() if user in test)
    assert all(any(not results for results in found.values()) for found in rows)
    assert any(count > 1 for count in Counter((row["user_id"], row["course_id"]) for row in enrolments).values())


def test_states_end_with_the_term_while_enrolments_stay_active() -> None:
    """The soft conclusion."""
    last: dict[int, str] = {
        event.id: event.body["state"] for event in named("enrollment_state_created", "enrollment_state_updated")
    }
    active = [id_ for id_, row in term()[1].rows(tenant(), "enrollment", end()) if row["workflow_state"] == "active"]
    assert Counter(last[id_] for id_ in active).most_common(1)[0][0] == "completed"


def test_saved_preferences_tell_the_same_user_again() -> None:
    """All but `updated_at` is as before."""
    seen = Counter(str(event.body | {"updated_at": ""}) for event in named("user_created", "user_updated"))
    assert seen.most_common(1)[0][1] > 2


def test_a_student_hands_in_before_a_teacher_assesses() -> None:
    """The assessment tells the submission's time."""
    submitted = {(str(event.id), event.body["submitted_at"]) for event in named("submission_created")}
    assessed = named("rubric_assessed")
    assert assessed
    assert all((event.body["artifact_id"], event.body["submitted_at"]) in submitted for event in assessed)
    assert all(event.body["submitted_at"] < f"{event.time:%Y-%m-%dT%H:%M:%SZ}" for event in assessed)


def test_a_small_run_tells_few_people_and_the_books_know_the_others() -> None:
    """They were enrolled before the institution subscribed."""
    books = Books()
    events = list(institution(School(events=500), books))
    told = {event.id for event in events if event.kind == "canvas_user"}
    known = books.newest(events[0].root_account_uuid, "canvas_user", end())
    assert len(told) < len(known) / 2
    assert len(known) > 120


@pytest.mark.parametrize(
    ("name", "sortable"),
    [
        ("Ada Byrne", "Byrne, Ada"),
        ("Ada Maria Byrne Jr.", "Byrne, Ada Maria Jr."),
        ("Byrne, Ada", "Byrne, Ada"),
        ("Byrne", "Byrne"),
    ],
)
def test_names_are_sorted_as_canvas_does(name: str, sortable: str) -> None:
    """The last word comes first, but no suffix."""
    assert names.sortable(name) == sortable
