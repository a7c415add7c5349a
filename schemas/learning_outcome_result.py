"""A student's result on one outcome, and the rubric assessment that brings its submission time."""

from schemas.base import Body, Flag, Id, Integer, KeyText, Number, StatefulBody, Time


class LearningOutcomeResult(StatefulBody):
    """Results of students on outcomes: one row per alignment, student and assessed thing.

    A regrade updates the same id. Source: Canvas, `app/models/learning_outcome_result.rb`.
    """

    kind = "learning_outcome_result"
    by_year = True
    private = True

    id: Id
    """Local id of the result."""
    learning_outcome_id: Id
    """The outcome; above 10^13 where it lives on another shard."""
    learning_outcome_context_uuid: KeyText | None = None
    """Uuid of the outcome's owner."""
    result_context_type: KeyText | None = None
    """`Course` in practice."""
    result_context_id: Id | None = None
    """Local id of the course."""
    result_context_uuid: KeyText | None = None
    """Uuid of the course."""
    user_uuid: KeyText | None = None
    """The student; results have no other reference to a user."""
    score: Number | None = None
    """Raw points; absent: not scored, or cleared."""
    possible: Number | None = None
    """Points possible in the assessed thing, not on the scale."""
    percent: Number | None = None
    """Share of the scale, 1.0 = 100 %; above 1 with extra credit; keeps its old value when the score is cleared."""
    mastery: Flag | None = None
    """By the criterion's or alignment's threshold when assessed, not by the account's scale."""
    original_score: Number | None = None
    """First score ever saved; never changes."""
    original_possible: Number | None = None
    """First `possible` ever saved; never changes."""
    original_mastery: Flag | None = None
    """First `mastery` ever saved; never changes."""
    attempt: Integer | None = None
    """Submission attempt; the rubric's version number where the artifact is not a submission."""
    assessed_at: Time | None = None
    """Time of the last assessment."""
    created_at: Time
    """When Canvas made the row."""
    associated_asset_type: KeyText | None = None
    """`Assignment`, `Quizzes::Quiz`, `AssessmentQuestion`, `LiveAssessments::Assessment`."""
    associated_asset_id: Id | None = None
    """Local id of the assessed thing; absent when the result is deleted."""
    artifact_type: KeyText | None = None
    """`RubricAssessment`, `Submission`, `Quizzes::QuizSubmission`, `LiveAssessments::Submission`."""
    artifact_id: Id | None = None
    """Local id of what holds the assessment; joins `rubric_assessment.id` for `RubricAssessment`."""
    artifact_created_at: Time | None = None
    """When the artifact was made; absent when it is gone."""
    artifact_updated_at: Time | None = None
    """When the artifact last changed; absent when it is gone."""


class RubricAssessment(Body):
    """Rubric assessments; they bring the submission time that results lack.

    Canvas posts one on every save of an assessment with an active association.
    """

    kind = "rubric_assessment"
    events = ("rubric_assessed",)
    by_year = True
    private = True

    id: Id
    """Local id; `learning_outcome_result.artifact_id` where `artifact_type` is `RubricAssessment`."""
    aligned_to_outcomes: Flag | None = None
    """Whether the rubric has criteria aligned to outcomes."""
    artifact_type: KeyText | None = None
    """`Submission`, `ModeratedGrading::ProvisionalGrade` or `Assignment`."""
    artifact_id: Id | None = None
    """Local id of the artifact."""
    assessment_type: KeyText | None = None
    """`grading`, `peer_review` or `provisional_grade`."""
    context_uuid: KeyText | None = None
    """Uuid of the course."""
    submitted_at: Time | None = None
    """The submission's time, else the assessment's update time."""
    created_at: Time | None = None
    """When Canvas made the row."""
    attempt: Integer | None = None
    """Submission attempt."""
