"""Endpoints of Canvas that nothing here can answer: a 404 that says why, and where to ask instead."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.exceptions import HTTPException

router = APIRouter(prefix="/api/v1", include_in_schema=False)

NOT_SERVED = {
    "/courses/{course_id}/learning_mastery_gradebook_settings": "No event tells a teacher's own settings of the gradebook.",
    "/users/self": "A token here belongs to no user of Canvas.",
    "/accounts/{account_id}/users": "Nothing here tells whose account a user is in: courses/:id/users lists those of a course.",
    "/accounts/{account_id}/enrollments/{enrollment_id}": "Ask for the enrollments of a course, a section or a user.",
    "/global/{anything:path}": "Outcomes and groups of all of Canvas belong to no institution: nothing here tells them.",
}
"""Path -> sentence."""


def _answer(sentence: str) -> Callable[[], Awaitable[None]]:
    async def refuse() -> None:
        raise HTTPException(404, sentence)

    return refuse


for _path, _sentence in NOT_SERVED.items():
    router.add_api_route(_path, _answer(_sentence))
