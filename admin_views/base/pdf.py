"""A paper as an answer: made whole, then sent."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

from flask import Response

import exports
import papers

from .values import ATHENS
from .workbook import download

MIME_TYPE = "application/pdf"


def paper(made: papers.Paper, moment: dt.datetime) -> tuple[Response, str]:
    """The PDF to download, and its SHA-256 for the trail."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "paper.pdf"
        sha256 = papers.write_pdf(path, made)
        name = exports.file_name(made.title, moment.astimezone(ATHENS)).removesuffix(".xlsx")
        return download(path, f"{name}.pdf", MIME_TYPE), sha256
