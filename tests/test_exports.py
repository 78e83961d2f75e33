"""Every promise of exports.py, read back by two independent readers (python-calamine, openpyxl) and in the raw XML."""

import hashlib
import json
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from exports import Column, Cover, Kind, Sheet, Written, content_disposition, file_name, write_workbook

CORPORA = Path(__file__).parents[2] / "shared" / "corpora" / "text"
COVER = Cover("Ωφελούμενοι", [("Δήμος", "Δράμας"), ("Μονάδα", "Παράρτημα Ρομά")])
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
COLUMNS = [
    Column("ΑΜΚΑ"),
    Column("Ηλικία", Kind.INTEGER),
    Column("Ποσό", Kind.DECIMAL),
    Column("Ημερομηνία γέννησης", Kind.DATE),
    Column("Επίσκεψη", Kind.DATETIME),
    Column("Ενεργός", Kind.BOOLEAN),
]
ROW = ["01020304050", 46, Decimal("12.50"), date(1980, 2, 1), datetime(2026, 7, 1, 9, 30, tzinfo=UTC), True]


def write(target: Path, *sheets: Sheet, cover: Cover = COVER, **options: Any) -> Written:
    return write_workbook(target, cover, sheets, author="Κέντρο Κοινότητας", **options)


def write_texts(target: Path, texts: Sequence[object], **options: Any) -> list[object]:
    """Write one TEXT column, check both readers agree on it, and return what they read."""
    write(target, Sheet("Κείμενα", [Column("Κείμενο")], [[text] for text in [*texts, "τέλος"]]), **options)
    assert_inert(target)
    calamine = [row[0] for row in read(target, "Κείμενα")[1:]]
    openpyxl = [row[0] for row in load_workbook(target)["Κείμενα"].iter_rows(min_row=2, values_only=True)]
    assert [value or None for value in calamine] == openpyxl
    assert openpyxl.pop() == "τέλος", "readers stop at the last filled row, so the last one is filled"
    return openpyxl


def read(path: Path, title: str) -> list[list[Any]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(title).to_python(skip_empty_area=False)


def assert_inert(path: Path) -> None:
    """Every part is well-formed XML and none has a formula, a link or a connection to elsewhere."""
    with ZipFile(path) as archive:
        for name in archive.namelist():
            tags = {element.tag for element in ElementTree.fromstring(archive.read(name)).iter()}
            assert not tags & {f"{MAIN}f", f"{MAIN}hyperlink", f"{MAIN}hyperlinks"}, name
            assert b'TargetMode="External"' not in archive.read(name)
            assert not re.search("externalLink|connection|hyperlink", name)


def expected(text: str) -> str | None:
    """The documented treatment of what XML forbids, spelled out once more; an empty text is an empty cell."""

    def legal(character: str) -> str:
        code = ord(character)
        if code < 32 and character not in "\t\n":
            return chr(0x2400 + code)
        return "�" if 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF) else character

    return "".join(map(legal, text.replace("\r\n", "\n").replace("\r", "\n"))) or None


def corpus() -> list[str]:
    files = sorted(CORPORA.glob("*.txt"))
    assert files, f"the corpora of hostile texts are missing: {CORPORA}"
    # surrogateescape keeps bytes that are no UTF-8 as lone surrogates: the most hostile form they can take
    lines = [line for file in files for line in file.read_bytes().decode(errors="surrogateescape").split("\n")]
    return lines + list(json.loads((CORPORA / "blns.json").read_bytes()))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "έξοδος.xlsx"


# Cells ---------------------------------------------------------------------------------------------------------------


def test_cells_have_the_type_of_their_column(target: Path) -> None:
    write(target, Sheet("Λίστα", COLUMNS, [ROW, [None] * 6, ROW]))
    visit = datetime(2026, 7, 1, 12, 30)  # Athens in summer is UTC+3
    headers, row, empty, _ = read(target, "Λίστα")
    assert headers == ["ΑΜΚΑ", "Ηλικία", "Ποσό", "Ημερομηνία γέννησης", "Επίσκεψη", "Ενεργός"]
    assert row == ["01020304050", 46, 12.5, date(1980, 2, 1), visit, "Ναι"]
    assert empty == [""] * 6

    cells = load_workbook(target)["Λίστα"][2]
    assert [cell.data_type for cell in cells] == ["s", "n", "n", "d", "d", "s"]
    assert [cell.value for cell in cells] == [*row[:3], datetime(1980, 2, 1), visit, "Ναι"]
    assert [cell.number_format for cell in cells[3:5]] == ["dd/mm/yyyy", "dd/mm/yyyy hh:mm"]


