"""All errors. The type tells the loop what to do (design 7).

OutcomesError
├── UsageError           the user named something that does not exist or does not fit     one sentence, exit code 2
├── Fatal                nothing will get better by waiting                               one sentence, exit code 2
├── Transient            the database or the broker is away for now                       back off, try again, for ever
├── LostPartition        somebody else has moved a position                               roll back, read positions again
├── RefusedRow           the database refuses a row                                       bisect, quarantine that row
└── BrokenCapture        a file cannot be read to its end                                 what was read stays; exit code 1
    └── ChangedCapture   it became another file meanwhile                                 read again from its start, some day
"""


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
