"""Goods: items, what came in, what was handed out."""

from __future__ import annotations

from typing import Any

from babel.numbers import format_decimal
from flask import g, request

from db import db
from i18n import Label, _, language
from models import Distribution, Item, StockMovement, stocks

from .base import Child, KentroView, Warn
from .menu import GOODS


class ItemView(KentroView):
    """Items in stock."""

    model = Item
    menu = GOODS
    made_columns = {"stock": Label("Απόθεμα", "In stock")}
    exported_columns = amounts = ("stock",)
    warns = {
        "stock": Warn(
            Label("Κάτω από το όριο", "Below the level"),
            ("low_stock",),
            lambda row: row.low_stock is not None and g.stocks[row.id] < row.low_stock,
        )
    }
    list_columns = ("name", "category", "stock", "measure", "low_stock", "unit_id")
    children = (
        Child(StockMovement, "item_id", ("on", "kind", "quantity", "source"), newest="on"),
        Child(Distribution, "item_id", ("on", "beneficiary_id", "quantity", "staff_id"), newest="on"),
    )

    def look_beside(self, rows: list[Any]) -> None:
        """What is left of the page's items, in one pass."""
        g.stocks = stocks(db.session, [item.id for item in rows])

    def shown(self, row: Any, name: str) -> str:
        """What is left is counted, all else is kept."""
        if name != "stock":
            return super().shown(row, name)
        left = g.get("stocks", {}).get(row.id)
        return format_decimal(row.stock if left is None else left, locale=language())

    def subtitle(self, row: Any) -> str:
        """What is left."""
        return _("In stock: %(stock)s (%(measure)s)", stock=self.shown(row, "stock"), measure=row.measure)


class StockMovementView(KentroView):
    """What came in or was lost."""

    model = StockMovement
    menu = GOODS
    default_order = ("on", True)
    list_columns = ("on", "item_id", "kind", "quantity", "source", "unit_id")
    locked_columns = ("item_id",)


class DistributionView(KentroView):
    """What was handed to people."""

    model = Distribution
    menu = GOODS
    default_order = ("on", True)
    list_columns = ("on", "beneficiary_id", "item_id", "quantity", "staff_id", "unit_id")
    locked_columns = ("beneficiary_id", "item_id")
    kept_columns = ("item_id", "on", "quantity", "staff_id")

    def create_form(self, obj: Any = None) -> Any:
        """Mostly one is handed out."""
        form = super().create_form(obj)
        if request.method == "GET" and form.quantity.data is None:
            form.quantity.data = 1
        return form
