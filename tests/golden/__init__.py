"""Scores, means and medians that real Ruby computed, kept so that tests need no Ruby; and what makes more of them.

`oracle.ndjson.gz`: scores of percents, and means and medians of scores. `rows.ndjson.gz`: the same of whole results, with banks
of quizzes, ties, raw scores, halves, negative and huge numbers. `digests.json`: of the scores of all lists of up to five whole
scores. `cases/`: captured files.
"""

import gzip
import hashlib
import itertools
import json
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests import WHOLE
from tests.samples import NOON, TENANT, Event, iso

FOLDER = Path(__file__).parent
ORACLE, ROWS, DIGESTS = FOLDER / "oracle.ndjson.gz", FOLDER / "rows.ndjson.gz", FOLDER / "digests.json"
RUBY = shutil.which("ruby")
"""Where it is installed (Debian: `apt-get install ruby`)."""
FRESH = 20_000 if WHOLE else 600
"""Lines that a test has Ruby make anew."""
MASTERY = {4: 3.0, 5: 3.0, 10: 7.0}
"""Scale -> from where on it is mastery."""

Line = dict[str, Any]


def kept() -> list[Line]:
    """All that is kept, one after the other."""
    return [json.loads(line) for path in (ORACLE, ROWS) for line in gzip.decompress(path.read_bytes()).splitlines()]


def answered(cases: Iterable[Line]) -> list[Line]:
    """With what Ruby computes."""
    asked = "".join(json.dumps(case) + "\n" for case in cases)
    return [json.loads(line) for line in _ruby(asked=asked).splitlines()]


def digested(scale: int) -> dict[str, str]:
    """Rule -> digest, by Ruby."""
    found: dict[str, str] = json.loads(_ruby("lists", str(scale)))
    return found


def _ruby(*arguments: str, asked: str = "") -> str:
    assert RUBY is not None, "Ruby is not installed"
    command = [RUBY, str(FOLDER / "scores.rb"), *arguments]
    return subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, check=True).stdout


def rules(scale: int) -> Iterator[tuple[str, str, int | None, str]]:
    """(rule, method, number, digest): on the largest scale, unless `WHOLE`, each method that reckons, with one number."""
    for rule, digest in json.loads(DIGESTS.read_text(encoding="utf-8"))[str(scale)].items():
        method, _, number = rule.partition(" ")
        if WHOLE or scale < 10 or rule in _SAMPLE:
            yield rule, method, int(number) if number else None, digest


_SAMPLE = ("average", "n_mastery 2", "decaying_average 65", "standard_decaying_average 65")


def lists(scale: int) -> Iterator[list[float]]:
    """All lists of one to five whole scores, shorter ones first; percent times points, as results come to them."""
    values = [one / scale * scale for one in range(scale + 1)]
    for size in range(1, 6):
        yield from map(list, itertools.product(values, repeat=size))


def digest_of(scores: Iterable[Decimal | None]) -> str:
    """Of cents, or - without a score."""
    cents = ("-" if score is None else str((score * 100).quantize(Decimal(1))) for score in scores)
    return hashlib.sha256(",".join(cents).encode()).hexdigest()


COURSE, CLASSES = 7, 8
"""Where `events` puts lines of one student, and those of a class. The n-th line, from 1, is of outcome n."""
STUDENT = "student"


def events(lines: Iterable[Line]) -> Iterator[Event]:
    """What Canvas would have sent of them; in COURSE all results are STUDENT's."""
    for n, line in enumerate(lines, start=1):
        of_class = "scores" in line
        yield _event(
            "learning_outcome_created",
            learning_outcome_id=n,
            title=f"Line {n}",
            calculation_method=line.get("method", "highest"),
            calculation_int=line.get("int"),
            rubric_criterion={name: line.get(name, 5.0) for name in ("points_possible", "mastery_points")},
        )
        for index, row in enumerate(_rows(line)):
            at = row.get("at")
            half = timedelta(milliseconds=index % 2 * 500)  # results are as old as their second
            yield _event(
                "learning_outcome_result_created",
                id=1000 * n + row["id"],
                learning_outcome_id=n,
                user_uuid=f"student {index:03}" if of_class else STUDENT,
                result_context_type="Course",
                result_context_id=CLASSES if of_class else COURSE,
                score=row["score"],
                possible=row["possible"],
                percent=row["percent"],
                assessed_at=None if at is None else iso(NOON + timedelta(seconds=at) + half),
                created_at=iso(NOON),
                **_QUIZ | {"associated_asset_id": row["quiz"]} if row["quiz"] else {},
            )


