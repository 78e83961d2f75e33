"""Goods: items, what came in, what was handed out."""

from __future__ import annotations

from typing import Any

from i18n import _
from models import Distribution, Item, StockMovement

from .base import Child, KentroView
from .menu import GOODS


class ItemView(KentroView):
    """Items in stock."""

    model = Item
    menu = GOODS
    list_columns = ("name", "category", "measure", "low_stock", "unit_id")
    children = (
        Child(StockMovement, "item_id", ("on", "kind", "quantity", "source"), newest="on"),
        Child(Distribution, "item_id", ("on", "beneficiary_id", "quantity", "staff_id"), newest="on"),
    )

    def subtitle(self, row: Any) -> str:
        """What is left."""
        return _("In stock: %(stock)s %(measure)s", stock=f"{row.stock:f}".replace(".", ","), measure=row.measure)


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
