"""Which accounts or course a command is about, and their tenants."""

from typing import NamedTuple

from consumer.canvas.client import CanvasClient, Context
from consumer.canvas.observations import REFUSALS
from consumer.canvas.projection import account_of_course
from consumer.canvas.session import Session
from consumer.errors import CanvasNotFound, UsageError
from schemas import rest


class Scope(NamedTuple):
    """An account with everything below it, or one course."""

    context: Context
    tenant: str
    listed: int
    """The account whose lists show it."""


async def scopes(
    client: CanvasClient, session: Session, account_id: int | None, course_id: int | None, tenant: str | None
) -> list[Scope]:
    """This account, this course, or all root accounts that the token's user may see.

    The tenant is the uuid of the root account; `tenant` is needed if Canvas does not show it. Raises `UsageError`, and what the
    client raises.
    """
    if account_id is not None:
        try:
            account = (await client.account(account_id)).value
        except CanvasNotFound:
            raise UsageError(f"Canvas shows no account {account_id} to this token's user") from None
        return [Scope(Context("Account", account.id), await _tenant(client, account, tenant), account.id)]
    top_accounts = await _top_accounts(client)
    if course_id is not None:
        known = await account_of_course(session, tenant, course_id)
        for id_ in [*([] if known is None else [known]), *(top.id for top in top_accounts)]:
            if (course := await _course(client, id_, course_id)) is not None and course.account_id is not None:
                holder = (await client.account(course.account_id)).value
                return [Scope(Context("Course", course_id), await _tenant(client, holder, tenant), id_)]
        raise UsageError(f"Canvas shows no course {course_id} to this token's user")
    if not top_accounts:
        raise UsageError("this token's user administers no account: pass --account or --course")
    only = tenant if len(top_accounts) == 1 else None
    found = [Scope(Context("Account", top.id), await _tenant(client, top, only), top.id) for top in top_accounts]
    if tenant is not None and not (found := [scope for scope in found if scope.tenant == tenant]):
        raise UsageError(f"none of the accounts that this token's user administers belongs to {tenant}")
    return found


async def _top_accounts(client: CanvasClient) -> list[rest.Account]:
    """The user's accounts that are below none of the others."""
    accounts = [account async for page in client.accounts() for account in page.items]
    ids = {account.id for account in accounts}
    return [account for account in accounts if account.parent_account_id not in ids]


async def _course(client: CanvasClient, account_id: int, course_id: int) -> rest.Course | None:
    """Searches an account's list: none of our endpoints shows one course."""
    try:
        async for page in client.account_courses(account_id):
            for course in page.items:
                if course.id == course_id:
                    return course
    except REFUSALS:
        pass  # the known account is deleted, or another user's; the search goes on in the others
    return None


async def _tenant(client: CanvasClient, account: rest.Account, given: str | None) -> str:
    root = account
    if account.parent_account_id is not None and account.root_account_id is not None:
        try:
            root = (await client.account(account.root_account_id)).value
        except REFUSALS:
            root = account
    uuid = root.uuid if root.parent_account_id is None else None
    if uuid is None and given is None:
        raise UsageError("Canvas does not show the uuid of the root account to this token's user: pass it with --tenant")
    if uuid is not None and given is not None and uuid != given:
        raise UsageError(f"this Canvas belongs to the tenant {uuid}, not to {given}")
    return uuid or given or ""
