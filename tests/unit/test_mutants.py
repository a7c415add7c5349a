"""`make mutation` still says what it switches off."""

import ast

import pytest

from tests.mutation.mutants import MUTANTS, ROOT, Mutant, StaleMutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_of_the_code_as_it_is(mutant: Mutant) -> None:
    """Its text is there exactly once, what it becomes can be read, and the tests that it names exist."""
    text = mutant.text(ROOT)
    if mutant.file.endswith(".py"):
        ast.parse(text)
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_each_mutant_has_a_name_of_its_own_and_changes_something() -> None:
    """A line each in what is shown."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(mutant.old != mutant.new for mutant in MUTANTS)


def test_a_mutant_that_does_not_fit_the_code_says_so() -> None:
    """In a sentence with its name and file."""
    stale = Mutant("stale", "consumer/worker/worker.py", "no such text", "", ())
    with pytest.raises(StaleMutant, match=r"`stale`: its text is 0 times in consumer/worker/worker\.py"):
        stale.text(ROOT)
