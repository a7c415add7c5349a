"""All errors. The type decides what the loop does.

OutcomesError
├── UsageError           an argument or setting is wrong                                  one sentence, exit code 2
├── Fatal                waiting does not help                                            one sentence, exit code 2
│   ├── UnreadableAddress    the address of the database is none                          one sentence, exit code 2
│   └── RecordTooLarge   the topic takes no record of this size                           an intake refuses that event alone
├── Transient            the database or the broker is away                               back off, retry for ever
├── LostPartition        somebody else has moved a position                               roll back, read positions again
├── NoEvent              what came in is not an event                                     refuse it
├── RefusedRow           the database refuses a row                                       bisect, quarantine that row
├── BrokenCapture        a file cannot be read to its end                                 keep what was read; exit code 1
│   ├── ChangedCapture   it changed meanwhile                                             a later replay reads it from its start
│   └── NothingUnderstood    there is no event in it                                      keep nothing of it
└── CanvasError          Canvas' REST API did not answer the request                      keep what was written; exit code 1
    ├── CanvasUnauthorized   it does not know the token                                   stop: nothing else will work
    ├── CanvasForbidden      the token's user may not see this                            skip it, report it
    ├── CanvasNotFound       it does not exist (any more)                                 a fact, as of `requested_at`
    ├── CanvasRejected       an older Canvas does not know the request                    try another request, or skip it
    ├── CanvasAway           it could not be reached, or failed repeatedly                skip it, or stop; a later run retries
    └── CanvasSurprise       the response has an unpublished shape                        skip it; nothing of it was used
"""

import os
from datetime import datetime


class OutcomesError(Exception):
    """Base class. The message is a sentence for the operator, without content of events."""


class UsageError(OutcomesError):
    """An argument or setting names something that does not exist or is not valid."""


class Fatal(OutcomesError):
    """Waiting does not help: wrong password, missing database, another schema, a gap in the topic."""


class UnreadableAddress(Fatal):
    """The address of the database is none. The sentence quotes nothing of it."""


class RecordTooLarge(Fatal):
    """The topic takes no record of this size, however often it is sent."""


class Transient(OutcomesError):
    """The database or the broker is away; the data may be fine."""


class LostPartition(OutcomesError):
    """The compare-and-set of a position updated no row: somebody else owns the partition."""


class NoEvent(OutcomesError):
    """What an intake was sent is not an event."""


class RefusedRow(OutcomesError):
    """The database refuses at least one row of the batch for its content."""


class BrokenCapture(OutcomesError):
    """A captured file is truncated or damaged."""


class ChangedCapture(BrokenCapture):
    """A captured file changed while it was read: the records may not belong to its digest."""


class NothingUnderstood(BrokenCapture):
    """A captured file has no events, or has them in an unknown form."""


class CanvasError(OutcomesError):
    """Canvas' REST API did not answer a request. The message has the path, never the token or the response."""


class CanvasUnauthorized(CanvasError):
    """401: the token is wrong, expired or revoked."""


class CanvasForbidden(CanvasError):
    """403 other than throttling (401 from an older Canvas): the token's user lacks the right."""


class CanvasNotFound(CanvasError):
    """404: the object does not exist, or is deleted. `requested_at`: when the request began, UTC."""

    def __init__(self, sentence: str, requested_at: datetime) -> None:
        super().__init__(sentence)
        self.requested_at = requested_at


class CanvasRejected(CanvasError):
    """Any other 4xx: this Canvas does not know the request or the endpoint."""


class CanvasAway(CanvasError):
    """No complete response after all retries: no connection, timeouts, broken responses, 5xx, endless throttling."""


class CanvasSurprise(CanvasError):
    """A complete response that is not valid: another shape, not JSON, a link or redirect to another host."""


def reason(error: OSError) -> str:
    """Why, in the system's own words: in `strerror` of what opens a port the address stands once more."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)  # DNS' are below 0
