"""A school of three courses in two accounts, whose every part has a mark of its own: whoever sees a mark has seen that part."""

from typing import Any

from consumer.rights import grants, tokens
from consumer.rights.grants import Grant
from consumer.store.postgres import connect
from tests.postgres.test_gradebook import account, course, outcome, worked
from tests.postgres.writing import write
from tests.samples import TENANT, Event
from tests.serve.serving import SHARD, assignment, enrolled, group, link, section, user

STUDENTS = {7101: 71, 7201: 72, 8101: 81, 9101: 91}
"""User id -> the section. 7301 is in two: 71 and 72."""
BOTH = 7301
UNPLACED = "uu-nobody-7"
"""Who has a result in course 7 and no enrolment."""
SECTIONS = {71: 7, 72: 7, 81: 8, 91: 9}
TEACHER, LIMITED, LEFT, WAITING = 7011, 7012, 7013, 7014
COURSES = {7: (2, 3), 8: (2,), 9: (5,)}
"""Course -> the accounts above it, below the root."""


def uuid_of(user_id: int) -> str:
    """In the feed."""
    return f"uu-{user_id}"


def person(id_: int, **members: Any) -> Event:
    """Somebody with a name of their own."""
    return user(id_, f"Name{id_} Mark", uuid_of(id_), user_login=f"Login{id_}@school", user_sis_id=f"SIS{id_}", **members)


def _named(made: Event, **members: Any) -> Event:
    return {**made, "body": made["body"] | members}


def _in_course(made: Event, id_: int) -> Event:
    return _named(made, course_id=str(SHARD + id_))


def teaches(
    id_: int, of: int, in_section: int, *, limited: bool, minute: int = 0, type_: str = "TeacherEnrollment", **members: Any
) -> Event:
    """An enrolment as a teacher in course 7."""
    made = enrolled(id_, of, in_section, type_=type_, minute=minute)
    return _named(made, limit_privileges_to_course_section=limited, **members)


def events() -> list[Event]:
    """All of it."""
    made = [
        account(1, None),
        *(_named(account(id_, of), name=f"Account{id_}Mark") for id_, of in ((2, 1), (3, 2), (5, 1))),
        *(_named(course(id_, above[-1]), name=f"Course{id_}Mark") for id_, above in COURSES.items()),
        *(section(id_, f"Section{id_}Mark", in_course=of) for id_, of in SECTIONS.items()),
        outcome(1, "Reading", context_type="Account", context_id="1"),
        *(outcome(10 + id_, f"Outcome{id_}Mark", context_type="Course", context_id=str(id_)) for id_ in COURSES),
        outcome(55, "Outcome55Mark", context_type="Account", context_id="5"),
        *(person(id_) for id_ in (*STUDENTS, BOTH, TEACHER, LIMITED, LEFT, WAITING)),
        *(_in_course(enrolled(id_ * 10, id_, of), SECTIONS[of]) for id_, of in STUDENTS.items()),
        enrolled(73011, BOTH, 71),
        enrolled(73012, BOTH, 72),
        teaches(70110, TEACHER, 71, limited=False),
        teaches(70120, LIMITED, 72, limited=True, type_="TaEnrollment"),
        _named(teaches(70130, LEFT, 71, limited=False), workflow_state="completed"),
        _named(teaches(70140, WAITING, 71, limited=False), workflow_state="invited"),
        _named(assignment(56, "Essay"), context_id=str(SHARD + 7)),
        worked(7999, UNPLACED, 1, 0.5),
    ]
    for id_ in COURSES:
        root = group(id_ * 100, f"Group{id_}Mark", None, ("Course", id_))
        made.append(root)
        made += [link(id_ * 100 + of, of, id_ * 100, ("Course", id_)) for of in (1, 10 + id_)]
    for id_, of in {**STUDENTS, BOTH: 71}.items():
        on = {"associated_asset_type": "Assignment", "associated_asset_id": "56"} if SECTIONS[of] == 7 else {}
        made.append(worked(id_, uuid_of(id_), 1, 0.6, course=str(SECTIONS[of]), minute=2, **on))
    made.append(group(2000, "School", None, ("Account", 1)))
    made.append(group(5000, "Group55Mark", None, ("Account", 5)))
    return made


async def fill(dsn: str, *, names: bool = True) -> None:
    """Writes it, with people's names or without."""
    await write(dsn, *events())
    connection = await connect(dsn)
    people = (*STUDENTS, BOTH, TEACHER, LIMITED, LEFT, WAITING) if names else ()
    rows = [(TENANT, id_, f"Name{id_} Mark", f"Login{id_}@school", f"SIS{id_}") for id_ in people]
    await connection.executemany(
        "INSERT INTO person_name (root_account_uuid, user_id, name, login, sis_user_id, told_at) "
        "VALUES ($1, $2, $3, $4, $5, now())",
        rows,
    )
    await connection.close()


async def token_with(dsn: str, *rights: Grant) -> str:
    """A new token that has these rights alone."""
    connection = await connect(dsn)
    try:
        token, row = await tokens.create(connection, TENANT, "a test", rights[0])
        for right in rights[1:]:
            await grants.grant(connection, TENANT, "token", str(row["id"]), right)
    finally:
        await connection.close()
    return token


def marks_of(rights: tuple[Grant, ...]) -> frozenset[str]:
    """What these rights cover, as marks. Names where all of them say so."""
    sections, courses, accounts = set[int](), set[int](), set[int]()
    everything = any(right.scope == "tenant" for right in rights)
    for right in rights:
        whole = {id_ for id_, above in COURSES.items() if right.scope == "account" and right.scope_id in above}
        courses |= set(COURSES) if everything else whole
        if right.scope == "course" and right.scope_id is not None:
            courses.add(right.scope_id)
        if right.scope == "account":
            accounts |= {id_ for id_, above in ((2, (2,)), (3, (2, 3)), (5, (5,))) if right.scope_id in above}
        if right.scope == "section" and right.scope_id is not None:
            sections.add(right.scope_id)
    accounts |= {2, 3, 5} if everything else set()
    seen_sections = sections | {id_ for id_, of in SECTIONS.items() if of in courses}
    places = courses | {SECTIONS[id_] for id_ in sections}
    students = {id_ for id_, of in STUDENTS.items() if of in seen_sections} | ({BOTH} if seen_sections & {71, 72} else set())
    named = accounts | {above for id_ in places for above in COURSES[id_]}  # a course is in an account, whose name it shows
    marks = {f"Account{id_}Mark" for id_ in named} | {f"all of account {id_}" for id_ in accounts}
    marks |= {f"Section{id_}Mark" for id_ in seen_sections}
    marks |= {f"{what}{id_}Mark" for id_ in places for what in ("Course", "Outcome", "Group")}
    marks |= {mark for id_ in students for mark in (str(id_), uuid_of(id_))}
    marks |= {"Outcome55Mark", "Group55Mark"} if 5 in accounts or 9 in places else set()
    marks |= {UNPLACED} if 7 in courses else set()
    staff = (
        (TEACHER, LIMITED, LEFT, WAITING)
        if 7 in courses
        else ((LIMITED,) if 72 in sections else ()) + ((TEACHER, LEFT, WAITING) if 71 in sections else ())
    )
    marks |= {mark for id_ in staff for mark in (str(id_), uuid_of(id_))}
    if all(right.names for right in rights):
        marks |= {f"Name{id_}" for id_ in (*students, *staff)} | {f"Login{id_}" for id_ in (*students, *staff)}
    return frozenset(marks)
