"""Every Flask-Admin hook, once. Here stands what most screens need; what few need they import from its module."""

from .access import Gated, gate
from .details import told
from .fields import CodeField
from .screen import Ahead, Child, Warn
from .values import ATHENS, aged, greek_date, greek_datetime
from .view import KentroView
from .workbook import download

__all__ = [
    "ATHENS",
    "Ahead",
    "Child",
    "CodeField",
    "Gated",
    "KentroView",
    "Warn",
    "aged",
    "download",
    "gate",
    "greek_date",
    "greek_datetime",
    "told",
]
