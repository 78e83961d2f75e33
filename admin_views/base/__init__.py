"""Every Flask-Admin hook, once. Screens import from here and from nowhere else in admin_views."""

from .values import greek_date, greek_datetime
from .view import Child, KentroView, gate, told

__all__ = ["Child", "KentroView", "gate", "greek_date", "greek_datetime", "told"]
