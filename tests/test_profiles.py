"""The municipality profiles say what their source documents say, and no more.

FACTS and SERVICES are a second copy, typed from the documents and not from the profiles: a slip in either shows.
"""

import hashlib
import re
import tomllib
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest

SEED = Path(__file__).parent.parent / "seed"
PROFILES = SEED / "profiles"

EASTERN_MACEDONIA = "Περιφέρεια Ανατολικής Μακεδονίας και Θράκης"
OLD_SQUARE = "Πλατεία Ελευθερίας (Ισόγειο Παλαιού Δημαρχείου)"
DRAMA_HOURS = "Δευτέρα–Παρασκευή 07:30–15:30"
THESSALONIKI_HOURS = "Δευτέρα–Παρασκευή 08:00–15:00"


def planned_2016(name: str, name_en: str) -> dict[str, Any]:
    """Return the facts that the report of December 2016 gives alike for each of its five municipalities."""
    return {
        "municipality.name": f"Δήμος {name}",
        "municipality.name_en": f"Municipality of {name_en}",
        "municipality.region": EASTERN_MACEDONIA,
        "municipality.supervising_service": "Κοινωνική Υπηρεσία του Δήμου",
        "municipality.centre_name": f"Κέντρο Κοινότητας Δήμου {name}",
        "project.programme": "Επιχειρησιακό Πρόγραμμα Περιφέρειας Ανατολικής Μακεδονίας και Θράκης 2014–2020",
        "units.main.kind": "MAIN",
        "units.main.name": f"Κέντρο Κοινότητας Δήμου {name}",
        "services": "B01 C11",
    }


