"""What is handed in, assessed, regraded and taken back."""

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from consumer.simulator.posting import Assignment, Canvas, Course, Event, User, second

RUBRIC_JOB = "RubricAssessment#update_outcomes_for_assessment"
QUIZ_JOB = "Quizzes::SubmissionGrader#update_outcomes"
UNGRADED = 6
"""As many works wait for their teacher."""
CRITERIA = 3
"""Outcomes that a rubric assesses, at most."""


@dataclass(slots=True, eq=False)
class _Work:
    """What a student has handed in for an assignment."""

    course: Course
    student: User
    assignment: Assignment
    submission: int
    assessment: int
    submitted: datetime
    attempt: int = 1
    results: list["_Result"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Result:
    work: _Work
    user: User
    """Whose result it stays, also when the work becomes another user's."""
    body: dict[str, Any]


class Grading:
    """All work of an institution."""

    def __init__(self, canvas: Canvas, courses: list[Course], chance: random.Random) -> None:
        self._canvas = canvas
        self._courses = courses
        self._chance = chance
        self._ability: dict[int, float] = {}
        self._done = set[tuple[int, int]]()
        """Student and assignment of all that was handed in."""
        self._ungraded: deque[_Work] = deque()
        self._recent: deque[_Result] = deque(maxlen=400)
        self._deleted: deque[_Result] = deque(maxlen=50)

    def graded(self, at: datetime, progress: float) -> list[Event]:
        """A student hands something in; a teacher assesses what was handed in some days ago."""
        course = self._course()
        if course is None:
            return []
        student = self._chance.choice(course.students)
        work, events = self._work(course, student, at - timedelta(minutes=30), quiz=False)
        events.append(self._submission_event(work, "created"))
        self._ungraded.append(work)
        if len(self._ungraded) > UNGRADED:
            self._ungraded.rotate(self._chance.randrange(UNGRADED))
            oldest = self._ungraded.popleft()
            if oldest.student in oldest.course.students:
                events += self._assessed(oldest, at, progress)
        return events

    def _course(self) -> Course | None:
        courses = [course for course in self._courses if course.students]
        return self._chance.choice(courses) if courses else None

    def _work(self, course: Course, student: User, at: datetime, *, quiz: bool) -> tuple[_Work, list[Event]]:
        """The first assignment that the student has not done; a new one if all are done."""
        events: list[Event] = []
        mine = [one for one in course.assignments if (one.quiz is not None) == quiz]
        assignment = next((one for one in mine if (student.id, one.id) not in self._done), None)
        if assignment is None:
            assignment, events = self._new_assignment(course, at - timedelta(hours=1), quiz=quiz)
        self._done.add((student.id, assignment.id))
        ids = self._canvas.next_id(), self._canvas.next_id()
        return _Work(course, student, assignment, *ids, at), events

    def _new_assignment(self, course: Course, at: datetime, *, quiz: bool) -> tuple[Assignment, list[Event]]:
        number = 1 + sum((one.quiz is not None) == quiz for one in course.assignments)
        start = number % len(course.outcomes)
        measured = [*course.outcomes[start:], *course.outcomes[:start]][: 1 if quiz else CRITERIA]
        due = at.replace(hour=23, minute=59) + timedelta(days=7)
        id_, quiz_id = self._canvas.next_id(), self._canvas.next_id() if quiz else None
        assignment = Assignment(id_, f"{'Quiz' if quiz else 'Essay'} {number}", measured, quiz_id, due)
        course.assignments.append(assignment)
        created = self._canvas.assignment_event(assignment, course, at, "created")
        assignment.state = "published"
        return assignment, [created, self._canvas.assignment_event(assignment, course, at + timedelta(minutes=1), "updated")]

    def _submission_event(self, work: _Work, verb: str, graded: datetime | None = None, score: float | None = None) -> Event:
        student, quiz = work.student, work.assignment.quiz is not None
        body = {
            "submission_id": self._canvas.global_id(work.submission),
            "assignment_id": self._canvas.global_id(work.assignment.id),
            "user_id": self._canvas.global_id(student.id),
            "submitted_at": second(work.submitted),
            "graded_at": second(graded) if graded else None,
            "posted_at": second(graded) if graded else None,
            "updated_at": second(graded or work.submitted),
            "score": score,
            "grade": None if score is None else str(score),
            "attempt": work.attempt,
            "late": False,
            "missing": False,
            "workflow_state": "graded" if graded else "submitted",
            "submission_type": "online_quiz" if quiz else "online_text_entry",
            "body": None if quiz else f"<p>My essay: {student.name}</p>",
        }
        saved = graded or work.submitted
        by = None if graded else student
        return self._canvas.event(f"submission_{verb}", saved, "submission", work.submission, body, course=work.course, by=by)

    def _assessed(self, work: _Work, at: datetime, progress: float) -> list[Event]:
        events = [self._assessment_event(work, at)]
        events += [self._rubric_result(work, outcome, at, progress) for outcome in work.assignment.outcomes]
        if self._chance.random() < 0.2:
            score = float(sum(result.body["score"] for result in work.results))
            events.append(self._submission_event(work, "updated", at + timedelta(seconds=2), score))
        return events

    def _assessment_event(self, work: _Work, at: datetime) -> Event:
        body = {
            "id": str(work.assessment),
            "aligned_to_outcomes": True,
            "artifact_id": str(work.submission),
            "artifact_type": "Submission",
            "assessment_type": "grading",
            "context_uuid": work.course.uuid,
            "submitted_at": second(work.submitted),
            "created_at": second(at),
            "updated_at": second(at),
            "attempt": work.attempt,
        }
        return self._canvas.event("rubric_assessed", at, "rubric_assessment", work.assessment, body, job=RUBRIC_JOB)

    def _rubric_result(self, work: _Work, outcome: int, at: datetime, progress: float) -> Event:
        id_, score = self._canvas.next_id(), float(self._points(work.student, progress, 5))
        body = self._canvas.result_body(work.course, work.student, outcome, id_, at, score, 5.0) | {
            "mastery": score >= 3,
            "original_mastery": score >= 3,
            "artifact_type": "RubricAssessment",
            "artifact_id": str(work.assessment),
            "artifact_created_at": second(at),
            "artifact_updated_at": second(at),
            "associated_asset_type": "Assignment",
            "associated_asset_id": str(work.assignment.id),
        }
        return self._new_result(work, body, at)

    def _new_result(self, work: _Work, body: dict[str, Any], at: datetime) -> Event:
        result = _Result(work, work.student, body)
        work.results.append(result)
        self._recent.append(result)
        return self._result_event(result, at, "created")

    def _result_event(self, result: _Result, at: datetime, verb: str) -> Event:
        work = result.work
        hidden = {"user_id": result.user.id, "assignment_id": work.assignment.id, "submitted_at": second(work.submitted)}
        name, id_ = f"learning_outcome_result_{verb}", int(result.body["id"])
        job = RUBRIC_JOB if work.assignment.quiz is None else QUIZ_JOB
        return self._canvas.event(name, at, "learning_outcome_result", id_, result.body, job=job, hidden=hidden)

    def quiz(self, at: datetime, progress: float) -> list[Event]:
        """Several banks of one quiz are aligned to one outcome: several results with the same quiz as asset."""
        course = self._course()
        if course is None:
            return []
        work, events = self._work(course, self._chance.choice(course.students), at, quiz=True)
        events.append(self._submission_event(work, "created"))
        for possible in (4.0, 1.0, 2.0)[: self._chance.randrange(1, 4)]:
            id_, score = self._canvas.next_id(), float(self._points(work.student, progress, int(possible)))
            outcome = work.assignment.outcomes[0]
            body = self._canvas.result_body(course, work.student, outcome, id_, at, score, possible) | {
                "artifact_type": "Quizzes::QuizSubmission",
                "artifact_id": str(work.assessment),
                "artifact_created_at": second(at),
                "artifact_updated_at": second(at),
                "associated_asset_type": "Quizzes::Quiz",
                "associated_asset_id": str(work.assignment.quiz),
            }
            events.append(self._new_result(work, body, at))
        return events

    def _points(self, student: User, progress: float, possible: int) -> int:
        """Ability grows over the term; a day has its luck."""
        ability = self._ability.setdefault(student.id, self._chance.uniform(0.25, 0.75))
        return max(0, min(possible, round((ability + 0.3 * progress + self._chance.gauss(0, 0.15)) * possible)))

    def regraded(self, at: datetime, progress: float) -> list[Event]:
        """A regrade or a retake updates the same row; sometimes twice within a second, sometimes it says nothing new."""
        result = self._chance.choice(self._recent) if self._recent else None
        if result is None or result.user not in result.work.course.students:
            return self.graded(at, progress)
        luck = self._chance.random()
        if luck < 0.1:
            return [self._updated(result, at, {})]
        if luck < 0.15:
            return [self._updated(result, at, {"score": None})]  # percent keeps its value
        if luck > 0.85 and result.work.assignment.quiz is None:
            return self._retaken(result.work, at, progress)
        return [self._updated(result, at, self._new_score(result, at, progress)) for _ in range(2 if luck < 0.3 else 1)]

    def _new_score(self, result: _Result, at: datetime, progress: float) -> dict[str, Any]:
        possible = result.body["possible"]
        score = float(self._points(result.user, progress, int(possible)))
        change = {"score": score, "percent": score / possible, "assessed_at": second(at), "attempt": result.work.attempt}
        return change | ({"mastery": score >= 3} if "mastery" in result.body else {})

    def _retaken(self, work: _Work, at: datetime, progress: float) -> list[Event]:
        """The student hands in once more, and everything is assessed again."""
        work.submitted, work.attempt = at - timedelta(minutes=20), work.attempt + 1
        events = [self._submission_event(work, "created"), self._assessment_event(work, at)]
        alive = [one for one in work.results if one.body["workflow_state"] == "active" and one.user is work.student]
        return events + [self._updated(one, at, self._new_score(one, at, progress)) for one in alive]

    def _updated(self, result: _Result, at: datetime, change: dict[str, Any]) -> Event:
        result.body = result.body | change | {"updated_at": second(at)}
        return self._result_event(result, at, "updated")

    def replaced(self, at: datetime) -> list[Event]:
        """Another rubric on an assignment deletes its results, each with an event of its own."""
        events = []
        for _ in range(min(len(self._recent), self._chance.randrange(1, 5))):
            result = self._recent.popleft()
            gone = {"workflow_state": "deleted", "associated_asset_type": None, "associated_asset_id": None}
            events.append(self._updated(result, at, gone))
            self._deleted.append(result)
        return events

    def revived(self, at: datetime) -> list[Event]:
        """The next assessment sets a deleted row active again."""
        result = self._deleted.popleft() if self._deleted else None
        if result is None or result.user not in result.work.course.students:
            return []
        quiz = result.work.assignment.quiz
        asset = {"associated_asset_type": "Quizzes::Quiz" if quiz else "Assignment"}
        asset["associated_asset_id"] = str(quiz or result.work.assignment.id)
        return [self._updated(result, at, {"workflow_state": "active", **asset})]

    def merged(self, source: User, target: User, at: datetime, progress: float) -> list[Event]:
        """The next assessments after a merge: Canvas finds no result of the target's, and makes new ones beside the old."""
        events: list[Event] = []
        works = {id(one.work): one.work for one in self._recent if one.user is source}
        for work in works.values():
            work.student = target
            self._done.add((target.id, work.assignment.id))
            if work.assignment.quiz is None and target in work.course.students:
                events.append(self._assessment_event(work, at))
                events += [self._rubric_result(work, outcome, at, progress) for outcome in work.assignment.outcomes]
        return events