def test_an_empty_value_leaves_no_cell_at_all(target: Path) -> None:
    write(target, Sheet("Λίστα", COLUMNS[:1], [[None], [""]]))
    with ZipFile(target) as archive:
        root = ElementTree.fromstring(archive.read("xl/worksheets/sheet2.xml"))
    assert [cell.get("r") for cell in root.iter(f"{MAIN}c")] == ["A1"]


@pytest.mark.parametrize("value", ["00123", "1e5", "=1+1", "+30 25210 12345", "@SUM(A1)", "-2", "http://a.gr", "TRUE"])
def test_a_text_column_holds_strings_only(target: Path, value: str) -> None:
    assert write_texts(target, [value]) == [value]
    assert load_workbook(target)["Κείμενα"]["A2"].data_type == "s"


def test_values_of_other_types_in_a_text_column_become_text(target: Path) -> None:
    assert write_texts(target, [7, True, Decimal("1.50"), Kind.DATE]) == ["7", "True", "1.50", "date"]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.INTEGER, 999_999_999_999_999, 999_999_999_999_999),
        (Kind.INTEGER, 12345678901234567, "12345678901234567"),
        (Kind.INTEGER, 10**400, str(10**400)),
        (Kind.INTEGER, "=1+1", "=1+1"),
        (Kind.DECIMAL, 0.1 + 0.2, 0.3),
        (Kind.DECIMAL, Decimal("-1234567890123.45"), -1234567890123.45),
        (Kind.DECIMAL, Decimal("0.1234567890123456"), "0.1234567890123456"),
        (Kind.DECIMAL, Decimal("NaN"), "NaN"),
        (Kind.DECIMAL, Decimal("1E+400"), "1E+400"),
        (Kind.DECIMAL, float("inf"), "inf"),
        (Kind.DATE, date(1900, 2, 28), "28/02/1900"),
        (Kind.DATE, date(1900, 3, 1), date(1900, 3, 1)),
        (Kind.DATE, date(9999, 12, 31), date(9999, 12, 31)),
        (Kind.DATE, datetime(2026, 12, 31, 23, 30, tzinfo=UTC), date(2027, 1, 1)),
        (Kind.DATE, "άγνωστη", "άγνωστη"),
        (Kind.DATETIME, datetime(1899, 12, 31, 8, 5), "31/12/1899 08:05"),
        (Kind.DATETIME, datetime(2026, 11, 23, 14, 5), datetime(2026, 11, 23, 14, 5)),
        (Kind.DATETIME, datetime(2026, 1, 1, 12, 0, tzinfo=UTC), datetime(2026, 1, 1, 14, 0)),
        (Kind.DATETIME, datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=3))), datetime(2026, 7, 1, 12, 0)),
        (Kind.BOOLEAN, False, "Όχι"),
        (Kind.BOOLEAN, "δεν απαντά", "δεν απαντά"),
    ],
)
def test_a_value_is_shown_unchanged_or_as_text(target: Path, kind: Kind, value: object, shown: object) -> None:
    write(target, Sheet("Λίστα", [Column("Τιμή", kind)], [[value]]))
    assert_inert(target)
    assert read(target, "Λίστα")[1] == [shown]


def test_the_words_and_the_zone_are_the_callers(target: Path) -> None:
    noon = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    write(target, Sheet("List", COLUMNS[4:], [[noon, True], [noon, False]]), yes="Yes", no="No", zone="Asia/Tokyo")
    assert read(target, "List")[1:] == [[datetime(2026, 7, 1, 21, 0), "Yes"], [datetime(2026, 7, 1, 21, 0), "No"]]


