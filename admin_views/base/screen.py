"""What a screen declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from flask_admin.contrib.sqla import ModelView
from markupsafe import Markup

import policy
import rights
from db import Base, Field, Kind, db, fields, row_id
from i18n import Label
from models import Beneficiary, Scoped

from .access import Gated
from .filters import ColumnFilter, column_filters

AMOUNTS = (Kind.INTEGER, Kind.DECIMAL)


@dataclass(frozen=True)
class Child:
    """Rows of another table, shown and added on their parent's page."""

    model: type[Base]
    column: str
    columns: tuple[str, ...]
    newest: str | None = None
    leads_to: str | None = None
    """The link that a line leads to, where the row itself says little: the person of a membership."""
    led: tuple[str, ...] = ()
    """Other links of a line that lead to what they name."""
    first: Any = None
    """Which rows come before the newest."""
    where: Callable[[Any], Any] | None = None
    """Which rows, where they are not simply those whose column names the parent."""
    begins: tuple[type[Base], Label] | None = None
    """What may be begun where there are none yet: for a person of no household, one."""

    def belongs_to(self, row: Any) -> Any:
        """The condition on the child's table."""
        return self.where(row) if self.where else getattr(self.model, self.column) == row.id


@dataclass(frozen=True)
class Ahead:
    """Rows that stand before the others: upwards by the column of a screen's own order, and the others downwards."""

    rows: Callable[[], Any]
    said: Label
    """What the list says of its order."""


@dataclass(frozen=True)
class Warn:
    """What is said beside a value in the list, of which columns, and of which rows."""

    said: Label
    of: tuple[str, ...]
    holds: Callable[[Any], bool]

    def told(self, row: Any) -> str:
        """The words, of a row that they are true of."""
        return str(self.said) if self.holds(row) else ""


