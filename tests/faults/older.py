"""`outcomes` as it was at an earlier schema: `python -m tests.faults.older REVISION ARGUMENTS`.

Only what this code asks of a database before it writes is left out; a worker of that time wrote with the same statements.
"""

import sys

from consumer.store import schema
from consumer.store import sql as statements

_today = statements.sql


def _then(name: str) -> str:
    return "SELECT $1::integer[]" if name == "make_version_partitions" else _today(name)


if __name__ == "__main__":
    vars(schema)["HEAD"] = sys.argv.pop(1)
    vars(statements)["sql"] = _then
    from consumer.commands.main import main

    main()
