"""`python -m tests.golden`: makes what is kept anew with Ruby. `--lines N --seed S`: prints N more lines instead."""

import argparse
import gzip
import json
import sys

from tests.golden import DIGESTS, MASTERY, ROWS, RUBY, answered, cases, digested

KEPT = 1500


def main() -> None:
    """Needs Ruby."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--lines", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if RUBY is None:
        sys.exit("Ruby is not installed")
    lines = [json.dumps(line, separators=(",", ":")) for line in answered(cases(options.lines or KEPT, options.seed))]
    if options.lines:
        print(*lines, sep="\n")
        return
    ROWS.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    digests = {scale: digested(scale) for scale in MASTERY}
    DIGESTS.write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
