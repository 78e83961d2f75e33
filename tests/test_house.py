"""The rules of the house, kept by walking the code: what may import what, who may speak SQL, where roles are named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = (
    ("config", "identifiers", "search", "exports", "papers", "charts", "authorizer"),
    ("passwords", "i18n", "vault"),
    ("vocabulary", "column_types", "connections"),
    ("db",),
    ("models",),
    ("row_security",),
    ("policy", "sealing"),
    ("audit",),
    ("matching", "oversight", "sharing"),
    ("rights",),
    ("reports",),
    ("assets", "auth", "backups", "seed", "serving"),
    ("admin_views", "cli"),
    ("app",),
)
"""From the bottom up. A module imports only from layers below its own, or from its own folder."""
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
PURE = ("authorizer", "identifiers", "search", "exports", "papers", "charts", "passwords", "vocabulary")
FRAMEWORKS = {"flask", "flask_admin", "flask_babel", "flask_login", "flask_wtf", "sqlalchemy", "wtforms"}
LONG = {
    "models.py": "the schema in one file",
    "policy.py": "roles in one file",
    "vocabulary.py": "the lists in one file",
}


def modules() -> dict[str, ast.Module]:
    """Every module of the application by its path, parsed."""
    paths = [*ROOT.glob("*.py"), *(path for name in RANK for path in (ROOT / name).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(paths)}


MODULES = modules()


def room(path: str) -> str:
    """The top-level name that a module belongs to."""
    return path.partition("/")[0].removesuffix(".py")


def imports(tree: ast.Module) -> Iterator[tuple[int, str, list[str]]]:
    """Level (0 absolute), module and names of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", [alias.name for alias in node.names]


def test_the_walk_sees_the_house() -> None:
    assert {room(path) for path in MODULES} == set(RANK), "every room stands in LAYERS, and nothing else is a room"
    assert len(MODULES) > 40


def test_imports_point_down() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in MODULES.items()
        for level, module, _names in imports(tree)
        if level == 0 and (name := module.partition(".")[0]) in RANK
        and name != room(path) and RANK[name] >= RANK[room(path)]
    ]  # fmt: skip
    assert wrong == []


def test_screens_never_import_each_other() -> None:
    screens = [p for p in MODULES if re.fullmatch(r"admin_views/(?!__init__|menu)\w+\.py", p)]
    assert len(screens) > 8
    wrong = [
        f"{path} imports .{module or names}"
        for path in screens
        for level, module, names in imports(MODULES[path])
        if level == 1 and module.partition(".")[0] not in ("base", "menu")
    ]
    assert wrong == []


def test_pure_modules_know_no_framework() -> None:
    wrong = [
        f"{path} imports {module}"
        for path, tree in MODULES.items()
        if room(path) in PURE
        for level, module, _names in imports(tree)
        if module.partition(".")[0] in FRAMEWORKS
    ]
    assert wrong == []


def test_the_request_is_known_only_where_requests_arrive() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in MODULES.items()
        if room(path) not in ("auth", "admin_views", "app")
        for _level, module, names in imports(tree)
        for name in names
        if module.startswith(("flask", "werkzeug"))
        and name in ("request", "current_user", "session", "abort", "redirect")
    ]
    assert wrong == []


# --- SQL --------------------------------------------------------------------------------------------------------------

SPEAK_SQL = {
    "audit/chain.py": "the chain",
    "audit/erasing.py": "an entry's lawful erasure",
    "audit/recorder.py": "the chain's transaction",
    "audit/verifying.py": "the chain, read past the models",
    "authorizer.py": "the driver's own hook",
    "auth/asking.py": "who asks, before there is a scope",
    "backups.py": "copies of the whole database",
    "cli.py": "the engine",
    "connections.py": "the driver, before there is a session",
    "db.py": "the engine",
    "models.py": "the text of triggers",
    "policy.py": "tables that nothing narrows",
    "row_security.py": "the second wall",
    "sealing.py": "sealed values as they are kept",
    "serving.py": "the second wall's gaps",
    "seed/volume.py": "bulk rows",
}
"""All else goes through the session, which is narrowed."""


def spoken_sql(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in (
            "exec_driver_sql",
            "raw_connection",
            "connection",
            "engine",
        ):
            yield f"line {node.lineno}: .{node.attr}"
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("sqlalchemy")
            and any(a.name == "text" for a in node.names)
        ):
            yield f"line {node.lineno}: text"
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        called, about = node.func.attr, ast.unparse(node)
        if called in ("text", "literal_column", "table", "column") and ast.unparse(node.func.value) in (
            "sa",
            "sqlalchemy",
        ):
            yield f"line {node.lineno}: {about}"
        if called in ("select", "insert", "update", "delete", "execute") and any(
            "__table__" in ast.unparse(a) for a in node.args
        ):
            yield f"line {node.lineno}: {about}"
        if (
            called in ("execute", "scalar", "scalars")
            and node.args
            and isinstance(node.args[0], (ast.Constant, ast.JoinedStr))
        ):
            yield f"line {node.lineno}: {about}"