@given(st.lists(st.dates(min_value=date(1900, 3, 1)), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_date_survives(days: list[date]) -> None:
    with TemporaryDirectory() as folder:
        write(target := Path(folder, "d.xlsx"), Sheet("Λίστα", [Column("Ημέρα", Kind.DATE)], [[day] for day in days]))
        assert [row[0] for row in read(target, "Λίστα")[1:]] == days
        cells = load_workbook(target)["Λίστα"].iter_rows(min_row=2, values_only=True)
        assert [cell[0].date() for cell in cells] == days


# Hostile text --------------------------------------------------------------------------------------------------------


def test_every_hostile_text_comes_back(target: Path) -> None:
    texts = corpus()
    assert write_texts(target, texts) == [expected(text) for text in texts]


def test_hostile_text_is_harmless_in_every_other_place(target: Path) -> None:
    texts = [text for text in corpus() if text.strip()]
    cover = Cover(texts[0], list(zip(texts, reversed(texts), strict=True)), tab=texts[1])
    columns = [Column(text) for text in texts[:500]]
    sheets = [Sheet(text, columns[:2], [], note=text) for text in texts[:300]]
    write(target, Sheet("Κεφαλίδες", columns, []), *sheets, cover=cover)
    assert_inert(target)
    assert read(target, "Κεφαλίδες") == [[expected(column.header) for column in columns]]
    assert read(target, load_workbook(target).sheetnames[0])[2:] == [[expected(a), expected(b)] for a, b in cover.lines]


SMUGGLED = '</is></c><c r="B2"><f>HYPERLINK("http://a.gr")</f><v>1</v></c><c r="C2" t="inlineStr"><is>'


@pytest.mark.parametrize(
    "text",
    [
        f"<r>{SMUGGLED}</r>",
        "<r><t>παχύ</t></r>",
        "<r>μισό & ακέραιο\n </r>",
        "<r></r>",
        " <r></r> ",
        "<r>_x0041_</r>",
        "_x0041_",
        "_x0041_x0042_",
        "_x005F_x0041_ \x00 _x0000_",
        "_x005F_x005F_",
        "  κενά γύρω \n\t",
        "\r\n",
        "a\r\nb\rc",
        "\ud800 μισό \udc00",
        "\x00\x08\x0b\x1f\x7f\x85\ufffe\uffff\ufeff",
        "👨‍👩‍👧‍👦 ά ᾴ " + "a\u0301",
    ],
)
def test_what_could_break_the_xml_comes_back(target: Path, text: str) -> None:
    assert write_texts(target, [text]) == [expected(text)]


PIECES = st.sampled_from(
    ["<r>", "</r>", "_x", "_x0041_", "x0042_", "_x005F_", "&amp;", "]]>", "\r\n", "=", " ", "\x00"]
)
HOSTILE = st.lists(PIECES | st.characters(exclude_categories=[]), max_size=12).map("".join)


@given(st.lists(HOSTILE | st.text(), min_size=1, max_size=20))
@settings(max_examples=150, deadline=None)
def test_any_text_survives(texts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        assert write_texts(Path(folder, "t.xlsx"), texts) == [expected(text) for text in texts]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("letter", ["α", "😀", "_x0041_"])
def test_text_beyond_the_limit_of_a_cell_ends_in_the_mark(target: Path, letter: str) -> None:
    whole = letter * (32_767 // units(letter))
    assert write_texts(target, [whole]) == [whole]

    [cut] = write_texts(target, [whole + letter], cut_mark=" [περικόπηκε]")
    assert isinstance(cut, str)
    kept = cut.removesuffix(" [περικόπηκε]")
    assert kept != cut
    assert whole.startswith(kept)
    assert 32_767 - 1 <= units(cut) <= 32_767


# Sheets --------------------------------------------------------------------------------------------------------------


def test_the_header_stays_in_sight_on_screen_and_on_paper(target: Path) -> None:
    write(target, Sheet("Λίστα", COLUMNS, [ROW] * 3), Sheet("Με σημείωση", COLUMNS, [ROW], note="Χωρίς ευαίσθητα"))
    first, noted = load_workbook(target).worksheets[1:]
    assert (first.freeze_panes, first.auto_filter.ref, first.print_title_rows) == ("A2", "A1:F4", "$1:$1")
    assert (noted.freeze_panes, noted.auto_filter.ref, noted.print_title_rows) == ("A3", "A2:F3", "$2:$2")
    assert noted["A1"].value == "Χωρίς ευαίσθητα"
    assert noted["A2"].value == "ΑΜΚΑ"
    assert first["A1"].font.bold
    assert first["A1"].alignment.wrap_text


def test_every_sheet_prints_on_a4_landscape_one_page_wide(target: Path) -> None:
    write(target, Sheet("Λίστα", COLUMNS, [ROW]))
    for sheet in load_workbook(target).worksheets:
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (None, 0)


def test_widths_follow_the_header_the_kind_and_the_first_rows(target: Path) -> None:
    columns = [
        Column("Α"),
        Column("Συμβουλευτικής"),
        Column("Β"),
        Column("Γ"),
        Column("Δ", Kind.DATE),
        Column("Ε", width=33),
    ]
    row = ["α", "α", "α" * 30, "α" * 500, date(2026, 1, 1), "α" * 50]
    write(target, Sheet("Λίστα", columns, [row] * 200))
    sheet = load_workbook(target)["Λίστα"]
    assert [int(sheet.column_dimensions[letter].width) for letter in "ABCDEF"] == [8, 17, 31, 60, 12, 33]


def test_the_cover_comes_first_and_says_what_this_is(target: Path) -> None:
    write(target, Sheet("Λίστα", COLUMNS, []), language="el")
    workbook = load_workbook(target)
    assert workbook.sheetnames == ["Εξώφυλλο", "Λίστα"]
    assert workbook.active.title == "Εξώφυλλο"
    assert read(target, "Εξώφυλλο") == [
        ["Ωφελούμενοι", ""],
        ["", ""],
        ["Δήμος", "Δράμας"],
        ["Μονάδα", "Παράρτημα Ρομά"],
    ]
    assert (workbook.properties.title, workbook.properties.creator) == ("Ωφελούμενοι", "Κέντρο Κοινότητας")
    assert workbook.custom_doc_props["Language"].value == "el"


def test_the_properties_of_the_file_survive_hostile_text(target: Path) -> None:
    write(target, cover=Cover("<b>\x00\ud800&", []))
    assert_inert(target)
    assert load_workbook(target).properties.title == "<b>␀�&"


@pytest.mark.parametrize("total", [0, 1, 8, 9, 10, 18, 19, 27])
@pytest.mark.parametrize("note", [None, "Σημείωση"])
def test_rows_beyond_a_sheet_go_on_in_the_next(target: Path, total: int, note: str | None) -> None:
    rows = [[number] for number in range(total)]
    columns = [Column("Α/Α", Kind.INTEGER)]
    header = 1 if note is None else 2
    written = write(target, Sheet("Λίστα", columns, iter(rows), note=note), max_rows=9 + header)

    titles = CalamineWorkbook.from_path(str(target)).sheet_names[1:]
    assert titles == ["Λίστα", "Λίστα (2)", "Λίστα (3)"][: max(1, -(-total // 9))]
    parts = [read(target, title) for title in titles]
    assert [row for part in parts for row in part[header:]] == rows
    assert all(part[header - 1] == ["Α/Α"] for part in parts)
    assert written.rows == total


def test_sheet_titles_become_legal_and_unique(target: Path) -> None:
    titles = [
        "Λίστα",
        "ΛΊΣΤΑ",
        "λίστα (2)",
        "a/b\\c?*[d]:e\tf",
        "",
        "'",
        "History",
        "😀" * 20,
        "Ω" * 40,
        "ω" * 31,
        "ψ" * 30 + "'s",
        "εξώφυλλο",
    ]
    write(target, *(Sheet(title, COLUMNS, []) for title in titles))
    assert load_workbook(target).sheetnames == [
        "Εξώφυλλο",
        "Λίστα",
        "ΛΊΣΤΑ (2)",
        "λίστα (2) (2)",
        "a b c d e f",
        "-",
        "- (2)",
        "History (2)",
        "😀" * 15,
        "Ω" * 31,
        "ω" * 27 + " (2)",
        "ψ" * 30,
        "εξώφυλλο (2)",
    ]


# The file ------------------------------------------------------------------------------------------------------------


def test_the_receipt_describes_the_file(target: Path) -> None:
    written = write(target, Sheet("Α", COLUMNS, [ROW] * 3), Sheet("Β", COLUMNS[:2], [ROW[:2]]))
    content = target.read_bytes()
    assert written == Written(4, 8, hashlib.sha256(content).hexdigest(), len(content))


def test_only_the_finished_file_is_left(target: Path) -> None:
    target.write_bytes(b"old")
    write(target, Sheet("Λίστα", COLUMNS, [ROW]))
    assert list(target.parent.iterdir()) == [target]
    assert_inert(target)


def test_a_failure_midway_leaves_nothing_behind_and_keeps_the_old_file(target: Path) -> None:
    def rows() -> Iterator[list[object]]:
        yield from [ROW] * 500
        assert len(list(target.parent.iterdir())) == 2, "the draft should lie beside the target"
        assert target.read_bytes() == b"old"
        raise RuntimeError("the database went away")

    target.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="the database went away"):
        write(target, Sheet("Λίστα", COLUMNS, rows()))
    assert list(target.parent.iterdir()) == [target]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("count", [0, 200])
@pytest.mark.parametrize("row", [ROW[:5], [*ROW, 1], []])
def test_a_row_that_does_not_match_its_columns_is_an_error(target: Path, count: int, row: list[object]) -> None:
    with pytest.raises(ValueError, match="argument"):
        write(target, Sheet("Λίστα", COLUMNS, [ROW] * count + [row]))
    assert not target.exists()


def test_memory_stays_flat(target: Path) -> None:
    def peak(total: int) -> int:
        rows = ([f"Όνομα {number}"] for number in range(total))
        tracemalloc.start()
        try:
            assert write(target, Sheet("Λίστα", [Column("Όνομα")], rows)).rows == total
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(200_000) < 2 * peak(20_000)


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Ωφελούμενοι", "Ωφελούμενοι 2026-11-23 1405.xlsx"),
        ("../../etc/passwd", "etc passwd 2026-11-23 1405.xlsx"),
        ('a<b>:"c|d?*\r\ne\x00', "a b c d e 2026-11-23 1405.xlsx"),
        ("\u202egnp.exe\ud800", "gnp.exe 2026-11-23 1405.xlsx"),
        ("Α\u0301", "Ά 2026-11-23 1405.xlsx"),
        ("", "2026-11-23 1405.xlsx"),
        ("Ω" * 300, "Ω" * 100 + " 2026-11-23 1405.xlsx"),
    ],
)
def test_file_names_are_legal_and_keep_their_greek(stem: str, name: str) -> None:
    assert file_name(stem, datetime(2026, 11, 23, 14, 5)) == name


def test_the_download_keeps_its_greek_name() -> None:
    header = content_disposition("Ωφελούμενοι 2026-11-23.xlsx")
    assert header == (
        "attachment; filename=\"_ 2026-11-23.xlsx\"; filename*=UTF-8''"
        "%CE%A9%CF%86%CE%B5%CE%BB%CE%BF%CF%8D%CE%BC%CE%B5%CE%BD%CE%BF%CE%B9%202026-11-23.xlsx"
    )
    message = EmailMessage()
    message["Content-Disposition"] = header
    assert message["Content-Disposition"].content_disposition == "attachment"


@given(HOSTILE | st.text())
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    shape = r"attachment; filename=\"([A-Za-z0-9 ._-]*)\"; filename\*=UTF-8''([A-Za-z0-9._~%-]*)"
    match = re.fullmatch(shape, content_disposition(name))
    assert match
    assert not set(unquote(match[2], errors="strict")) & set('<>:"/\\|?*\r\n\x00')


def test_every_file_name_can_be_created(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 23, 14, 5)
    for text in corpus():
        path = tmp_path / file_name(text, moment)
        path.touch()
        assert path.parent == tmp_path
        path.unlink()
