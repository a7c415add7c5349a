"""What the tests of all folders share."""

import os

WHOLE = bool(os.environ.get("WHOLE"))
"""Set by `make whole` and `make numbers`: all that there is, of which the suite tries a part."""