FACTS: dict[str, dict[str, Any]] = {
    "drama": {
        "municipality.name": "Δήμος Δράμας",
        "municipality.name_en": "Municipality of Drama",
        "municipality.region": EASTERN_MACEDONIA,
        "municipality.supervising_service": "Διεύθυνση Κοινωνικής Προστασίας, Παιδείας και Πολιτισμού",
        "municipality.centre_name": "Κέντρο Κοινότητας και Παράρτημα Ρομά Δήμου Δράμας",
        "municipality.operating_since": date(2017, 4, 1),
        "project.programme": "Επιχειρησιακό Πρόγραμμα Περιφέρειας Ανατολικής Μακεδονίας και Θράκης 2021–2027",
        "project.co_financing": "Με τη συγχρηματοδότηση της Ευρωπαϊκής Ένωσης (Ευρωπαϊκό Κοινωνικό Ταμείο)",
        "units.main.kind": "MAIN",
        "units.main.name": "Κέντρο Κοινότητας Δήμου Δράμας",
        "units.main.address": OLD_SQUARE,
        "units.main.area": "Δράμα",
        "units.main.phone": "2521057206",
        "units.main.email": "kkoin@dimosdramas.gr",
        "units.main.hours": DRAMA_HOURS,
        "units.roma.kind": "ROMA",
        "units.roma.name": "Παράρτημα Ρομά Δήμου Δράμας",
        "units.roma.address": OLD_SQUARE,
        "units.roma.area": "Δράμα",
        "units.roma.phone": "2521025527",
        "units.roma.email": "kkoin@dimosdramas.gr",
        "units.roma.hours": DRAMA_HOURS,
        "staff.specialties": [
            "Κοινωνικός Λειτουργός",
            "Ψυχολόγος",
            "Κοινωνικός Επιστήμονας",
            "Οικονομολόγος",
            "Διαμεσολαβητής",
            "Παιδαγωγός",
            "Νοσηλεύτρια",
        ],
        "staff.headcount": 9,
        "target_groups": "EEE ROMA POV CHILD UNEMP MIGR RETURN IP ASYL ELDER AMEA OTHER LEARN",
        "services": "A02 A04 A05 A21 B01 B02 B21 C03 C04 C07 C11 C21 C22 C23 C24 C25 C26",
    },
    "ampelokipoi-menemeni": {
        "municipality.name": "Δήμος Αμπελοκήπων–Μενεμένης",
        "municipality.name_en": "Municipality of Ampelokipoi–Menemeni",
        "municipality.region": "Περιφέρεια Κεντρικής Μακεδονίας",
        "municipality.address": "Πατρ. Γρηγορίου Ε΄ 12, Αμπελόκηποι",
        "municipality.postal_code": "56123",
        "municipality.supervising_service": "Διεύθυνση Κοινωνικής Προστασίας, Παιδείας, Αθλητισμού και Πολιτισμού – "
        "Τμήμα Υγείας, Πρόνοιας και Κοινωνικής Πολιτικής",
        "municipality.centre_name": "Κέντρο Κοινότητας με Παράρτημα Ρομά Δήμου Αμπελοκήπων–Μενεμένης",
        "project.programme": "Επιχειρησιακό Πρόγραμμα Περιφέρειας Κεντρικής Μακεδονίας",
        "project.co_financing": "Με τη συγχρηματοδότηση της Ελλάδας και της Ευρωπαϊκής Ένωσης",
        "units.main.kind": "MAIN",
        "units.main.name": "Κέντρο Κοινότητας Δήμου Αμπελοκήπων–Μενεμένης",
        "units.roma.kind": "ROMA",
        "units.roma.name": "Παράρτημα Ρομά Δήμου Αμπελοκήπων–Μενεμένης",
        "target_groups": "ROMA",
        "services": "B03 C02 C03 C28 C29",
    },
    "xanthi": planned_2016("Ξάνθης", "Xanthi"),
    "abdera": planned_2016("Αβδήρων", "Abdera"),
    "topeiros": planned_2016("Τοπείρου", "Topeiros"),
    "samothrace": planned_2016("Σαμοθράκης", "Samothrace"),
    "maroneia-sapes": planned_2016("Μαρωνείας–Σαπών", "Maroneia–Sapes")
    | {
        "municipality.centre_name": "Κέντρο Κοινότητας Δήμου Μαρωνείας–Σαπών με Παράρτημα Ρομά",
        "units.roma.kind": "ROMA",
        "units.roma.name": "Παράρτημα Ρομά Δήμου Μαρωνείας–Σαπών",
    },
    "thessaloniki": {
        "municipality.name": "Δήμος Θεσσαλονίκης",
        "municipality.name_en": "Municipality of Thessaloniki",
        "municipality.centre_name": "Κέντρο Κοινότητας Δήμου Θεσσαλονίκης",
        "project.title": "Κέντρο Κοινότητας Δήμου Θεσσαλονίκης με παράρτημα ΚΕΜ",
        "project.programme": "Επιχειρησιακό Πρόγραμμα «Κεντρική Μακεδονία»",
        "project.ops_code": "5002722",
        "units.east.kind": "MAIN",
        "units.east.name": "Ανατολικό Κέντρο Κοινότητας",
        "units.east.address": "Κλεάνθους 57 και Λαμπράκη",
        "units.east.area": "Άνω Τούμπα",
        "units.east.phone": "2313318598",
        "units.east.hours": THESSALONIKI_HOURS,
        "units.west.kind": "MAIN",
        "units.west.name": "Δυτικό Κέντρο Κοινότητας",
        "units.west.address": "Μοναστηρίου 93Β",
        "units.west.phone": "2313318531",
        "units.west.hours": THESSALONIKI_HOURS,
        "units.west.is_temporary_address": True,
        "units.kem.kind": "KEM",
        "units.kem.name": "Παράρτημα ΚΕΜ του Δυτικού Κέντρου Κοινότητας",
        "units.kem.address": "Μοναστηρίου 93Β",
        "units.kem.phone": "2313318531",
        "units.kem.hours": THESSALONIKI_HOURS,
        "units.kem.is_temporary_address": True,
        "target_groups": "EEE POV UNEMP CHILD MIGR IP ASYL AMEA ROMA OTHER",
        "services": "A01 B01",
    },
    "megara": {
        "municipality.name": "Δήμος Μεγαρέων",
        "municipality.name_en": "Municipality of Megara",
        "municipality.centre_name": "Κέντρο Κοινότητας Δήμου Μεγαρέων",
        "units.main.kind": "MAIN",
        "units.main.name": "Κέντρο Κοινότητας Δήμου Μεγαρέων",
        "units.roma.kind": "ROMA",
        "units.roma.name": "Κέντρο Στήριξης Ρομά",
        "target_groups": "ROMA OTHER AMEA LEARN",
        "services": "C06 C07 C21 C25 C26 C27 C30",
    },
}

SERVICES = {
    "A01": "Υποδοχή και καταγραφή αιτήματος",
    "A02": "Πληροφόρηση και ενημέρωση",
    "A04": "Υποστήριξη στην υποβολή αίτησης",
    "A05": "Υποστήριξη ωφελουμένων ΕΕΕ (πρώην ΚΕΑ)",
    "A21": "Υποστήριξη για κάθε άλλο πρόβλημα",
    "B01": "Διασύνδεση και παραπομπή σε φορέα",
    "B02": "Συνεργασία με άλλες δομές και υπηρεσίες απασχόλησης",
    "B03": "Δικτύωση και συνάντηση με φορέα",
    "B21": "Υποστήριξη της εποπτεύουσας υπηρεσίας",
    "C02": "Ψυχοκοινωνική στήριξη",
    "C03": "Προώθηση στην απασχόληση",
    "C04": "Υποστήριξη μαθητών με μαθησιακές δυσκολίες",
    "C06": "Ενημέρωση για θέματα νομικού χαρακτήρα",
    "C07": "Δημιουργική απασχόληση",
    "C11": "Συγκέντρωση και διανομή αγαθών",
    "C21": "Συμβουλευτική υποστήριξη",
    "C22": "Δράσεις ευαισθητοποίησης",
    "C23": "Επαγγελματικός προσανατολισμός παιδιών και εφήβων",
    "C24": "Δράσεις υγείας, εκπαίδευσης, απασχόλησης και ψυχαγωγίας",
    "C25": "Δίκτυο εθελοντισμού",
    "C26": "Διοργάνωση εκδηλώσεων",
    "C27": "Προγράμματα ευκαιριών για νέους",
    "C28": "Δράσεις για την εκπαίδευση",
    "C29": "Δράσεις κοινωνικής ένταξης",
    "C30": "Μεικτές δράσεις κοινωνικοποίησης μαθητών",
}