def test_sql_past_the_session_is_spoken_only_in_named_modules() -> None:
    wrong = [f"{path} {what}" for path, tree in MODULES.items() if path not in SPEAK_SQL for what in spoken_sql(tree)]
    assert wrong == []
    assert {path for path in SPEAK_SQL if list(spoken_sql(MODULES[path]))} == set(SPEAK_SQL), "a name too many"


def test_screens_and_reports_never_commit() -> None:
    """The one commit is audit.commit's, at the request's end (auth/) or a command's (cli.py)."""
    wrong = [
        f"{path} line {node.lineno}"
        for path, tree in MODULES.items()
        if room(path) not in ("audit", "auth", "cli", "seed")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]
    assert wrong == []


# --- roles ------------------------------------------------------------------------------------------------------------

ROLES = ("reception", "caseworker", "mediator", "coordinator", "supervisor", "administrator")


def test_roles_are_named_only_in_policy() -> None:
    """Not the enum's members, and not their values either; seeds and commands make users, so they may."""
    wrong = []
    for path, tree in MODULES.items():
        if room(path) in ("policy", "vocabulary", "seed", "cli"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Role":
                wrong.append(f"{path} line {node.lineno}: {ast.unparse(node)}")
            if isinstance(node, ast.Compare) and any(
                isinstance(c, ast.Constant) and c.value in ROLES for c in ast.walk(node)
            ):
                wrong.append(f"{path} line {node.lineno}: {ast.unparse(node)}")
    assert wrong == []
    named = re.compile(r"\b(?:scope|user|current_user)\.role\b|['\"](?:" + "|".join(ROLES) + r")['\"]")
    assert [f"{name}: {found[0]}" for name, text in templates().items() if (found := named.search(text))] == []


# --- files ------------------------------------------------------------------------------------------------------------


def test_no_drawers() -> None:
    drawers = re.compile(r"(^|/)(utils?|helpers?|common|misc|lib|tools)(\.py|/)|^services\.py")
    paths = [
        str(p.relative_to(ROOT))
        for name in (*RANK, "tests")
        for p in [*ROOT.glob(f"{name}.py"), *(ROOT / name).rglob("*.py")]
    ]
    assert [path for path in paths if drawers.search(path)] == []


def test_modules_are_short() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path: n for path, n in lines.items() if n > 400 and path not in LONG} == {}
    assert set(LONG) <= set(lines)


UNSAID = ("comparator_factory",)
"""SQLAlchemy's name for something that its class explains."""


def test_modules_and_classes_say_what_they_are() -> None:
    """Functions and methods are ruff's to check (D1)."""
    wrong = []
    for path, tree in MODULES.items():
        for node in ast.walk(tree):
            named = isinstance(node, (ast.Module, ast.ClassDef)) and getattr(node, "name", path)
            if named and not named.startswith("_") and named not in UNSAID and not ast.get_docstring(node):
                wrong.append(f"{path}: {named}")
    assert wrong == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned(name: str) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("-r ")]
    assert wanted
    assert [line for line in wanted if not re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+", line)] == []


# --- templates --------------------------------------------------------------------------------------------------------


def templates() -> dict[str, str]:
    paths = sorted((ROOT / "templates").rglob("*.html"))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def test_templates_hold_no_script_style_or_handler() -> None:
    """The content security policy allows none of them, so they would not work anyway."""
    found = templates()
    assert len(found) > 15
    wrong = []
    for name, text in found.items():
        html = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text, flags=re.S)
        for tag in re.findall(r"<script\b[^>]*>", html):
            if " src=" not in tag and 'type="application/json"' not in tag:
                wrong.append(f"{name}: {tag}")
        wrong += [f"{name}: {hit}" for hit in re.findall(r"<style\b|\sstyle=|\son[a-z]+=|javascript:", html)]
        wrong += [f"{name}: {hit}" for hit in re.findall(r"\|\s*safe\b|autoescape\s+false|\bMarkup\b", text)]
    assert wrong == []


def test_texts_in_templates_can_be_translated() -> None:
    """No Greek or English words outside `_()`; the program's own name is the same everywhere."""
    wrong = []
    for name, text in templates().items():
        bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text, flags=re.S)
        bare = re.sub(r"<script\b.*?</script>|<[^>]*>", "", bare, flags=re.S)
        wrong += [f"{name}: {word}" for word in re.findall(r"[^\W\d_]{3,}", bare) if word != "Κέντρο"]
    assert wrong == []
