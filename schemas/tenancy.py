"""Accounts and courses, the tree that scales are inherited along, and the feed's own pulse."""

from schemas.base import Body, GlobalId, KeyText, StatefulBody, Text, Time


class Account(StatefulBody):
    """Accounts of an institution: the tree that mastery scales are inherited along.

    Ids are global in the body. An account has no times of its own.
    """

    kind = "account"

    account_id: GlobalId
    """Global id of the account."""
    name: Text | None = None
    """Name."""
    root_account_id: GlobalId | None = None
    """Global id of the root account."""
    root_account_uuid: KeyText | None = None
    """Uuid of the root account as the body says it; the tenant comes from the metadata."""
    parent_account_id: GlobalId | None = None
    """Global id of the parent; absent for a root account."""
    external_status: KeyText | None = None
    """Contract state of a root account."""
    domain: Text | None = None
    """Host name of the institution."""
    default_time_zone: KeyText | None = None
    """IANA name."""
    default_locale: KeyText | None = None
    """Language."""


class Course(StatefulBody):
    """Courses, and the account that holds each.

    Ids are global in the body. Both events have `updated_at`.
    """

    kind = "course"

    course_id: GlobalId
    """Global id of the course."""
    account_id: GlobalId | None = None
    """Global id of the account that holds the course."""
    uuid: KeyText | None = None
    """Uuid; what results call `result_context_uuid`."""
    account_uuid: KeyText | None = None
    """Uuid of that account."""
    name: Text | None = None
    """Name."""
    created_at: Time | None = None
    """When Canvas made the row."""


class Heartbeat(Body):
    """Body of `heartbeat`, the pulse of the feed. Counted, not stored."""

    environment: Text | None = None
    """Such as `production`."""
    region_code: Text | None = None
    """Short name of the region."""
    region: Text | None = None
    """The cloud's name of the region."""