class Permitted:
    """A list that Flask-Admin keeps, narrowed on every reading to the columns that the user's role sees."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.slot = f"every{name}"

    def __set__(self, view: Any, kept: Any) -> None:
        view.__dict__[self.slot] = kept

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            return self
        hidden = view.hidden
        return [pair for pair in view.__dict__[self.slot] if pair[0] not in hidden]


class PermittedList(Permitted):
    """The same for a list, where whoever works in one unit needs no column that always says which."""

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            return self
        several = len(view.scope.unit_ids) > 1
        return [pair for pair in super().__get__(view, owner) if several or not view.is_own_unit(pair[0])]


class PermittedFilters(Permitted):
    """The same for filters, by their name in URLs."""

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            return self
        kept, hidden = view.__dict__[self.slot] or {}, view.hidden
        return {name: pair for name, pair in kept.items() if pair[1].on_column not in hidden}


class Screen(Gated, ModelView):
    """A screen over one table.

    A subclass declares `model` and `list_columns`; columns, labels, forms, filters, search, export, details page,
    history and access follow from the model and from policy.py.
    """

    model: ClassVar[type[Base]]
    menu: ClassVar[Label | None] = None
    list_columns: ClassVar[tuple[str, ...]] = ()
    default_order: ClassVar[tuple[str, bool] | None] = None
    order_shown: ClassVar[str | None] = None
    """The list's column that tells of the default order, where the list does not show the one that makes it."""
    ahead: ClassVar[Ahead | None] = None
    warns: ClassVar[dict[str, Warn]] = {}
    """Columns of the list, and what in them is late or low."""
    amounts: ClassVar[tuple[str, ...]] = ()
    """Made columns that are numbers."""
    wide: ClassVar[str | None] = None
    """The list's column that most is read in."""
    children: ClassVar[tuple[Child, ...]] = ()
    locked_columns: ClassVar[tuple[str, ...]] = ()
    later_columns: ClassVar[tuple[str, ...]] = ()
    """What is not known yet when a row is made: the form of a new one does not ask for it."""
    may_be_hidden: ClassVar[tuple[str, ...]] = ()
    """What the form of a new row does not always show: it is there again when that comes back with errors."""
    kept_columns: ClassVar[tuple[str, ...]] = ()
    """What «Save and add another» keeps: the same is recorded of one person after another."""
    has_pencils: ClassVar[bool] = True
    """The list's rows lead to their forms; not so where not every row is its reader's to change."""
    made_columns: ClassVar[dict[str, Label]] = {}
    made_of: ClassVar[dict[str, tuple[str, ...]]] = {}
    """The links that a made column tells of: they are read with it, and searched through it."""
    exported_columns: ClassVar[tuple[str, ...]] = ()
    """Made columns that go into exports too."""
    made_filters: ClassVar[tuple[ColumnFilter, ...]] = ()
    """Filters that no single column gives."""
    hint: ClassVar[Label | str] = ""
    """What the search box names, where the first three of what it finds by would say too little."""
    advice: ClassVar[Label | str] = ""
    """What to try where a search finds nothing."""

    page_size = 50
    page_size_options = (20, 50, 100)
    can_set_page_size = True
    simple_list_pager = True  # no count beside every query: Listing.counted asks for the one that a page needs
    named_filter_urls = True
    can_view_details = True
    export_types = ["xlsx"]
    list_template = "admin/model/list.html"
    create_template = "admin/model/create.html"
    edit_template = "admin/model/edit.html"
    details_template = "admin/model/details.html"

    _list_columns = PermittedList()
    _export_columns = Permitted()
    _details_columns = Permitted()
    _filter_args = PermittedFilters()

    def __init__(self) -> None:
        self.column_list = self.list_columns or tuple(self.fields)[:8]
        own = [flt for name in self.fields for flt in column_filters(self.model, name)]
        self.column_filters = [*own, *self.made_filters]
        self.resource = name = self.model.__tablename__
        super().__init__(
            self.model, db, name=self.model.labels, category=self.menu, endpoint=name, url=f"/admin/{name}"
        )  # type: ignore[arg-type]

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The model's declared columns."""
        return fields(self.model)

    def _refresh_filters_cache(self) -> None:
        """Kept whole: what is read back is narrowed to the reader, and so cannot be filled piece by piece."""
        super()._refresh_filters_cache()
        self._filter_args = {self.get_filter_arg(i, flt): (i, flt) for i, flt in enumerate(self._filters or ())}

    def sees(self, name: str) -> bool:
        """The user's role sees this column."""
        return name not in self.hidden

    @property
    def hidden(self) -> frozenset[str]:
        """The columns that the user's role does not see."""
        return policy.hidden_from(self.scope.role, self.model)

    def is_own_unit(self, name: str) -> bool:
        """The column says of which unit the row is."""
        return name == "unit_id" and issubclass(self.model, Scoped)

    def class_of(self, name: str) -> Markup:
        """How the list's column is laid out, as its heading says it."""
        is_amount = name in self.amounts or (self.fields.get(name) and self.fields[name].kind in AMOUNTS)
        said = "amount" if is_amount else "wide" if name == self.wide else ""
        return Markup(' class="{}"').format(said) if said else Markup()

    @property
    def is_person(self) -> bool:
        """The list's rows are headed by a surname and a first name."""
        return self.column_list[:2] == ("last_name", "first_name")

    def address_of_new(self, search: str | None) -> str:
        """The form of a new row, with what it can take of the words that found nothing."""
        return "new/"

    def is_visible(self) -> bool:
        """In the menu only under a heading; other screens are reached from their parent's page."""
        return type(self).menu is not None  # Flask-Admin puts its own menu entry under the same name on the instance

    can_create = property(lambda self: self.may("create"))
    can_edit = property(lambda self: self.may("edit"))
    can_delete = property(lambda self: self.may("delete"))
    can_export = property(lambda self: self.may("export"))

    def routes(self) -> dict[str, str]:
        """What each route of the screen needs; one that is not named is refused."""
        return ENDPOINT_ACTIONS

    def may_change(self, row: Any) -> bool:
        """The row is the reader's to change, and its person's file takes changes of it."""
        return policy.may_touch(self.scope, row) and self.takes(row, self.model)

    def may_delete(self, row: Any) -> bool:
        """Deleting the row is offered."""
        return self.can_delete and self.may_change(row)

    def takes(self, row: Any, table: type[Base]) -> bool:
        """Rows of this table may be written about the row's person."""
        person = person_of(row)
        return person is None or rights.is_open(person, table)

    def get_one(self, id: Any) -> Any:
        """The row, if the user sees it. A foreign one and one that does not exist are the same 404."""
        key = row_id(id)
        row = db.session.get(self.model, key, populate_existing=True) if key else None
        if row is None:
            self.not_found(id, self.model.__tablename__)
        return row


def person_of(row: Any) -> Any:
    """The person that the record is, or is about."""
    return row if isinstance(row, Beneficiary) else getattr(row, "beneficiary", None)


ENDPOINT_ACTIONS: dict[str, str] = {
    "index_view": "read",
    "filters_view": "read",
    "details_view": "read",
    "create_view": "create",
    "edit_view": "edit",
    "delete_view": "delete",
    "action_view": "read",
    "export": "export",
    "ajax_lookup": "read",
    "ajax_update": "edit",
    "move_view": "move",
}
"""What each route of a screen needs; a route that is not named here is refused (see `gate`)."""
