"""The data dictionary, made from models.py, vocabulary.py and policy.py: `make dictionary` writes it anew."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import policy
from db import Base, Field, Kind, Sensitivity
from vocabulary import Code, Role

PLACE = Path(__file__).parent / "data-dictionary.md"
HEAD = """# Data dictionary

Made from `models.py`, `vocabulary.py` and `policy.py` by `make dictionary`; not to be edited by hand.

- *Kind* is how people meet a column (`db.Kind`). A column without a label is the application's own.
- *Sensitivity* (`db.Sensitivity`) decides which roles see a column (`policy.SEES`); empty: whoever sees the row.
  What is *sealed* is kept encrypted in the database (`db.SEALED`, decision 0022).
- Moments are kept in UTC, shown in Greek time. Decimals have two places and are kept as whole hundredths.
"""
RIGHTS = """## Who may do what

r read · c create · e edit · d delete · m move to another state · x export. All of it within the units of the user:
their own, and for coordinator and supervisor every unit.
"""
SIGHT = """Which columns a role sees, by their sensitivity:
"""
COLUMNS = ("Column", "Ελληνικά", "English", "Kind", "Required", "Length", "Sensitivity")


def dictionary() -> str:
    """The whole document."""
    tables = [line for table in Base.metadata.tables.values() for line in _table(table)]
    lists = [line for codes in Code.__subclasses__() for line in _code_list(codes)]
    may = [RIGHTS, *_rights(), SIGHT, *_sight()]
    return "\n".join([HEAD, *may, "## Tables", "", *tables, "## Code lists", "", *lists]).rstrip() + "\n"


def _rights() -> Iterator[str]:
    heads, *rows = (line.split() for line in policy.TABLE.strip().splitlines())
    yield from _grid(heads, [["" if cell == "-" else cell for cell in row] for row in rows])


def _sight() -> Iterator[str]:
    rows = [(kept, *(_yes(role in policy.SEES[kept]) for role in Role)) for kept in Sensitivity]
    yield from _grid(("sensitivity", *(role.value for role in Role)), rows)


def _table(table: sa.Table) -> Iterator[str]:
    model = next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is table)
    yield from (f"### {table.name}", "", f"**{model.label.el}** ({model.label.en}). {_purpose(model)}", "")
    yield from _grid(COLUMNS, [_column(column) for column in table.columns])
    rules = [f"- Unique: {columns}" for columns in _unique(table)]
    rules += [f"- Check: `{rule.sqltext}`" for rule in _sorted(table, sa.CheckConstraint)]
    yield from (*rules, "") if rules else ()


def _column(column: sa.Column[Any]) -> tuple[str, ...]:
    field: Field | None = column.info.get("field")
    if field is None:
        return f"`{column.name}`", "", "", _own_kind(column), _yes(not column.nullable), "", ""
    # An empty set of codes and a flag that is off are values too: nothing need be filled in.
    required = not column.nullable and field.kind not in (Kind.FLAG, Kind.CODES)
    guarded = ("" if field.sensitivity == Sensitivity.OPEN else field.sensitivity) + ", sealed" * field.is_sealed
    named = (f"`{column.name}`", field.label.el, field.label.en)
    return *named, _kind(column, field), _yes(required), str(field.length or ""), guarded


def _yes(holds: bool) -> str:
    return "yes" if holds else ""


def _kind(column: sa.Column[Any], field: Field) -> str:
    if field.kind == Kind.LINK:
        return f"link to {_target(column)}"
    if not field.codes:
        return field.kind.replace("_", " ")
    codes: type[Code] = type(field.codes[0])
    some = "" if len(field.codes) == len(codes) else ": " + ", ".join(code.value for code in field.codes)
    return f"{field.kind} of [{codes.__name__}](#{codes.__name__.lower()}){some}"


def _own_kind(column: sa.Column[Any]) -> str:
    if column.foreign_keys:
        return f"link to {_target(column)}"
    return type(column.type).__name__.lower() + (", primary key" if column.primary_key else "")


def _target(column: sa.Column[Any]) -> str:
    (key,) = column.foreign_keys
    return f"[{key.column.table.name}](#{key.column.table.name})"


def _unique(table: sa.Table) -> list[str]:
    found = [_names(rule.columns) for rule in _sorted(table, sa.UniqueConstraint)]
    for index in sorted((index for index in table.indexes if index.unique), key=lambda index: str(index.name)):
        where = index.dialect_options["sqlite"]["where"]
        found.append(_names(index.columns) + (f" where `{where}`" if where is not None else ""))
    return found


def _sorted(table: sa.Table, kind: type[Any]) -> list[Any]:
    return sorted((rule for rule in table.constraints if isinstance(rule, kind)), key=lambda rule: str(rule.name))


def _names(columns: Any) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)


def _code_list(codes: type[Code]) -> Iterator[str]:
    yield from (f"### {codes.__name__}", "", _purpose(codes), "")
    yield from _grid(("Code", "Ελληνικά", "English"), [(f"`{c.value}`", c.label.el, c.label.en) for c in codes])


def _purpose(described: type) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0]


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + " --- |" * len(heads)
    yield from (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    yield ""


if __name__ == "__main__":
    PLACE.write_text(dictionary(), encoding="utf-8")
