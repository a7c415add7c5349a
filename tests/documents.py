"""The blocks of README, CONTRIBUTING and docs/, as scripts that tests run.

* A `console` block is commands behind `$ `, each with the output that it shows below it, if any. `…` stands for any text. A
  command ends with 0 unless its line says `# exit code N`. One whose line says `# until Ctrl-C` goes on in the background.
* An `sql` block goes to psql. `json` and `yaml` blocks are parsed, `python` blocks are compiled.
* `<!-- run: COMMAND -->` is a command that readers do not see. `<!-- not run: REASON -->` before a block leaves it out.

Blocks of one page share a shell, a folder, a database and a topic.
"""

import contextlib
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
RUN = [page for page in PAGES if ROOT / "docs" / "reference" not in page.parents]
"""Those whose blocks run. The reference shows examples of commands and events that are compared with the code."""
SHOWN = {"text", "mermaid"}
"""Languages of blocks that nothing can run."""

_BLOCK = re.compile(
    r"^<!-- run: (?P<hidden>.+?) -->$|(?:^ *<!-- not run: (?P<reason>.+?) -->\n)?^(?P<indent> *)```(?P<language>\S*).*\n"
    r"(?P<text>(?:.*\n)*?)(?P=indent)```$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Command:
    """One command, and what a page says of it."""

    text: str
    shown: str = ""
    code: int = 0
    background: bool = False


def commands(page: Path) -> list[Command]:
    """What a page runs, in order. Raises ValueError for a block that is neither run nor known."""
    found: list[Command] = []
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["hidden"]:
            found.append(Command(block["hidden"]))
        elif block["reason"]:
            if len(block["reason"].split()) < 3:
                raise ValueError(f"{page.name}: a block is not run, and the reason is short: {block['reason']}")
        else:
            text = re.sub(f"^{block['indent']}", "", block["text"], flags=re.MULTILINE)
            found += _read(page, block["language"], text)
    return found


def _read(page: Path, language: str, text: str) -> list[Command]:
    match language:
        case "console":
            return _console(page, text)
        case "sql":
            return [Command(f"outcomes psql --quiet --set ON_ERROR_STOP=1 <<'END'\n{text}END")]
        case "json":
            json.loads(text)
        case "yaml":
            yaml.safe_load(text)
        case "python":
            compile(text, page.name, "exec")
        case _ if language not in SHOWN and not language.startswith("{"):
            raise ValueError(f"{page.name}: a block of {language or 'no language'} is neither run nor marked")
    return []


def _console(page: Path, text: str) -> list[Command]:
    if not text.startswith("$ "):
        raise ValueError(f"{page.name}: a console block does not begin with a command")
    found = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, shown = _split(part)
        code = re.search(r"# exit code (\d)", command)
        found.append(Command(command, shown, int(code[1]) if code else 0, "# until Ctrl-C" in command))
    return found


def _split(text: str) -> tuple[str, str]:
    """A command, which may have several lines, and what stands below it."""
    lines = text.splitlines(keepends=True)
    for end in range(1, len(lines) + 1):
        command = "".join(lines[:end])
        if not command.endswith("\\\n"):
            with contextlib.suppress(ValueError):  # a quotation goes on in the next line
                shlex.split(command, comments=True)
                return command.rstrip("\n"), "".join(lines[end:])
    raise ValueError(f"a command does not end: {text}")


def matches(shown: str, printed: str) -> bool:
    """Whether output is what a page shows."""
    lines = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
    pattern = re.escape(lines).replace("…", ".*?")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip("\n").splitlines()), re.DOTALL) is not None


def links(page: Path) -> list[str]:
    """The addresses within the repository that a page names."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [found for found in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", found)]


def anchors(page: Path) -> set[str]:
    """What its headings are called in addresses, as GitHub calls them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
