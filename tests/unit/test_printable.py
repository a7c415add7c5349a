"""Text of strangers is shown and not obeyed."""

import pytest

from consumer.printable import has_controls, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb\nc\x07", "a\\rb\\nc\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    """Also what turns the direction of writing, and what no encoding can hold."""
    assert has_controls(text)
    assert printable(text) == shown
    assert printable(text, keep=text) == text


@pytest.mark.parametrize("text", ["plain", "Żółć 学校 🎓", "with blank", "with\u00a0other blank", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    """In whatever language."""
    assert not has_controls(text)
    assert printable(text) == text
