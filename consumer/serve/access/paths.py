"""What the answers of each path can show.

A path in neither list shows students: looks at it are logged. It shows all of a course, or of the tenant, so it is refused to
whoever may not see all of that.
"""

_CONTEXT = "/{contexts:contexts}/{context_id}"
_COURSE = "/api/v1/courses/{course_id}"
_ACCOUNT = "/api/v1/accounts/{account_id}"

_PAGES = ("gradebook", "students/{student}", "students/{student}/outcomes/{outcome_id}")

WITHOUT_STUDENTS = frozenset(
    {
        "/",
        "/courses.csv",
        "/courses.json",
        "/accounts/{account_id}",
        "/accounts/{account_id}.csv",
        "/accounts/{account_id}.json",
        "/docs",
        "/openapi.json",
        "/api/v1/outcomes/{outcome_id}",
        "/api/v1/accounts",
        "/api/v1/courses",
        _ACCOUNT,
        f"{_ACCOUNT}/sub_accounts",
        f"{_ACCOUNT}/courses",
        f"{_ACCOUNT}/terms",
        f"{_ACCOUNT}/terms/{{term_id}}",
        _COURSE,
        f"{_COURSE}/sections",
        f"{_COURSE}/sections/{{section_id}}",
        "/api/v1/sections/{section_id}",
        f"{_COURSE}/assignments",
        f"{_COURSE}/assignments/{{assignment_id}}",
        f"/api/v1{_CONTEXT}/outcome_proficiency",
        f"/api/v1{_CONTEXT}/grading_standards",
        f"/api/v1{_CONTEXT}/grading_standards/{{grading_standard_id}}",
        f"/api/v1{_CONTEXT}/root_outcome_group",
        f"/api/v1{_CONTEXT}/outcome_groups",
        f"/api/v1{_CONTEXT}/outcome_groups/{{outcome_group_id}}",
        f"/api/v1{_CONTEXT}/outcome_groups/{{outcome_group_id}}/subgroups",
        f"/api/v1{_CONTEXT}/outcome_groups/{{outcome_group_id}}/outcomes",
        f"/api/v1{_CONTEXT}/outcome_group_links",
        "/api/history/v1/outcomes/{outcome_id}",
        "/api/history/v1/outcome_groups/{outcome_group_id}",
        "/api/history/v1/outcome_group_links/{outcome_group_link_id}",
        f"/api/history/v1{_CONTEXT}/outcome_proficiency",
        f"/api/history/v1{_CONTEXT}/effective_outcome_proficiency",
    }
)
"""Definitions and places: nothing about single students, and no counts of them but of sections that are the viewer's."""

NARROWED = WITHOUT_STUDENTS | {
    f"{_COURSE}/outcome_alignments",
    f"{_COURSE}/outcome_results",
    f"{_COURSE}/outcome_rollups",
    f"{_COURSE}/outcome_rollups.csv",
    "/courses/{course_id}/outcome_rollups.csv",
    f"{_COURSE}/outcomes/{{outcome_id}}/contributing_scores",
    f"{_COURSE}/outcome_mastery_distribution",
    f"{_COURSE}/users",
    f"{_COURSE}/search_users",
    f"{_COURSE}/users/{{user_id}}",
    f"{_COURSE}/users/{{user_id}}/lmgb_user_details",
    f"{_COURSE}/enrollments",
    "/api/v1/sections/{section_id}/enrollments",
    "/api/v1/users/{user_id}",
    "/api/v1/users/{user_id}/enrollments",
    "/api/history/v1/outcome_results/{outcome_result_id}",
    "/api/history/v1/courses/{course_id}/mastery",
    *(f"/courses/{{course_id}}/{page}{form}" for page in _PAGES for form in ("", ".csv", ".json")),
}
"""Their answers hold only what is the viewer's, down to single sections: in rows, in sums and in distributions."""