_QUIZ: Event = {"artifact_type": "Quizzes::QuizSubmission", "artifact_id": 1, "associated_asset_type": "Quizzes::Quiz"}


def _rows(line: Line) -> list[Line]:
    if "rows" in line:
        return list(line["rows"])
    plain: Line = {"score": 1.0, "possible": 1.0, "percent": None, "quiz": None}
    if "scores" in line:
        return [plain | {"id": at, "score": score} for at, score in enumerate(line["scores"])]
    return [plain | {"id": at, "at": at, "percent": percent} for at, percent in enumerate(line["percents"])]


def _event(event_name: str, **members: Any) -> Event:
    metadata = {"event_name": event_name, "event_time": iso(NOON), "root_account_uuid": TENANT}
    return {"metadata": metadata, "body": {"workflow_state": "active", **members}}


def cases(count: int, seed: int) -> Iterator[Line]:
    """Made by chance: every sixth a class, the others one student's results for one outcome."""
    chance = random.Random(seed)
    for n in range(count):
        yield {"n": n} | (_class(chance) if n % 6 == 0 else _student(chance))


def _class(chance: random.Random) -> Line:
    width = chance.choice((1, 1, 1, -1, 1e6, 1e9))
    return {"scores": [round(chance.randrange(1001) / 100 * width, 2) for _ in range(chance.randrange(1, 60))]}


def _student(chance: random.Random) -> Line:
    method, numbers = chance.choice(_NUMBERS)
    points = chance.choice((0.0, 1.0, 2.5, 3.0, 4.0, 4.0, 5.0, 7.0, 10.0, 20.0, 100.0, -4.0, 1e6))
    mastery = round(abs(points) * chance.choice((0.5, 0.6, 0.7, 0.75, 1.0)), 2) if points else chance.choice((1.0, 3.0))
    rows = [_row(chance, id_) for id_ in chance.sample(range(1, 100), chance.choice((1, 2, 3, 4, 5, 8, 16)))]
    for quiz in {row["quiz"] for row in rows if row["quiz"]}:
        _made_whole(chance, [row for row in rows if row["quiz"] == quiz])
    return {
        "method": method,
        "int": chance.choice(numbers),
        "points_possible": points,
        "mastery_points": mastery,
        "rows": rows,
    }


_NUMBERS: Sequence[tuple[str, Sequence[int | None]]] = (
    ("highest", [None]),
    ("latest", [None]),
    ("average", [None]),
    ("n_mastery", range(1, 6)),
    ("decaying_average", [None, *range(1, 100)]),
    ("weighted_average", [None, *range(1, 100)]),
    ("standard_decaying_average", [None, *range(50, 100)]),
)


def _row(chance: random.Random, id_: int) -> Line:
    """Seconds of times are few, so that many are alike, and do not go with ids."""
    possible = chance.choice((1.0, 3.0, 4.0, 5.0, 10.0, 12.5, 0.3))
    percent = chance.choice((chance.randrange(21) / 20, chance.randrange(9) / 8, chance.randrange(401) / 200 / possible))
    percent = chance.choice((percent, percent, round(chance.random(), 4), chance.random(), -percent))
    if chance.random() < 0.03:
        percent *= chance.choice((1e9, 1e13, 9.007199254740993e13, 1e-9, 1e-30))
    raw = chance.random() < 0.15
    return {
        "id": id_,
        "at": chance.choice((None, *range(8))),
        "score": chance.choice((percent * possible, chance.randrange(-200, 1000) / 200, 1e15 * chance.random()))
        if raw
        else 1.0,
        "possible": possible,
        "percent": None if raw else percent,
        "quiz": chance.choice((None, None, None, 1, 2)),
    }


def _made_whole(chance: random.Random, banks: list[Line]) -> None:
    """Canvas computes nothing of a bank that has possible points and no percent, and of a quiz without possible points."""
    for bank in banks[1:]:
        if chance.random() < 0.2:
            bank["possible"] = None
    for bank in banks:
        if bank["percent"] is None and bank["possible"] is not None:
            bank["percent"] = chance.randrange(9) / 8
