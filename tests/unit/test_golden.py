"""The second implementation of the mastery math computes what real Ruby did, and what is kept of that is what Ruby computes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import WHOLE, golden
from tests.golden import Line
from tests.reference import Reference
from tests.reference_math import Told, score
from tests.samples import TENANT

LATER = datetime(2026, 1, 1, tzinfo=UTC)


def wrong(lines: list[Line]) -> list[tuple[Line, Any]]:
    """Lines to which the reference gives another answer, with that."""
    reference = Reference(Told(event, LATER) for event in golden.events(lines))
    rollups, summaries = reference.rollups(TENANT, golden.COURSE), reference.summaries(TENANT, golden.CLASSES)
    found = []
    for n, line in enumerate(lines, start=1):
        if "scores" in line:
            answer: Any = (float(summaries[n].mean), float(summaries[n].median))
            expected: Any = (line["mean"], line["median"])
        else:
            rollup = rollups.get((golden.STUDENT, n))
            answer, expected = None if rollup is None else float(rollup.score), line["score"]
        if answer != expected:
            found.append((line, answer))
    return found


def test_the_reference_computes_every_kept_number_of_ruby() -> None:
    """Scores of percents and of whole results, means and medians; all of them."""
    lines = golden.kept()
    assert len(lines) == 3300 + 1500
    assert wrong(lines) == []


@pytest.mark.parametrize("scale", golden.MASTERY)
def test_the_reference_computes_the_scores_of_all_lists_of_whole_scores(scale: int) -> None:
    """Up to five of them, on scales of 4, 5 and 10 points; by the digests of what Ruby computed."""
    lists = list(golden.lists(scale))
    rules = list(golden.rules(scale))
    assert len(rules) == (24 if WHOLE or scale < 10 else 4)
    for rule, method, number, digest in rules:
        assert golden.digest_of(score(method, number, values, golden.MASTERY[scale]) for values in lists) == digest, rule


@pytest.mark.skipif(golden.RUBY is None, reason="Ruby is not installed: only the numbers that are kept were tried")
def test_what_is_kept_is_what_ruby_computes() -> None:
    """By `scores.rb`: the oracle was made without it."""
    lines = golden.kept()
    assert golden.answered(asked(lines)) == lines
    for scale in golden.MASTERY if WHOLE else (4, 5):
        assert golden.digested(scale) == {rule: digest for rule, _, _, digest in golden.rules(scale)}


@pytest.mark.skipif(golden.RUBY is None, reason="Ruby is not installed: only the numbers that are kept were tried")
def test_the_reference_computes_fresh_numbers_of_ruby() -> None:
    """Of cases that are not kept."""
    assert wrong(golden.answered(golden.cases(golden.FRESH, seed=1))) == []


def asked(lines: Iterable[Line]) -> list[Line]:
    """Without the answers."""
    return [{name: value for name, value in line.items() if name not in ("score", "mean", "median")} for line in lines]
