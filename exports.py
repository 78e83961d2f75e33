"""Headers and typed rows in, an Excel workbook out: streaming, formula-safe, whole or not at all. Knows no model.

How a value reaches its cell:

* TEXT is always a string, so identifiers keep their leading zeros; nothing is ever a formula or a link.
* INTEGER and DECIMAL are numbers. Excel keeps fifteen significant digits; an int or Decimal needing more becomes text.
* DATE and DATETIME are real dates. Before 1 March 1900 Excel and LibreOffice count differently: those become text.
* BOOLEAN is the caller's word for yes or no. None and the empty string leave the cell empty.
* A value that is not of its column's kind becomes text, as `str` gives it; nothing is dropped.
* Characters XML forbids stay visible: controls as their picture (U+0000 as ␀), lone surrogates, U+FFFE and U+FFFF as �.
  Line ends become a plain line feed, Excel's own line break inside a cell.
* Text beyond Excel's 32,767 UTF-16 units is cut and ends in the caller's mark.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain, count, islice, repeat
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook

# Microsoft, "Excel specifications and limits"
MAX_ROWS = 1_048_576
MAX_TEXT = 32_767
MAX_TITLE = 31

FIRST_DATE = date(1900, 3, 1)  # Excel counts a 29 February 1900 that never was
PEEKED_ROWS = 100
MAX_WIDTH = 60
FILTER_ARROW = 3
A4 = 9

ILLEGAL_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ILLEGAL_IN_TITLE = re.compile(r"[\[\]:*?/\\\s]+")
# the marks that turn the direction of text can disguise a file's extension
ILLEGAL_IN_FILE = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]'
)
# XlsxWriter copies a text "<r>…</r>" into the sheet as raw XML, which could smuggle in a formula; and readers differ on
# a literal "_x0041_" (ECMA-376 part 1, 22.9.2.19). Split here and written as a rich string, both come back unchanged.
TRAPS = re.compile(r"(?<=\A<)(?=r>)|(?<=_)(?=x[0-9A-Fa-f]{4}_)")


class Kind(StrEnum):
    """What a column holds. Identifiers (ΑΜΚΑ, ΑΦΜ, phones) are TEXT."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"


FORMATS: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"text_wrap": True},
    Kind.INTEGER: {"num_format": "0"},
    Kind.DECIMAL: {"num_format": "#,##0.00"},
    Kind.DATE: {"num_format": "dd/mm/yyyy", "align": "left"},
    Kind.DATETIME: {"num_format": "dd/mm/yyyy hh:mm", "align": "left"},
    Kind.BOOLEAN: {},
}
WIDTHS = {Kind.TEXT: 8, Kind.INTEGER: 8, Kind.DECIMAL: 12, Kind.DATE: 12, Kind.DATETIME: 17, Kind.BOOLEAN: 8}


@dataclass(frozen=True)
class Column:
    """A column's header and kind; width in characters, found from the header and the first rows when None."""

    header: str
    kind: Kind = Kind.TEXT
    width: int | None = None


@dataclass(frozen=True)
class Sheet:
    """One table; rows are read once, in order, and never held. The note stands above the header."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[object]]
    note: str | None = None


@dataclass(frozen=True)
class Cover:
    """The first sheet: what this is, for whom, with which filters; tab is its sheet's name."""

    title: str
    lines: Sequence[tuple[str, str]]
    tab: str = "Εξώφυλλο"


@dataclass(frozen=True)
class Written:
    """What was written, for the audit trail: data rows and columns of all sheets, and the file's SHA-256 and bytes."""

    rows: int
    columns: int
    sha256: str
    size: int


