"""Example objects, each with the shape that must accept it.

Outcomes, Proficiency Ratings and Grading Standards are printed in Canvas' documentation; the others follow its descriptions.
"""

from typing import Any

from schemas import rest, rest_gradebook, rest_people

EXAMPLES: dict[str, tuple[Any, Any]] = {
    "outcome": (
        rest.Outcome,
        {
            "id": 1,
            "url": "/api/v1/outcomes/1",
            "context_id": 1,
            "context_type": "Account",
            "title": "Outcome title",
            "display_name": "My Favorite Outcome",
            "description": "Outcome description",
            "vendor_guid": "customid9000",
            "points_possible": 5,
            "mastery_points": 3,
            "calculation_method": "decaying_average",
            "calculation_int": 65,
            "ratings": None,
            "can_edit": True,
            "can_unlink": True,
            "assessed": True,
            "has_updateable_rubrics": True,
        },
    ),
    "outcome_global": (
        rest.Outcome,
        {"id": 1, "url": "/api/v1/outcomes/1", "context_id": None, "context_type": None, "title": "Outcome title"},
    ),
    "outcome_alignment": (
        rest.OutcomeAlignment,
        {
            "id": 1,
            "assignment_id": 2,
            "assessment_id": 3,
            "submission_types": "online_text_entry,online_url",
            "url": "/courses/1/assignments/5",
            "title": "Unit 1 test",
        },
    ),
    "outcome_alignments": (
        list[rest.OutcomeAlignment],
        [
            {
                "learning_outcome_id": 1,
                "title": "Unit 1 test",
                "assignment_id": 2,
                "submission_types": "online_quiz",
                "url": "https://canvas.example/courses/1/quizzes/5",
            },
            {"learning_outcome_id": 1, "title": "Oral", "submission_types": "magic_marker", "assessment_id": 3},
        ],
    ),
    "proficiency_rating": (
        rest.ProficiencyRating,
        {"description": "Exceeds Mastery", "points": 4, "mastery": False, "color": "02672D"},
    ),
    "proficiency_empty": (rest.Proficiency, {"ratings": []}),
    "proficiency": (
        rest.Proficiency,
        {
            "ratings": [
                {"description": "Exceeds Mastery", "points": 4, "mastery": False, "color": "02672D"},
                {"description": "Mastery", "points": 3, "mastery": True, "color": "03893D"},
                {"description": "Near Mastery", "points": 2, "mastery": False, "color": "FAB901"},
                {"description": "Below Mastery", "points": 1, "mastery": False, "color": "FD5D10"},
                {"description": "Well Below Mastery", "points": 0, "mastery": False, "color": "E62429"},
            ]
        },
    ),
    "grading_scheme_entry": (rest.GradingSchemeEntry, {"name": "A", "value": 0.9, "calculated_value": 90}),
    "grading_standard": (
        rest.GradingStandard,
        {
            "title": "Account Standard",
            "id": 1,
            "context_type": "Account",
            "context_id": 1,
            "points_based": False,
            "scaling_factor": 1.0,
            "grading_scheme": [
                {"name": "A", "value": 0.9},
                {"name": "B", "value": 0.8},
                {"name": "C", "value": 0.7},
                {"name": "D", "value": 0.6},
            ],
        },
    ),
    "grading_standard_created": (
        rest.GradingStandard,
        {
            "title": "New standard name",
            "id": 1,
            "context_id": 1,
            "context_type": "Course",
            "grading_scheme": [{"name": "A", "value": 0.9}, {"name": "B", "value": 0.8}],
        },
    ),
    "outcome_group": (
        rest.OutcomeGroup,
        {
            "id": 1,
            "url": "/api/v1/accounts/1/outcome_groups/1",
            "parent_outcome_group": {"id": 2, "title": "Parent", "can_edit": True},
            "context_id": 1,
            "context_type": "Account",
            "title": "Outcome group title",
            "description": "Outcome group description",
            "vendor_guid": "customid9000",
            "subgroups_url": "/api/v1/accounts/1/outcome_groups/1/subgroups",
            "outcomes_url": "/api/v1/accounts/1/outcome_groups/1/outcomes",
            "import_url": "/api/v1/accounts/1/outcome_groups/1/import",
            "can_edit": True,
        },
    ),
    "outcome_group_link": (
        rest.OutcomeGroupLink,
        {
            "url": "/api/v1/accounts/1/outcome_groups/1/outcomes/1",
            "context_id": 1,
            "context_type": "Account",
            "outcome_group": {"id": 1, "title": "Group"},
            "outcome": {"id": 1, "title": "Outcome", "friendly_description": None},
            "assessed": False,
            "can_unlink": True,
        },
    ),
    "outcome_results": (
        rest_gradebook.OutcomeResults,
        {
            "outcome_results": [
                {
                    "id": 42,
                    "score": 6,
                    "possible": None,
                    "mastery": None,
                    "percent": 0.65,
                    "hidden": False,
                    "hide_points": False,
                    "submitted_or_assessed_at": "2013-02-01T00:00:00Z",
                    "links": {"user": "3", "learning_outcome": "97", "alignment": "53"},
                },
                {
                    "id": None,
                    "score": 4.5,
                    "links": {"user": "3", "learning_outcome": "97", "alignment": None, "assignment": "assignment_5"},
                },
            ],
            "linked": {
                "users": [{"id": "3", "name": "Ann", "display_name": "Ann", "sortable_name": "Ann"}],
                "alignments": [{"id": "quiz_3", "name": "Big mid-term test", "html_url": "https://canvas.example/q/3"}],
                "outcomes": [{"id": 97, "title": "Outcome"}],
            },
        },
    ),
    "outcome_rollups": (
        rest_gradebook.OutcomeRollups,
        {
            "rollups": [
                {
                    "scores": [{"score": 3, "count": 6, "links": {"outcome": "42"}}],
                    "name": "John Doe",
                    "links": {"user": "42", "section": "57"},
                }
            ]
        },
    ),
    "outcome_rollups_aggregate": (
        rest_gradebook.OutcomeRollups,
        {
            "rollups": [
                {
                    "scores": [{"score": None, "title": None, "submitted_at": None, "count": 0, "links": {"outcome": "42"}}],
                    "name": "Algebra",
                    "links": {"course": "42"},
                }
            ],
            "linked": {"courses": [{"id": "42", "name": "Algebra"}]},
        },
    ),
    "account": (
        rest.Account,
        {
            "id": 2,
            "name": "Canvas Account",
            "uuid": "WvAHhY5FINzq5IyRIJybGeiXyFkG3SqHUPb7jZY5",
            "parent_account_id": 1,
            "root_account_id": 1,
            "workflow_state": "active",
            "default_time_zone": "America/Denver",
        },
    ),
    "course": (
        rest.Course,
        {
            "id": 370663,
            "uuid": "WvAHhY5FINzq5IyRIJybGeiXyFkG3SqHUPb7jZY5",
            "name": "InstructureCon 2012",
            "course_code": "INSTCON12",
            "workflow_state": "available",
            "account_id": 81259,
            "root_account_id": 81259,
            "created_at": "2012-05-01T00:00:00Z",
        },
    ),
    "user": (
        rest_people.User,
        {
            "id": 2,
            "name": "Sheldon Cooper",
            "sortable_name": "Cooper, Sheldon",
            "short_name": "Shelly",
            "sis_user_id": "SHEL93921",
            "integration_id": "ABC59802",
            "login_id": "sheldon@caltech.example.com",
            "uuid": "W9GQIcdoDTqwX8mxIunDQQVL6WZTaGmpa5xovmCBx",
            "past_uuid": "W9GQIcdoDTqwX8mxIunDQQVL6WZTaGmpa5xovmCBz",
            "enrollments": [{"id": 1, "user_id": 2, "course_id": 1, "type": "StudentEnrollment", "enrollment_state": "active"}],
        },
    ),
    "user_merged": (rest_people.User, {"id": 3, "name": "Leonard", "merged_into_user_id": 2, "sis_user_id": None}),
    "enrollment": (
        rest_people.Enrollment,
        {
            "id": 1,
            "course_id": 1,
            "sis_course_id": "SHEL93921",
            "course_section_id": 1,
            "enrollment_state": "active",
            "limit_privileges_to_course_section": True,
            "root_account_id": 1,
            "type": "StudentEnrollment",
            "user_id": 1,
            "associated_user_id": None,
            "role": "StudentEnrollment",
            "role_id": 1,
            "created_at": "2012-04-18T23:08:51Z",
            "updated_at": "2012-04-18T23:08:51Z",
            "start_at": "2012-04-18T23:08:51Z",
            "end_at": None,
            "html_url": "https://school.example/courses/1/users/1",
            "user": {"id": 3, "name": "Student 1", "sortable_name": "1, Student", "short_name": "Stud 1"},
        },
    ),
    "section": (
        rest_people.Section,
        {
            "id": 1,
            "name": "Section A",
            "sis_section_id": "s34643",
            "integration_id": "3452342345",
            "sis_course_id": "7",
            "course_id": 7,
            "start_at": "2012-06-01T06:00:00Z",
            "end_at": None,
            "restrict_enrollments_to_section_dates": None,
            "nonxlist_course_id": None,
        },
    ),
    "terms": (
        rest_people.EnrollmentTerms,
        {
            "enrollment_terms": [
                {
                    "id": 1,
                    "sis_term_id": "sp2014",
                    "name": "Spring 2014",
                    "start_at": "2014-01-06T13:00:00Z",
                    "end_at": None,
                    "workflow_state": "active",
                }
            ]
        },
    ),
    "assignment": (
        rest_people.Assignment,
        {
            "id": 4,
            "name": "some assignment",
            "created_at": "2012-07-02T05:59:00Z",
            "due_at": "2012-07-02T05:59:00Z",
            "lock_at": None,
            "course_id": 123,
            "html_url": "https://school.example/courses/123/assignments/4",
            "assignment_group_id": 2,
            "points_possible": 12.0,
            "submission_types": ["online_text_entry"],
            "workflow_state": "unpublished",
            "published": False,
            "post_manually": False,
            "grading_type": "points",
            "quiz_id": 620,
        },
    ),
}
