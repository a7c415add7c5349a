"""Small institutions of chance whose students come and go: users, enrolments, sections, submissions, merges."""

import random
from datetime import datetime, timedelta
from typing import Any

from tests.samples import NOON, Event, iso
from tests.worlds import COURSES, SHARD, SPAN, STUDENTS, World

ELSEWHERE = 2108 * 10**13 + 502
"""A user of another shard, with the local id of one of ours."""
USERS = {501: "ana", 502: "bo", 503: "chi", 504: "dee", ELSEWHERE: "fay"}
"""User ids and the uuids that they have first; the last two have few results."""
NAMES = (*STUDENTS, "id:501", "eve", "fay")
"""What results call students: of one REST alone told, of one no event of a user tells."""
HOMES = {70: 1, 71: 1, 72: 2, 73: 7}
"""Sections and the courses that they were made in."""
STATES = ("active",) * 5 + ("invited", "completed", "inactive", "rejected", "deleted", "deleted")


def whole(user_id: int) -> str:
    """As events name a user."""
    return str(user_id if user_id > SHARD else SHARD + user_id)


class Populated(World):
    """A world with people. Merges are told by REST alone, as events of our own."""

    def __init__(self, seed: int, *, size: int = 170) -> None:
        super().__init__(seed, size=size)
        like = random.Random(f"{self.tenant} people")
        self._named = like.random() < 0.6
        self._moving = like.random() < 0.5
        self._rest = like.random() < 0.6
        self._told_users = like.random() < 0.8

    def _made(self, kinds: list[Any]) -> Any:
        people = [self.result] * 10 + [self.enrollment] * 10 + [self.section] * 4 + [self.submission] * 3 + [self.state] * 2
        if self._told_users:
            people += [self.user] * 4
        if self._rest:
            people.append(self.merge)
        return super()._made([*kinds, *people])

    def _at(self, made: tuple[str, dict[str, Any]], milliseconds: int, hinted: bool) -> Event:
        name, members = made
        if not name.endswith("_backfilled"):
            told = super()._at(made, milliseconds, hinted)
            if members.get("user_id") == str(ELSEWHERE):
                told["metadata"]["root_account_id"] = str(SHARD + 1)
            return told
        time = iso(NOON + timedelta(milliseconds=milliseconds))
        metadata = {"event_name": name, "event_time": time, "root_account_uuid": self.tenant}
        return {"metadata": metadata, "body": members}

    def _moment(self, chance: random.Random) -> datetime:
        """Not one of an event."""
        return NOON + timedelta(microseconds=chance.randrange(int(SPAN.total_seconds() * 1000)) * 1000 + 700)

    def readings(self) -> list[tuple[int, datetime]]:
        """When REST told the whole roster of which course."""
        chance = random.Random(f"{self.tenant} readings")
        return [(chance.choice(COURSES), self._moment(chance)) for _ in range(chance.choice((0, 0, 2)))]

    def past_uuids(self) -> list[tuple[int, int, str, datetime]]:
        """(course, user, uuid, moment), each pair once."""
        chance = random.Random(f"{self.tenant} past")
        told = {
            (chance.choice(COURSES), chance.choice(list(USERS)), chance.choice(STUDENTS)) for _ in range(chance.choice((0, 3)))
        }
        return [(*one, self._moment(chance)) for one in sorted(told)]

    def result(self) -> tuple[str, dict[str, Any]]:
        """Made at one moment, of somebody who is usually the same."""
        name, members = super().result()
        like = random.Random(f"made {members['id']}")
        members["created_at"] = iso(NOON + like.random() * SPAN)
        if like.random() < 0.3:
            members["user_uuid"] = like.choice(NAMES)
        if self.chance.random() < 0.05:
            members["user_uuid"] = self.chance.choice(NAMES)
        return name, members

    def user(self) -> tuple[str, dict[str, Any]]:
        """A user, who may have the uuid of another one now, or none."""
        id_ = self.chance.choice(list(USERS))
        uuid: Any = USERS[id_]
        if self._moving and self.chance.random() < 0.25:
            uuid = self.chance.choice((*USERS.values(), "gus", " ", ...))
        state = self.chance.choice(("registered",) * 6 + ("deleted",))
        return self._kind("user", id_), {"user_id": whole(id_), "uuid": uuid, "workflow_state": state}

    def enrollment(self) -> tuple[str, dict[str, Any]]:
        """An enrolment in the course in which its section was made; rarely in another one, or of another user."""
        chance = self.chance
        id_ = chance.randrange(1, 13)
        like = random.Random(f"enrolment {id_}")
        section, user = like.choice(list(HOMES)), like.choice(list(USERS))
        if chance.random() < 0.04:
            user = chance.choice(list(USERS))
        course = chance.choice(COURSES) if chance.random() < 0.15 else HOMES[section]
        kinds = ("StudentEnrollment",) * 6 + ("StudentViewEnrollment", "TeacherEnrollment")
        return self._kind("enrollment", id_), {
            "enrollment_id": str(SHARD + id_),
            "course_id": str(SHARD + course),
            "user_id": whole(user),
            "user_uuid": USERS[user] if self._named and chance.random() < 0.8 else ...,
            "course_section_id": str(SHARD + section),
            "type": ... if chance.random() < 0.03 else like.choice(kinds),
            "workflow_state": chance.choice(STATES),
        }

    def state(self) -> tuple[str, dict[str, Any]]:
        """The state of an enrolment by its dates."""
        id_ = self.chance.randrange(1, 13)
        state = self.chance.choice(("active", "completed", "pending_active"))
        return self._kind("enrollment_state", id_), {"enrollment_id": str(SHARD + id_), "state": state}

    def section(self) -> tuple[str, dict[str, Any]]:
        """A section, at home or cross-listed."""
        id_ = self.chance.choice(list(HOMES))
        course = self.chance.choice((HOMES[id_], HOMES[id_], *COURSES))
        origin = ... if course == HOMES[id_] else str(HOMES[id_])
        return self._kind("course_section", id_), {
            "course_section_id": str(id_),
            "course_id": str(course),
            "nonxlist_course_id": origin,
        }

    def submission(self) -> tuple[str, dict[str, Any]]:
        """When work was handed in."""
        id_ = self.chance.randrange(1, 9)
        like = random.Random(f"submission {id_}")
        return self._kind("submission", id_), {
            "submission_id": str(SHARD + id_),
            "assignment_id": str(SHARD + like.randrange(1, 3)),
            "user_id": whole(like.choice(list(USERS))),
            "submitted_at": self.chance.choice((..., iso(NOON + self.chance.random() * SPAN))),
            "workflow_state": self.chance.choice(("submitted",) * 9 + ("deleted",)),
        }

    def merge(self) -> tuple[str, dict[str, Any]]:
        """One user into another one, or no longer."""
        gone, stays = self.chance.sample(list(USERS), 2)
        into = None if self.chance.random() < 0.3 else str(stays)
        return "user_merge_backfilled", {"user_id": str(gone), "merged_into_user_id": into}
