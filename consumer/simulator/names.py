"""Names of people, also ones that are hard to sort."""

import random
import unicodedata

_GIVEN = (
    *("Amara", "Björn", "Chiara", "Dmitri", "Esperanza", "Farid", "Gwendolyn", "Haruto", "Ingrid", "José María", "Katarzyna"),
    *("Lakshmi", "Mateus", "Nkechi", "Oluwaseun", "Priya", "Quentin", "Rosalind", "Søren", "Tamsin", "Ulrike", "Valentina"),
    *("Wilhelmina", "Xiomara", "Yusuf", "Zoltán", "Anne-Sophie", "D'Angelo"),
)
_FAMILY = (
    *("Abernathy", "Bäckström", "Castellanos", "Dzhaparidze", "Eyjólfsdóttir", "Fitzwilliam", "Grzybowski", "Hakimi"),
    *("Ibragimova", "Jankovic", "Kowalczyk", "Lindqvist", "Mbeki-Nkosi", "Nakagawa", "O'Sullivan", "Papadopoulos"),
    *(
        "Quintanilla",
        "Rajagopalan",
        "Szymanski",
        "Thorvaldsen",
        "Uenoyama",
        "Villanueva",
        "Wojciechowski",
        "Yildirim",
        "Zubrzycki",
    ),
)
_SUFFIXES = ("Jr.", "III", "Esq.")


def person(chance: random.Random) -> str:
    """A full name; one in thirty has a suffix, one in thirty is a single word, one in thirty comes as "Surname, Given"."""
    given, family, style = chance.choice(_GIVEN), chance.choice(_FAMILY), chance.random()
    if style < 0.033:
        return f"{given} {family} {chance.choice(_SUFFIXES)}"
    if style < 0.066:
        return family
    return f"{family}, {given}" if style < 0.1 else f"{given} {family}"


def sortable(name: str) -> str:
    """As Canvas makes it of a name (app/models/user.rb)."""
    if "," in name:
        return name
    *words, last = name.split()
    suffix = ""
    if words[1:] and last in _SUFFIXES:
        *words, family = words
        suffix, last = f" {last}", family
    return f"{last}, {' '.join(words)}{suffix}" if words else last


def login(name: str, number: int) -> str:
    """An address made of a name."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    word = "".join(letter for letter in ascii_.lower() if letter.isalpha())
    return f"{word}{number}@example.edu"
