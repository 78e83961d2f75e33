"""Headings, pairs and tables in, a PDF out: the printed counterpart of exports.py. Knows no model.

Made with fpdf2, which needs nothing of the system, and a font that is ours (static/vendor/), so that Greek, Latin and
Cyrillic print everywhere alike. Text that the font lacks shows as a box; nothing is ever a link or active content.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

FONTS = Path(__file__).parent / "static" / "vendor" / "dejavu-2.37"
LINE = 4.2  # mm
MOST_COLUMNS = 7
LONG = 600
"""Longer texts stand by themselves: a row of a table must fit on a page."""

# Subsetting a font is told at length, glyph by glyph.
logging.getLogger("fontTools").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Section:
    """A heading, what is said under it, and pairs or a table."""

    title: str
    text: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Paper:
    """A document: its head (whose it is), title, and sections. `foot` stands on every page, before its number."""

    title: str
    head: Sequence[str]
    sections: Sequence[Section]
    foot: str
    moment: datetime
    language: str = "el"


def write_pdf(target: Path, paper: Paper) -> str:
    """Write the document; its SHA-256.

    Raises OSError when the file cannot be written.
    """
    pdf = _Pages(paper)
    pdf.add_page()
    pdf.said(paper.title, size=16, bold=True)
    for section in paper.sections:
        pdf.section(section)
    kept = bytes(pdf.output())
    target.write_bytes(kept)
    return hashlib.sha256(kept).hexdigest()


class _Pages(FPDF):
    def __init__(self, paper: Paper) -> None:
        super().__init__(format="A4")
        self.paper = paper
        self.set_title(paper.title)
        self.set_lang(paper.language)
        self.set_creator("Kentro")
        self.set_creation_date(paper.moment)
        self.set_margins(15, 15)
        self.set_auto_page_break(True, margin=18)
        for style, name in (("", "DejaVuSansCondensed"), ("B", "DejaVuSansCondensed-Bold")):
            self.add_font("body", style, FONTS / f"{name}.ttf")

    def header(self) -> None:
        """Whose paper this is, in small type on every page."""
        for line in self.paper.head:
            self.said(line, size=8)
        self.ln(3)

    def footer(self) -> None:
        self.set_y(-14)
        self.said(f"{self.paper.foot} · {self.page_no()}", size=7.5)

    def said(self, text: str, size: float = 9.5, *, bold: bool = False, space: float = 0) -> None:
        """A paragraph."""
        self.set_font("body", "B" if bold else "", size)
        self.multi_cell(0, size * 0.5, _plain(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(space)

    def section(self, section: Section) -> None:
        """A heading stays with what it is over."""
        if self.will_page_break(30):
            self.add_page()
        self.ln(4)
        self.start_section(_plain(section.title))
        self.said(section.title, size=12, bold=True, space=1)
        for text in section.text:
            self.said(text, space=1)
        self._pairs(section.pairs)
        if section.rows and _fits(section):
            self._table([section.heads, *section.rows], has_heads=True)
        elif section.rows:
            for row in section.rows:
                self._pairs([pair for pair in zip(section.heads, row, strict=True) if pair[1]])
                self.ln(3)

    def _pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Side by side, but for long texts, which may go on over pages."""
        short: list[tuple[str, str]] = []
        for label, value in pairs:
            if not _is_long(value):
                short.append((label, value))
                continue
            self._table(short)
            short = []
            self.said(label, size=8.5, bold=True)
            self.said(value, size=8.5, space=1)
        self._table(short)

    def _table(self, rows: Sequence[Sequence[str]], *, has_heads: bool = False) -> None:
        if not rows:
            return
        self.set_font("body", "", 8.5)
        with self.table(
            col_widths=None if has_heads else (1, 2),
            line_height=LINE,
            padding=0.8,
            text_align="LEFT",
            borders_layout="ALL" if has_heads else "HORIZONTAL_LINES",
            first_row_as_headings=has_heads,
            headings_style=FontFace(emphasis="BOLD", fill_color=(235, 235, 235)),
        ) as table:
            for row in rows:
                cells = table.row()
                for number, value in enumerate(row):
                    is_label = not has_heads and number == 0
                    cells.cell(_plain(value), style=FontFace(emphasis="BOLD") if is_label else None)


def _fits(section: Section) -> bool:
    """The table is no wider than a page, and none of its rows higher."""
    return len(section.heads) <= MOST_COLUMNS and not any(_is_long(value) for row in section.rows for value in row)


def _is_long(text: str) -> bool:
    return len(text) + 40 * text.count("\n") > LONG


def _plain(text: str) -> str:
    """Without what cannot be printed."""
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text)