def write_workbook(
    target: Path,
    cover: Cover,
    sheets: Sequence[Sheet],
    *,
    language: str = "el",
    author: str,
    yes: str = "Ναι",
    no: str = "Όχι",
    zone: str = "Europe/Athens",
    cut_mark: str = " […περικόπηκε]",
    max_rows: int = MAX_ROWS,
) -> Written:
    """Write the cover and the sheets to target, which appears whole or not at all; an older file stays until then.

    Aware datetimes are shown in zone, naive ones as they are. A table of more than max_rows rows, header included,
    goes on in "<title> (2)". XlsxWriter writes the core properties title and author but cannot write dc:language:
    the language is the custom property "Language".

    Raises ValueError for a row that does not match its columns, OSError when the folder cannot be written,
    xlsxwriter.exceptions.FileCreateError when the disk fills up, and whatever the rows raise.
    """
    # everything is drafted in one private folder beside target: XlsxWriter's row files hold personal data too
    with TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        draft = Path(folder, "draft.xlsx")
        with Workbook(draft, _options(folder)) as workbook:
            _describe(workbook, cover.title, author, language)
            writer = _Writer(workbook, (no, yes), ZoneInfo(zone), cut_mark, max_rows)
            writer.write_cover(cover)
            rows = sum(writer.write_sheet(sheet) for sheet in sheets)
        written = Written(rows, sum(len(sheet.columns) for sheet in sheets), _seal(draft), draft.stat().st_size)
        draft.replace(target)
    return written


def file_name(stem: str, moment: datetime) -> str:
    """Return e.g. "Ωφελούμενοι 2026-11-23 1405.xlsx"; moment is printed as it is, so give it in local time."""
    words = unicodedata.normalize("NFC", ILLEGAL_IN_FILE.sub(" ", stem)).split()
    # file systems count 255 bytes, and a Greek letter takes two
    short = " ".join(words).encode()[:200].decode(errors="ignore").strip(". ")
    return f"{short} {moment:%Y-%m-%d %H%M}.xlsx".lstrip()


def content_disposition(name: str) -> str:
    """Return the Content-Disposition of a download: RFC 6266, with the name in UTF-8 by RFC 5987 and in plain ASCII."""
    safe = ILLEGAL_IN_FILE.sub("_", name)
    plain = re.sub(r"[^A-Za-z0-9 ._-]+", "_", safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe)}"


def _options(folder: str) -> dict[str, Any]:
    strings = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    return {**strings, "constant_memory": True, "use_zip64": True, "tmpdir": folder}


def _describe(workbook: Workbook, title: str, author: str, language: str) -> None:
    workbook.set_properties({"title": _legal(title), "author": _legal(author)})
    workbook.set_custom_property("Language", language)


