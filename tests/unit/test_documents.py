"""How the blocks of documents are read."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from yaml import YAMLError

from tests.documents import PAGES, ROOT, RUN, Command, commands, links, matches
from tests.reference_math import score
from tests.worlds import METHODS


def page(folder: Path, text: str) -> Path:
    """A page with this text."""
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_commands_are_read_with_what_stands_below_them(tmp_path: Path) -> None:
    """Also those of several lines, of lists and of comments; `psql` gets what an `sql` block says."""
    text = """
<!-- run: hidden -->
```console
$ first
one
two
$ second \\
    --flag    # exit code 1
$ third "a
    b"
```
* item
  ```console
  $ fourth    # until Ctrl-C
  ```
```sql
SELECT 1;
```
"""
    assert commands(page(tmp_path, text)) == [
        Command("hidden"),
        Command("first", "one\ntwo\n"),
        Command("second \\\n    --flag    # exit code 1", code=1),
        Command('third "a\n    b"'),
        Command("fourth    # until Ctrl-C", background=True),
        Command("outcomes psql --quiet --set ON_ERROR_STOP=1 <<'END'\nSELECT 1;\nEND"),
    ]


@pytest.mark.parametrize(
    "block",
    [
        "```\nx\n```",
        "```bash\nx\n```",
        "```console\nx\n```",
        "```json\n{\n```",
        "```yaml\n{\n```",
        "```python\n(\n```",
        "<!-- not run: slow -->\n```console\n$ x\n```",
    ],
)
def test_no_block_goes_untried_without_a_reason(tmp_path: Path, block: str) -> None:
    """Nor with a word for one."""
    with pytest.raises((ValueError, SyntaxError, YAMLError)):
        commands(page(tmp_path, block + "\n"))


def test_a_block_with_a_reason_is_not_run(tmp_path: Path) -> None:
    """It is the block behind the reason, and no other."""
    text = "<!-- not run: it needs a Canvas -->\n```console\n$ a\n```\n\n```console\n$ b\n```\n"
    assert commands(page(tmp_path, text)) == [Command("b")]


def test_shown_output_is_what_was_printed_but_for_what_is_left_open() -> None:
    """`…` stands for any text, and blanks at the ends of lines do not count."""
    assert matches("a  \nb\n", "a\nb \n")
    assert matches("a\n…\nd\n", "a\nb\nc\nd\n")
    assert matches("a … s\n", "a 1.5 s\n")
    assert not matches("a\n", "a\nb\n")
    assert not matches("a.\n", "ab\n")


def test_links_within_the_repository_are_found(tmp_path: Path) -> None:
    """Those of blocks are none, and other people's addresses are not ours to try."""
    text = "[a](b.md#c) [d](https://e.example)\n```text\n[f](g.md)\n```\n"
    assert links(page(tmp_path, text)) == ["b.md#c"]


def test_the_pages_of_people_run_and_those_of_the_reference_are_compared() -> None:
    """No other page is left out."""
    assert {path.parent.name for path in set(PAGES) - set(RUN)} == {"reference"}
    assert len(RUN) > 20


def test_the_sentences_that_an_operator_looks_up_are_those_of_the_code() -> None:
    """Headings in quotes, and the table of sentences with which a worker stops."""
    page = (ROOT / "docs" / "how-to" / "when.md").read_text(encoding="utf-8")
    table = page.split("| sentence | do |\n|---|---|\n")[1].split("\n\n")[0]
    quoted = re.findall(r'^## "(.+)"$', page, re.MULTILINE) + [row.split(" | ")[0][2:] for row in table.splitlines()]
    parts = [part.strip() for sentence in quoted for part in re.split(r"…|;|\bN\b", sentence) if part.strip()]
    python = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "consumer").rglob("*.py"))
    code = re.sub(r'"\s*\n\s*f?"', "", python)
    assert len(parts) > 12
    assert [part for part in parts if part not in code] == []


def test_the_methods_give_the_scores_that_the_page_of_mastery_shows() -> None:
    """Of the values 1, 4 and 2, with mastery from 3: the last number of each row."""
    page = (ROOT / "docs" / "explanation" / "mastery.md").read_text(encoding="utf-8")
    rows = page.split("| values 1, 4, 2 |\n|---|---|---|\n")[1].split("\n\n")[0].splitlines()
    shown = {method: row for row in rows for method in re.findall(r"`([a-z_]+)`", row.split(" | ")[0])}
    assert shown.keys() == set(METHODS[:-1])
    for method, row in shown.items():
        number = re.search(r"`int` (\d+):", row)
        computed = score(method, int(number[1]) if number else None, [1.0, 4.0, 2.0], 3.0)
        assert computed == Decimal(re.findall(r"[\d.]+", row)[-1]), method
