"""Who counts in SQL is who counts in plain Python: rosters, standings, merges and exclusions, held against each other."""

import json
import random

import pytest

from consumer.ingest.batch import Partition
from consumer.query.gradebook import gradebook
from consumer.query.sql import sql
from consumer.store.postgres import Connection, connect
from tests import WHOLE
from tests.postgres.test_mastery import COLUMNS, NO_ROLLUP, moments, rollups, summaries
from tests.postgres.writing import write
from tests.reference import Reference
from tests.reference_math import Told
from tests.reference_people import Member, PastUuid, Reading
from tests.samples import Event
from tests.worlds import COURSES, OUTCOMES, STUDENTS
from tests.worlds_people import NAMES, Populated

PLACES = (*COURSES, None)
CANVAS = Partition("canvas:x", 0)


async def told(dsn: str, world: Populated) -> Reference:
    """Writes a world in two transactions, in disorder and with repetitions; what REST told belongs to the second."""
    events = world.events()
    shuffled = [*events, *world.chance.sample(events, 15)]
    world.chance.shuffle(shuffled)
    feed = [one for one in shuffled if not by_rest(one)]
    half = len(feed) // 2
    await write(dsn, *feed[:half])
    await write(dsn, *feed[half:])
    snapshots = list(filter(by_rest, shuffled))
    if snapshots:
        await write(dsn, *snapshots, partition=CANVAS)
    connection = await connect(dsn)
    found = await connection.fetch("SELECT DISTINCT recorded_at FROM learning_outcome_result_version ORDER BY 1")
    first, second = (row["recorded_at"] for row in found)
    readings = [Reading(world.tenant, *one, recorded_at=world.chance.choice((first, second))) for one in world.readings()]
    past = [PastUuid(world.tenant, *one, recorded_at=world.chance.choice((first, second))) for one in world.past_uuids()]
    await connection.executemany("INSERT INTO roster_reading VALUES ($1, $2, $3, $4)", readings)
    await connection.executemany("INSERT INTO user_past_uuid VALUES ($1, $2, $3, $4, $5, $6)", past)
    await connection.close()
    records = [Told(event, first) for event in feed[:half]]
    records += [Told(event, second) for event in (*feed[half:], *snapshots)]
    return Reference(records, {}, (), readings, past)


def by_rest(event: Event) -> bool:
    """Whether it is a snapshot of ours."""
    return str(event["metadata"]["event_name"]).endswith("_backfilled")


async def roster(connection: Connection, *asked: object) -> dict[int, Member]:
    """What `course_roster_at` says, without when the enrolments were made."""
    found = {}
    for row in await connection.fetch("SELECT * FROM course_roster_at($1, $2, $3, $4)", *asked):
        members = {name: row[name] for name in Member._fields}
        members["enrollments"] = [
            {name: one[name] for name in ("id", "course_section_id", "workflow_state", "state", "type")}
            for one in json.loads(row["enrollments"])
        ]
        found[row["user_id"]] = Member(**members)
    return found


@pytest.mark.parametrize("seed", range(300, 316 if WHOLE else 305))
async def test_rosters_and_who_counts_agree_with_the_reference_at_any_moment(unchecked_database: str, seed: int) -> None:
    """As of now, as of then, and as known then; whoever is asked for too."""
    world = Populated(seed)
    reference = await told(unchecked_database, world)
    connection = await connect(unchecked_database)
    first = await connection.fetchval("SELECT min(recorded_at) FROM learning_outcome_result_version")
    compared, standings = 0, set()
    for at in moments(Populated(seed)):
        for known_at in (None, first):
            for course in PLACES:
                asked = (world.tenant, course, at, known_at)
                expected = reference.rollups(*asked)
                assert await rollups(connection, *asked) == expected, asked
                assert await summaries(connection, *asked) == reference.summaries(*asked), asked
                some = await connection.fetch(
                    "SELECT * FROM outcomes_internal.rollup_of_students($1, $2, $3, $4, $5)",
                    *asked[:2],
                    STUDENTS[:2],
                    *asked[2:],
                )
                assert {(row["user_uuid"], row["learning_outcome_id"]): row["score"] for row in some} == {
                    key: rollup.score for key, rollup in expected.items() if key[0] in STUDENTS[:2]
                }, asked
                compared += len(expected)
                if course is not None:
                    members = reference.roster(world.tenant, course, at, known_at)
                    assert await roster(connection, *asked) == members, asked
                    standings |= {member.standing for member in members.values()}
        for course in PLACES:
            for student, outcome in random.Random(seed).sample([(name, id_) for name in NAMES for id_ in OUTCOMES], 6):
                score = await connection.fetchval(
                    "SELECT score FROM student_rollup_of($1, $2, $3, $4, $5, NULL)", world.tenant, course, student, outcome, at
                )
                wanted = reference.asked(world.tenant, course, student, outcome, at)
                assert score == (wanted and wanted.score), (course, student, outcome, at)
    assert compared
    assert standings == {"enrolled", "left"}
    await connection.close()


@pytest.mark.parametrize("seed", range(300, 306))
async def test_the_gradebook_has_the_rows_of_who_counts(unchecked_database: str, seed: int) -> None:
    """Each score is in a row, and whoever is enrolled has one."""
    world = Populated(seed)
    reference = await told(unchecked_database, world)
    connection = await connect(unchecked_database)
    for at in moments(Populated(seed)):
        for course in COURSES:
            if await connection.fetchval(sql("gradebook_known"), world.tenant, course):
                found = await gradebook(connection, course, world.tenant, at, None)
                rows = {student.key for student in found.students}
                assert rows == reference.students(world.tenant, course, at), (course, at)
                assert {student for student, _ in found.cells} <= rows, (course, at)
    await connection.close()


@pytest.mark.parametrize("seed", [400, 401, 402, 404, 405])
async def test_a_timeline_tells_who_left_and_came_back(unchecked_database: str, seed: int) -> None:
    """Found by asking anew at every moment there is; each change has a cause."""
    world = Populated(seed)
    reference = await told(unchecked_database, world)
    connection = await connect(unchecked_database)
    moved = 0
    for course in PLACES:
        for student in STUDENTS:
            for outcome in OUTCOMES[:2]:
                asked = (world.tenant, course, student, outcome)
                rows = await connection.fetch("SELECT * FROM mastery_timeline($1, $2, $3, $4)", *asked)
                assert [(row["at"], tuple(row[column] for column in COLUMNS[:-1]), row["shown"]) for row in rows] == [
                    (at, tuple(rollup[:-1]) if rollup else NO_ROLLUP, shown) for at, rollup, shown in reference.timeline(*asked)
                ], asked
                assert all(row["cause"] for row in rows), asked
                moved += sum("left the course" in row["cause"] for row in rows)
    assert moved
    await connection.close()
