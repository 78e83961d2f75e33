"""Every row about a person, found from the models' foreign keys: a table added tomorrow is in the walk by itself."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from db import Base
from models import Beneficiary


@cache
def reach() -> dict[type[Base], tuple[tuple[str, type[Base]], ...]]:
    """Every table that points at a person, or at a row that does; by which columns, at which table."""
    models = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__tablename__)
    by_table = {model.__table__: model for model in models}
    found: dict[type[Base], tuple[tuple[str, type[Base]], ...]] = {Beneficiary: ()}
    while True:
        new = {}
        for model in models:
            keys = ((key.parent.key, by_table[key.column.table]) for key in model.__table__.foreign_keys)
            if model not in found and (links := tuple(sorted((c, t) for c, t in keys if t in found))):
                new[model] = links
        if not new:
            return found
        found |= new


def about(session: orm.Session, people: Iterable[int]) -> dict[type[Base], list[Any]]:
    """The rows about these people that the session's reader sees, by table, oldest first."""
    numbers: dict[type[Base], list[int]] = {}
    rows: dict[type[Base], list[Any]] = {}
    for model, links in reach().items():
        tests = [getattr(model, name).in_(numbers[target]) for name, target in links]
        test = sa.or_(*tests) if tests else Beneficiary.id.in_(list(people))
        key: Any = sa.inspect(model).primary_key[0]
        rows[model] = list(session.scalars(sa.select(model).where(test).order_by(key)))
        numbers[model] = [row.id for row in rows[model]]
    return rows