REQUIRED = {
    "municipality": {"code", "name", "name_en", "centre_name"},
    "units": {"code", "kind", "name"},
    "services": {"code", "axis", "name"},
}
ALLOWED = {
    "": {"target_groups", "municipality", "project", "staff", "units", "services"},
    "municipality": REQUIRED["municipality"]
    | {"region", "address", "postal_code", "phone", "email", "website", "supervising_service", "operating_since"},
    "project": {"title", "programme", "ops_code", "co_financing"},
    "staff": {"specialties", "headcount"},
    "units": REQUIRED["units"]
    | {"address", "postal_code", "area", "phone", "email", "hours", "subproject", "is_temporary_address"},
    "services": REQUIRED["services"],
}

# SHA-256 of the folded names (nominative and genitive) of the persons in the documents: no name stands here to be read.
PERSON_HASHES = {
    "1cc3ce685fcfba42a63a9eebf8f0eb4d60f0f0b9253be4c0c24cb8a84af7258e",
    "1c605ebfdf09fe38427f5025ab11327dbe7787f6010363d9f93275ff9d3ada3a",
    "17ace551dfefdb1f4384d5852e21ae46faf31f62183a916a006073febf40dbfe",
    "3aebe8b807b82567f562230ad268714825cf51095d853dab29e87b929ddc85c8",
    "06115929e25a54ecd7ec669cd7bb0aa5e8bb27a36f38d8fdc2d42bd88dd032ab",
    "98e94836d9e58359054965d10a586e6a66f1ac3ef56da832d47461ddaa28c2f8",
    "b2ef4aa93b2d95113d9ee9b6dfa3eb70876cc37778e1481fc0bffdd1b3a30a72",
    "4eb81a61f23894efe2d5f167d8bac54d0c1de873179a11db06b07f97df70a3e3",
    "2eac80f8f157177b35317ab2e5ca4e4743ca600d5edfcf241a9192bff568ab82",
    "5631a6c7186480f36f9b3a1839434bcfae30d743146357f6a7058555eabe3075",
}

every_profile = pytest.mark.parametrize("code", FACTS)


def load(code: str) -> dict[str, Any]:
    """Return the profile of one municipality."""
    return tomllib.loads((PROFILES / f"{code}.toml").read_text(encoding="utf-8"))


def names() -> dict[str, Any]:
    """Return the invented names."""
    return tomllib.loads((SEED / "names.toml").read_text(encoding="utf-8"))


