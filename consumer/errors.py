"""All errors. The type tells the loop what to do (design 7).

OutcomesError
├── UsageError           the user named something that does not exist or does not fit     one sentence, exit code 2
├── Fatal                nothing will get better by waiting                               one sentence, exit code 2
├── Transient            the database or the broker is away for now                       back off, try again, for ever
├── LostPartition        somebody else has moved a position                               roll back, read positions again
├── RefusedRow           the database refuses a row                                       bisect, quarantine that row
├── BrokenCapture        a file cannot be read to its end                                 what was read stays; exit code 1
│   ├── ChangedCapture   it became another file meanwhile                                 read again from its start, some day
│   └── NothingUnderstood    there is no event in it                                      nothing of it is kept
└── CanvasError          Canvas' REST API did not give what was asked                     what was written stays; exit code 1
    ├── CanvasUnauthorized   it does not know the token                                   nothing else will work either: stop
    ├── CanvasForbidden      the token's user may not see this                            leave it out, and say so
    ├── CanvasNotFound       it is not there, or not any more                             a fact, as of `requested_at`
    ├── CanvasRejected       it does not understand the question: an older Canvas         ask another way, or leave it out
    ├── CanvasAway           it could not be reached, or failed, time after time          leave it out, or stop; ask again later
    └── CanvasSurprise       an answer of another shape than the published one            leave it out: nothing of it was used
"""

from datetime import datetime


class OutcomesError(Exception):
    """Base of all. The text is a sentence for the operator and holds no event's content."""


class UsageError(OutcomesError):
    """The command line or a setting names something that does not exist or does not fit."""


class Fatal(OutcomesError):
    """Waiting does not help: wrong password, missing database, another schema, a gap in the topic."""


class Transient(OutcomesError):
    """The database or the broker is away; nothing is known to be wrong with the data."""


class LostPartition(OutcomesError):
    """The compare-and-set of a position moved no row: somebody else owns the partition."""


class RefusedRow(OutcomesError):
    """The database refuses at least one row of the batch, for what is in it."""


class BrokenCapture(OutcomesError):
    """A captured file is cut or damaged."""


class ChangedCapture(BrokenCapture):
    """A captured file changed while it was read: what was read may not have been in the file that its digest is of."""


class NothingUnderstood(BrokenCapture):
    """A captured file holds something else than events, or in a form that is not read."""


class CanvasError(OutcomesError):
    """Canvas' REST API did not give what was asked. The sentence names the path, never the token nor what was answered."""


class CanvasUnauthorized(CanvasError):
    """401: the token is wrong, expired or was withdrawn."""


class CanvasForbidden(CanvasError):
    """403 that is no throttling (401 of older Canvases): the token's user has no right to it."""


class CanvasNotFound(CanvasError):
    """404: there is no such object, or it is deleted. `requested_at`: when the request began that was answered so, UTC."""

    def __init__(self, sentence: str, requested_at: datetime) -> None:
        super().__init__(sentence)
        self.requested_at = requested_at


class CanvasRejected(CanvasError):
    """Any other 4xx: this Canvas does not understand the question, or has not this endpoint."""


class CanvasAway(CanvasError):
    """No whole answer after all tries: no connection, timeouts, broken answers, 5xx, throttling without end."""


class CanvasSurprise(CanvasError):
    """A whole answer that cannot be what was asked for: another shape, no JSON, a link or redirect to elsewhere."""
