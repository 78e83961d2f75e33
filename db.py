"""Engine, session, Base and the declarations of columns: one is declared once and everything else follows from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from inspect import iscoroutinefunction
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event, orm
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, declared_attr, mapped_column

import connections
import search
from column_types import CodeSet, Hundredths, Instant, Vaulted, sort_text
from i18n import Label
from identifiers import N_

BIGGEST_ID = 2**31 - 1


class BadValue(ValueError):
    """A value that a column does not take; the text is a gettext msgid for the person who typed it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Kind(StrEnum):
    """What a column holds; forms, lists, filters, exports and the trail each know every kind once."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    FLAG = "flag"
    CODE = "code"
    CODES = "codes"
    COUNTRY = "country"
    LINK = "link"


class Sensitivity(StrEnum):
    """How carefully a column is kept; policy.py says which role sees what."""

    OPEN = "open"
    RESTRICTED = "restricted"
    SPECIAL = "special"
    CLINICAL = "clinical"
    CONFIDED = "confided"


SEALED = frozenset({Sensitivity.SPECIAL, Sensitivity.CLINICAL, Sensitivity.CONFIDED})
"""What is kept so that a stolen database does not show it (docs/decisions/0022-sealed-values.md)."""


@dataclass(frozen=True)
class Field:
    """What a column means to people. It rides in the column's `info`."""

    label: Label
    kind: Kind
    group: Label | None = None
    sensitivity: Sensitivity = Sensitivity.OPEN
    search: bool = False
    check: Callable[[str], str] | None = None
    codes: tuple[Any, ...] = ()
    length: int | None = None
    lines: int = 1
    """How high the box of a text is in forms."""
    help: Label | None = None
    form: bool = True
    is_birth: bool = False
    default: Callable[[], Any] | None = None

    @property
    def is_sealed(self) -> bool:
        """The column is kept sealed; links and flags are not: foreign keys and the walls in SQL stand on them."""
        return self.sensitivity in SEALED and self.kind not in (Kind.LINK, Kind.FLAG)

    @property
    def room(self) -> int:
        """Bytes that a sealed value takes at least: as many as the longest of its list, so that all look alike."""
        if self.kind in (Kind.TEXT, Kind.LONG_TEXT):
            return 256
        values = [len(code.value) + 1 for code in self.codes]
        longest = (
            sum(values) if self.kind == Kind.CODES else max(values, default=28 if self.kind == Kind.INSTANT else 11)
        )
        return 16 * (1 + (longest + 4) // 16)


# --- declarations of columns -----------------------------------------------------------------------------------------


def text(el: str, en: str, length: int = 120, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """Text of at most `length` characters, on one line unless `lines` says otherwise."""
    return _column(sa.String(length), Field(Label(el, en), Kind.TEXT, length=length, **_of_field(more)), required, more)


def long_text(el: str, en: str, length: int = 20_000, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """Several lines of text."""
    return _column(sa.Text(), Field(Label(el, en), Kind.LONG_TEXT, length=length, **_of_field(more)), required, more)


def whole(el: str, en: str, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """A whole number."""
    return _column(sa.Integer(), Field(Label(el, en), Kind.INTEGER, **_of_field(more)), required, more)


def decimal(el: str, en: str, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """A number with two decimals."""
    return _column(Hundredths(), Field(Label(el, en), Kind.DECIMAL, **_of_field(more)), required, more)


def day(el: str, en: str, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """A date."""
    return _column(sa.Date(), Field(Label(el, en), Kind.DATE, **_of_field(more)), required, more)


def instant(el: str, en: str, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """A moment."""
    return _column(Instant(), Field(Label(el, en), Kind.INSTANT, **_of_field(more)), required, more)


def flag(el: str, en: str, *, initially: bool = False, **more: Any) -> MappedColumn[Any]:
    """Yes or no."""
    more.setdefault("default", lambda: initially)
    field = Field(Label(el, en), Kind.FLAG, **_of_field(more))
    return _column(sa.Boolean(create_constraint=False), field, True, more)


def choice(codes: Iterable[Any], el: str, en: str, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """One code of a list in vocabulary.py."""
    members = tuple(codes)
    kept = sa.Enum(
        type(members[0]), native_enum=False, length=20, values_callable=lambda e: [member.value for member in e]
    )
    return _column(kept, Field(Label(el, en), Kind.CODE, codes=members, **_of_field(more)), required, more)


def choices(codes: Iterable[Any], el: str, en: str, **more: Any) -> MappedColumn[Any]:
    """Any number of codes of a list."""
    members = tuple(codes)
    more.setdefault("default", tuple)
    return _column(CodeSet(members), Field(Label(el, en), Kind.CODES, codes=members, **_of_field(more)), True, more)


def country(el: str, en: str, **more: Any) -> MappedColumn[Any]:
    """A country by its ISO 3166-1 alpha-2 code."""
    return _column(sa.String(2), Field(Label(el, en), Kind.COUNTRY, length=2, **_of_field(more)), False, more)


def link(target: str, el: str, en: str, *, required: bool = False, **more: Any) -> MappedColumn[Any]:
    """A reference to a row of another table (`"beneficiary.id"`), indexed."""
    more.setdefault("index", True)
    key = sa.ForeignKey(target, ondelete=more.pop("ondelete", None))
    return _column(sa.Integer(), Field(Label(el, en), Kind.LINK, **_of_field(more)), required, more, key)


_FIELD_ONLY = ("group", "sensitivity", "search", "check", "help", "form", "lines", "is_birth")


def _of_field(more: dict[str, Any]) -> dict[str, Any]:
    found = {name: more.pop(name) for name in _FIELD_ONLY if name in more}
    return found | ({"default": more["default"]} if "default" in more else {})


def _column(kept: Any, field: Field, required: bool, more: dict[str, Any], *keys: Any) -> MappedColumn[Any]:
    kept = Vaulted(kept, field.room) if field.is_sealed else kept
    return mapped_column(kept, *keys, nullable=not required, info={"field": field}, **more)


# --- Base ------------------------------------------------------------------------------------------------------------


class Base(DeclarativeBase):
    """Every table. Constraints are named by convention, so that migrations can speak of them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    label: Label
    labels: Label
    called_by: ClassVar[tuple[str, ...]] = ("id",)  # the columns of its name: all that a list reads of a row it names

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "__tablename__" not in cls.__dict__ and not cls.__dict__.get("__abstract__"):
            cls.__tablename__ = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
        super().__init_subclass__(**kwargs)

    def before_save(self, session: orm.Session) -> None:
        """The row's own rules, run before every flush that writes it: by form, import, seed or command alike."""

    def before_delete(self, session: orm.Session) -> None:
        """The row's own rules about its deletion, run before every flush that deletes it."""

    @property
    def described(self) -> str:
        """The row told from its namesakes, where one is chosen among many."""
        return str(self)

    @classmethod
    def called(cls, *values: Any) -> str:
        """The name of a row whose `called_by` columns hold these values."""
        return " ".join(map(str, values if cls.called_by != ("id",) else (cls.label, *values)))

    def __str__(self) -> str:
        return self.called(*(getattr(self, name) for name in self.called_by))


class Record(Base):
    """A row that people edit: numbered, and versioned so that of two edits the later notices the earlier."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-10)
    version: Mapped[int] = mapped_column(sort_order=-9)

    @classmethod
    def __table_cls__(cls, *args: Any, **kwargs: Any) -> sa.Table:
        """A deleted row's number is never another's, on SQLite too: the trail would tell of one what the other did."""
        return sa.Table(*args, sqlite_autoincrement=True, **kwargs)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


class Searchable:
    """Rows found by typing: both keys are derived from the columns marked `search=True` (search.py)."""

    search_key: Mapped[str] = mapped_column(sa.Text(), default="", sort_order=90)
    sort_key: Mapped[str] = mapped_column(sort_text(200), default="", index=True, sort_order=91)

    def refresh_keys(self) -> None:
        """Derive both keys anew, where what they are derived from has changed."""
        searched = [name for name, field in fields(type(self)).items() if field.search]
        if self.sort_key and sa.inspect(self).committed_state.keys().isdisjoint((*searched, *type(self).called_by)):  # type: ignore[attr-defined]
            return
        parts = [getattr(self, name) for name in searched]
        key, sort_key = search.key(*(str(p) for p in parts if p is not None)), search.fold(str(self))[:200]
        if (self.search_key, self.sort_key) != (key, sort_key):
            self.search_key, self.sort_key = key, sort_key


_fields_of: dict[type, dict[str, Field]] = {}
_targets_of: dict[tuple[type, str], type[Base]] = {}


def fields(model: type) -> dict[str, Field]:
    """The declared columns of a model, in order of declaration."""
    if model not in _fields_of:
        columns: Any = sa.inspect(model).columns
        _fields_of[model] = {column.key: column.info["field"] for column in columns if "field" in column.info}
    return _fields_of[model]


def link_target(model: type, name: str) -> type[Base]:
    """The model that a link column points to."""
    if (model, name) not in _targets_of:
        (key,) = model.__table__.c[name].foreign_keys  # type: ignore[attr-defined]
        _targets_of[model, name] = next(m.class_ for m in Base.registry.mappers if m.local_table is key.column.table)
    return _targets_of[model, name]


def row_id(value: object) -> int | None:
    """A primary key as it came from outside, or None when it cannot be one."""
    digits = str(value or "")
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 10 else 0
    return number if 0 < number <= BIGGEST_ID else None


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _watch(model: type, name: str, attribute: Any) -> None:
    """Texts are cleaned and checked wherever they are set, not only in forms; what is read alone cannot be set."""
    kept = getattr(attribute, "property", None)
    if getattr(kept, "viewonly", False):
        event.listen(attribute, "set", _refuse_to_set)
    column = getattr(kept, "columns", [None])[0]
    field = None if column is None else column.info.get("field")
    if field is not None and field.kind in (Kind.TEXT, Kind.LONG_TEXT, Kind.COUNTRY):
        event.listen(attribute, "set", lambda row, value, old, why: clean(field, value), retval=True)


def _refuse_to_set(row: Any, value: object, old: object, why: Any) -> None:
    raise TypeError(f"{why.key} of {type(row).__name__} is read alone: set its number.")


UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL cannot keep, and halves of characters, which are no text."""


def clean(field: Field, value: str | None) -> str | None:
    """A text as its column takes it: trimmed, checked, None when empty.

    Raises:
        BadValue: too long, or holding NUL, which PostgreSQL cannot keep.
        identifiers.InvalidIdentifier: the column's own check refuses it.
    """
    # Browsers send every line's end as CR LF, also those that came to them as LF.
    value = value.replace("\r\n", "\n").strip() if value is not None else ""
    if not value:
        return None
    if UNSTORABLE.search(value):
        raise BadValue(N_("The text holds characters that cannot be stored."))
    if field.check:
        value = field.check(value)
    if field.length and len(value) > field.length:
        raise BadValue(N_("The text is too long."))
    return value


# --- engine and session ----------------------------------------------------------------------------------------------

db = SQLAlchemy(
    engine_options={"poolclass": connections.LastUsedFirst},
    session_options={"expire_on_commit": False},
)


def init_app(app: Flask) -> None:
    """Bind engine and sessions to the application."""
    db.init_app(app)
    # The library's closing of asynchronous sessions (there are none) starts a thread for every request.
    app.teardown_appcontext_funcs = [act for act in app.teardown_appcontext_funcs if not iscoroutinefunction(act)]
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            connections.listen(db.engine, app.config["SQLITE_SYNCHRONOUS"])


def begin_write() -> None:
    """Start the session's transaction as a writer, so that on SQLite it waits its turn instead of failing midway."""
    db.session.connection(execution_options={"immediate": True})


RIGHTS = 0x4B454E54
"""PostgreSQL's advisory lock on who may do what."""


def hold_rights(*, to_change: bool) -> None:
    """Until the transaction ends, nobody else changes who may do what, or with `to_change`, nobody else acts by it.

    Rights are asked and the act is done in one step (ASVS 5.0, 15.4.2). On SQLite there is one writer at a time anyway.
    """
    if db.engine.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock if to_change else sa.func.pg_advisory_xact_lock_shared
        db.session.connection().execute(sa.select(lock(RIGHTS)))


@event.listens_for(orm.Session, "before_flush", insert=True)
def _apply_rules(session: orm.Session, context: object, instances: object) -> None:
    for row in [*session.new, *session.dirty]:
        if isinstance(row, Base):
            row.before_save(session)
        if isinstance(row, Searchable):
            row.refresh_keys()
    for row in session.deleted:
        row.before_delete(session)