def tables(profile: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the table or the tables under a key, none if it is missing."""
    found = profile.get(key, [])
    return found if isinstance(found, list) else [found]


def facts(profile: dict[str, Any]) -> dict[str, Any]:
    """Return all that a profile says, under dotted keys; its own code and the services' names are tested apart."""
    said: dict[str, Any] = {"services": " ".join(service["code"] for service in profile["services"])}
    for key in ("municipality", "project", "staff"):
        said |= {f"{key}.{name}": value for name, value in profile.get(key, {}).items()}
    for unit in profile["units"]:
        said |= {f"units.{unit['code']}.{name}": value for name, value in unit.items() if name != "code"}
    if "target_groups" in profile:
        said["target_groups"] = " ".join(profile["target_groups"])
    del said["municipality.code"]
    return said


def fold(text: str) -> str:
    """Return the text without case and accents, final sigma as sigma."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def hashes(text: str) -> set[str]:
    """Return the SHA-256 of every folded word."""
    return {hashlib.sha256(word.encode()).hexdigest() for word in re.findall(r"\w+", fold(text))}


def accents_missing(text: str) -> list[str]:
    """Return the Greek words of a text that are not in proper accented case."""
    words = re.findall(r"[Ά-ώΐΰ]+", unicodedata.normalize("NFC", text))
    return [word for word in words if not is_well_accented(word)]


def is_well_accented(word: str) -> bool:
    """Return whether a Greek word carries one τόνος, is of one syllable, or abbreviates by up to three capitals."""
    if word.isupper():
        return len(word) <= 3
    syllables = re.findall(r"[αεηιουω]+", fold(word))
    return len(syllables) < 2 or unicodedata.normalize("NFD", word).count("\N{COMBINING ACUTE ACCENT}") == 1


def test_the_profiles_are_those_of_the_documents() -> None:
    assert {path.stem for path in PROFILES.glob("*.toml")} == set(FACTS)


@every_profile
def test_a_profile_says_what_its_document_says(code: str) -> None:
    assert facts(load(code)) == FACTS[code]


@every_profile
def test_a_profile_is_named_after_its_file(code: str) -> None:
    assert load(code)["municipality"]["code"] == code


@every_profile
def test_keys_are_the_allowed_ones(code: str) -> None:
    profile = load(code)
    assert profile.keys() <= ALLOWED[""]
    for key in ALLOWED.keys() - {""}:
        for table in tables(profile, key):
            assert REQUIRED.get(key, set()) <= table.keys() <= ALLOWED[key]


@every_profile
def test_codes_belong_to_the_lists(code: str) -> None:
    from vocabulary import Axis, TargetGroup, UnitKind

    profile = load(code)
    assert {unit["kind"] for unit in profile["units"]} <= {kind.value for kind in UnitKind}
    assert {service["axis"] for service in profile["services"]} <= {axis.value for axis in Axis}
    assert set(profile.get("target_groups", [])) <= {group.value for group in TargetGroup}


@every_profile
def test_codes_are_unique_in_a_profile(code: str) -> None:
    profile = load(code)
    groups = profile.get("target_groups", [])
    for codes in ([row["code"] for row in profile["units"]], [row["code"] for row in profile["services"]], groups):
        assert len(codes) == len(set(codes))


@every_profile
def test_a_service_code_means_the_same_everywhere(code: str) -> None:
    for service in load(code)["services"]:
        assert service["name"] == SERVICES[service["code"]]
        assert service["axis"] == service["code"][0]


@every_profile
def test_telephones_and_postal_codes_are_plain_digits(code: str) -> None:
    profile = load(code)
    for table in [profile["municipality"], *profile["units"]]:
        assert "phone" not in table or re.fullmatch(r"2\d{9}", table["phone"])
        assert "postal_code" not in table or re.fullmatch(r"\d{5}", table["postal_code"])


@pytest.mark.parametrize("path", [*sorted(PROFILES.iterdir()), SEED / "names.toml"], ids=lambda path: path.name)
def test_no_person_of_the_documents_is_named(path: Path) -> None:
    assert not hashes(path.read_text(encoding="utf-8")) & PERSON_HASHES


def test_a_name_is_found_however_it_is_written() -> None:
    assert hashes("η κ. ΔΟΚΙΜΑΣΤΗΣ,") & hashes("Δοκιμαστής")


@every_profile
def test_greek_is_accented(code: str) -> None:
    assert accents_missing((PROFILES / f"{code}.toml").read_text(encoding="utf-8")) == []


def test_a_missing_accent_is_found() -> None:
    assert accents_missing("Δημου Δήμου ΔΗΜΟΥ ΚΕΜ και") == ["Δημου", "ΔΗΜΟΥ"]


def test_invented_greek_names_are_accented() -> None:
    assert accents_missing((SEED / "names.toml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("key", "least"), [("surnames", 24), ("male_names", 30), ("female_names", 30)])
def test_invented_names_are_enough_and_differ(key: str, least: int) -> None:
    rows = [tuple(row) for row in names()[key]]
    assert len(rows) == len(set(rows)) >= least


def test_a_female_surname_is_the_genitive_of_the_male() -> None:
    endings = {"όπουλος": "οπούλου", "ός": "ού", "ος": "ου", "ης": "η", "ής": "ή", "άς": "ά"}
    indeclinable = {"Υποδείγματος", "Πρωτοκόλλου"}
    for male, female in names()["surnames"]:
        genitives = {male.removesuffix(ending) + other for ending, other in endings.items() if male.endswith(ending)}
        assert female in ({male} if male in indeclinable else genitives)


def test_names_of_the_annex_are_names_like_any_other() -> None:
    invented = names()
    for key, annex_names in invented["roma_annex"].items():
        assert set(annex_names) <= set(invented[key])


def test_migrants_come_from_different_countries() -> None:
    countries = [row["country"] for row in names()["migrants"]]
    assert len(countries) == len(set(countries)) >= 7
    assert all(re.fullmatch(r"[A-Z]{2}", country) for country in countries)


def test_invented_telephones_look_invented() -> None:
    for numbers in names()["phones"].values():
        assert all(re.fullmatch(r"(21|69)0000\d{4}", number) for number in numbers)