def _seal(path: Path) -> str:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class _Writer:
    workbook: Workbook
    words: tuple[str, str]
    zone: ZoneInfo
    cut_mark: str
    max_rows: int
    # Excel keeps the name "History" for itself
    titles: set[str] = field(default_factory=lambda: {"history"})

    def __post_init__(self) -> None:
        self.formats = {kind: self._format(**look) for kind, look in FORMATS.items()}
        self.heading = self._format(bold=True, text_wrap=True, bg_color="#D9E2EC", bottom=1)
        self.strong = self._format(bold=True)
        self.title = self._format(bold=True, font_size=16)
        self.plain = self._format()

    def _format(self, **look: Any) -> Any:
        return self.workbook.add_format({"valign": "top", **look})

    def write_cover(self, cover: Cover) -> None:
        worksheet = self._worksheet(cover.tab)
        worksheet.set_column(0, 0, 32)
        worksheet.set_column(1, 1, 90)
        worksheet.hide_gridlines(2)
        self._text(worksheet, 0, 0, cover.title, self.title)
        for row, (label, value) in enumerate(cover.lines, start=2):
            self._text(worksheet, row, 0, label, self.strong)
            self._text(worksheet, row, 1, value, self.formats[Kind.TEXT])

    def write_sheet(self, sheet: Sheet) -> int:
        """Write all rows, on as many worksheets as they need, and return how many there were."""
        rows = iter(sheet.rows)
        peeked = list(islice(rows, PEEKED_ROWS))
        values = zip(*peeked, strict=True) if peeked else repeat(())
        widths = [_width(column, cells) for column, cells in zip(sheet.columns, values, strict=False)]
        header = 0 if sheet.note is None else 1
        parts = _parts(chain(peeked, rows), self.max_rows - header - 1)
        return sum(self._write_part(sheet, header, widths, part) for part in parts)

    def _write_part(self, sheet: Sheet, header: int, widths: list[int], rows: Iterable[Sequence[object]]) -> int:
        worksheet = self._worksheet(sheet.title)
        self._text(worksheet, 0, 0, sheet.note or "", self.plain)
        for index, (column, width) in enumerate(zip(sheet.columns, widths, strict=True)):
            worksheet.set_column(index, index, width)
            self._text(worksheet, header, index, column.header, self.heading)
        last = header
        for last, row in enumerate(rows, start=header + 1):
            for index, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
                self._cell(worksheet, last, index, value, column.kind)
        worksheet.freeze_panes(header + 1, 0)
        worksheet.repeat_rows(header)
        worksheet.autofilter(header, 0, last, len(sheet.columns) - 1)
        return last - header

    def _worksheet(self, title: str) -> Any:
        worksheet = self.workbook.add_worksheet(_title(title, self.titles))
        worksheet.set_paper(A4)
        worksheet.set_landscape()
        worksheet.fit_to_pages(1, 0)
        worksheet.set_footer("&L&A&R&P / &N")
        return worksheet

    def _cell(self, worksheet: Any, row: int, column: int, value: object, kind: Kind) -> None:
        match self._typed(value, kind):
            case str() as text:
                self._text(worksheet, row, column, text, self.formats[Kind.TEXT])
            case date() as moment:
                worksheet.write_datetime(row, column, moment, self.formats[kind])
            case int() | float() | Decimal() as number:
                worksheet.write_number(row, column, number, self.formats[kind])

    def _typed(self, value: object, kind: Kind) -> str | date | float | Decimal | None:
        match kind, value:
            case _, None:
                return None
            case Kind.BOOLEAN, bool():
                return self.words[value]
            case Kind.DATE | Kind.DATETIME, date():
                return self._moment(value, kind)
            case Kind.INTEGER | Kind.DECIMAL, int() | float() | Decimal() if _is_exact(value):
                return value
        return str(value)

    def _moment(self, value: date, kind: Kind) -> date | str:
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(self.zone).replace(tzinfo=None)
        day = value.date() if isinstance(value, datetime) else value
        if day < FIRST_DATE:
            return f"{value:%d/%m/%Y}" if kind is Kind.DATE else f"{value:%d/%m/%Y %H:%M}"
        return day if kind is Kind.DATE else value

    def _text(self, worksheet: Any, row: int, column: int, text: str, look: Any) -> None:
        fragments = TRAPS.split(_cut(_legal(text), MAX_TEXT, self.cut_mark))
        if len(fragments) > 1:
            worksheet.write_rich_string(row, column, self.plain, *fragments, look)
        elif fragments != [""]:
            worksheet.write_string(row, column, fragments[0], look)


def _parts(rows: Iterator[Sequence[object]], size: int) -> Iterator[Iterable[Sequence[object]]]:
    # the first part is there even without rows: an empty list is an answer too
    yield islice(rows, size)
    for first in rows:
        yield chain([first], islice(rows, size - 1))


def _width(column: Column, values: Iterable[object]) -> int:
    if column.width is not None:
        return column.width
    words = [len(word) + FILTER_ARROW for word in column.header.split()]
    texts = [str(value) for value in values if column.kind is Kind.TEXT and value is not None]
    lines = [len(line) + 1 for text in texts for line in text.splitlines()]
    return min(max([WIDTHS[column.kind], *words, *lines]), MAX_WIDTH)


def _is_exact(number: float | Decimal) -> bool:
    if isinstance(number, float):
        return isfinite(number)
    exact = Decimal(number)
    return exact.is_finite() and abs(exact.adjusted()) < 300 and Decimal(f"{exact:.15G}") == exact


def _legal(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return ILLEGAL_IN_XML.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] < " " else "\ufffd", lines)


def _cut(text: str, limit: int, mark: str = "") -> str:
    # Excel counts UTF-16 units: an emoji is two, and half of one must not remain
    units = text.encode("utf-16-le")
    if len(units) <= 2 * limit:
        return text
    return units[: 2 * limit - len(mark.encode("utf-16-le"))].decode("utf-16-le", "ignore") + mark


def _title(text: str, taken: set[str]) -> str:
    base = ILLEGAL_IN_TITLE.sub(" ", _legal(text)).strip(" '") or "-"
    suffixes = chain([""], (f" ({number})" for number in count(2)))
    titles = (_cut(base, MAX_TITLE - len(suffix)).rstrip(" '") + suffix for suffix in suffixes)
    title = next(title for title in titles if title.casefold() not in taken)
    taken.add(title.casefold())
    return title
