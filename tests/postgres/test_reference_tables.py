"""The page of tables says what a migrated database says."""

import re
from collections import Counter

from tests.reference_pages import FOLDER, diagram, files, tables


async def test_the_generated_files_are_those_of_today_s_database(database: str) -> None:
    """`make reference` writes them."""
    for path, text in (await files(database)).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run `make reference`"


async def test_every_table_view_and_function_has_exactly_one_place(database: str) -> None:
    """With a comment, and so has every column."""
    found = await tables.catalogue(database)
    text = (FOLDER / "tables.md").read_text(encoding="utf-8")
    shown = Counter(re.findall(r"^(?:#+ |\| )`(\w+)[`(]", text, re.MULTILINE))
    named = found.relations | found.functions
    assert {name: shown[name] for name in named if shown[name] != 1} == {}
    assert [name for name, one in named.items() if not one.meaning] == []
    for relation in found.relations.values():
        assert [column.name for column in relation.columns if not column.meaning] == [], relation.name


async def test_the_picture_has_every_object_and_each_arrow_a_column(database: str) -> None:
    """An arrow begins at a column that is there and ends at a table that is there."""
    found = await tables.catalogue(database)
    drawn = {name for column in diagram.PICTURE for name in column}
    missing = {name for name in found.relations if f"{name}_version" in found.relations} - drawn
    assert not missing, f"add to PICTURE in tests/reference_pages/diagram.py, and to ARROWS what they refer to: {missing}"
    assert len(diagram.ARROWS) > 10
    for (name, column), target in diagram.ARROWS.items():
        assert column in {one.name for one in found.relations[name].columns}
        assert target in drawn
