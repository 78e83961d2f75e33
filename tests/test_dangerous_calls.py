"""What the application never does, kept by walking its code: no text is run, nobody is called, no chance is guessable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.test_docs import own_files, own_texts
from tests.test_house import MODULES, ROOT, imports, room, templates

Rule = Callable[[str, ast.Module], Iterator[str]]


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The name of everything that is called, as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imported(tree: ast.Module, *names: str) -> Iterator[str]:
    """Those of these modules, or of modules inside them, that are imported."""
    for level, module, members in imports(tree):
        for said in (module, *(f"{module}.{member}" for member in members)):
            if level == 0 and any(said == name or said.startswith(f"{name}.") for name in names):
                yield said


def runs_text(path: str, tree: ast.Module) -> Iterator[str]:
    """ASVS 1.3.2: a text run as a program, or unpacked into objects."""
    yield from imported(tree, "pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle", "importlib")
    run = ("eval", "exec", "compile", "__import__")
    yield from (f"{name} in line {call.lineno}" for name, call in called(tree) if name in run)


def runs_programs(path: str, tree: ast.Module) -> Iterator[str]:
    """ASVS 1.2.5: a shell, or another program than PostgreSQL's own two, whose name is written in the code."""
    yield from imported(tree, "pty", "commands", "popen2")
    if path != "backups.py":
        yield from imported(tree, "subprocess")
    for name, call in called(tree):
        if re.fullmatch(r"os\.(system|popen|exec\w+|spawn\w+|startfile)", name):
            yield f"{name} in line {call.lineno}"
        if any(word.arg == "shell" for word in call.keywords):
            yield f"{name} with shell in line {call.lineno}"
        if name == "_postgres" and not isinstance(call.args[0], ast.Constant):
            yield f"{name} with a program that is not named, in line {call.lineno}"
        if name.startswith("subprocess.") and not isinstance(call.args[0], ast.List):
            yield f"{name} without a list in line {call.lineno}"


def makes_templates(path: str, tree: ast.Module) -> Iterator[str]:
    """ASVS 1.3.7: a template that is not a file of templates/."""
    made = ("render_template_string", "from_string", "Template", "stream_template_string")
    yield from (
        f"{name} in line {call.lineno}" for name, call in called(tree) if name.rpartition(".")[2] in made
    )  # fmt: skip


def reads_documents(path: str, tree: ast.Module) -> Iterator[str]:
    """ASVS 1.5.1, 5.2.3: XML, archives and workbooks from outside; none is read."""
    yield from imported(
        tree, "xml", "lxml", "defusedxml", "openpyxl", "python_calamine", "pandas", "zipfile", "tarfile"
    )
    if path not in ("docs/make_screens.py",):
        yield from (
            f"request.files in line {node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "request.files"
        )
    yield from (found for found in imported(tree, "wtforms", "flask_wtf") if "File" in found)


CALLERS = {"serving.py": "listens", "audit/heads.py": "sends the trail's head where the operator says"}


def calls_out(path: str, tree: ast.Module) -> Iterator[str]:
    """ASVS 1.3.6: a connection to somewhere else."""
    nets = ("urllib.request", "http.client", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "xmlrpc", "websocket")
    yield from imported(tree, *nets)
    if path not in CALLERS:
        yield from imported(tree, "socket", "asyncio", "ssl")


def guesses(path: str, tree: ast.Module) -> Iterator[str]:
    """ASVS 11.5.1: chance that can be guessed, where no people are invented; a token of fewer than 128 bits."""
    if room(path) != "seed":
        yield from imported(tree, "random", "numpy", "uuid")
    for name, call in called(tree):
        if name in ("secrets.token_bytes", "secrets.token_hex", "secrets.token_urlsafe"):
            size = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else 32
            if isinstance(size, int) and size < 16 and (path, ast.unparse(call)) not in SHORT:
                yield f"{ast.unparse(call)} in line {call.lineno}"


SHORT = {
    ("auth/asking.py", "secrets.token_hex(8)"): "tells requests apart in the trail, and opens nothing",
    ("cli.py", "secrets.token_urlsafe(12)"): "the password of invented people, typed by hand",
}
RULES: tuple[Rule, ...] = (runs_text, runs_programs, makes_templates, reads_documents, calls_out, guesses)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_application_never(rule: Rule) -> None:
    wrong = [f"{path}: {what}" for path, tree in MODULES.items() for what in rule(path, tree)]
    assert wrong == []


PLANTED = {
    runs_text: ("import pickle", "eval(x)", "from yaml import load"),
    runs_programs: ("import os\nos.system(x)", "import subprocess", "f(shell=True)"),
    makes_templates: ("from flask import render_template_string as r\nflask.render_template_string(x)", "env.from_string(x)"),
    reads_documents: ("import xml.etree.ElementTree", "from openpyxl import load_workbook", "request.files['x']",
                      "from wtforms import FileField"),
    calls_out: ("import urllib.request", "from urllib import request", "import requests", "import socket"),
    guesses: ("import random", "from random import choice", "import secrets\nsecrets.token_hex(4)"),
}  # fmt: skip


def test_each_of_these_would_be_seen() -> None:
    unseen = [code for rule, codes in PLANTED.items() for code in codes if not list(rule("x.py", ast.parse(code)))]
    assert unseen == [] and set(PLANTED) == set(RULES)


def test_the_linters_rules_of_security_hold_with_few_named_exceptions() -> None:
    """flake8-bandit's, ruff's S: SQL made of text, shells, weak hashes, markup made by hand and the like."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "S", "--ignore", "S101", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    named = [
        f"{path.relative_to(ROOT).as_posix()}: {found[0]}"
        for path in own_files(".py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if (found := re.search(r"noqa: S\d+.*", line)) and path.parts[len(ROOT.parts)] not in ("tests", "benchmarks")
    ]
    assert all(re.search(r"S\d+ \(\w.+\)|S704$", each) for each in named), f"an exception without a reason: {named}"
    assert len(named) <= 15, named


def test_no_form_takes_a_file() -> None:
    """ASVS 5.2, 5.3: nothing is uploaded, so nothing uploaded can be too large, of another kind, or badly named."""
    assert [name for name, text in templates().items() if re.search(r'type="?file|multipart/form-data', text)] == []
    scripts = [path for path in own_files(".js") if "tests" not in path.parts]
    assert scripts and [p.name for p in scripts if re.search(r"type ?=+ ?[\"']file|FileReader", p.read_text())] == []


SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abp]-[\w-]{10,}"
    r"|postgres(?:ql)?(?:\+\w+)?://\w+:(?!password@|…|x@)[^@\s…{]+@"
    r"|(?i:secret_key|kentro_key|password|token)\s*[=:]\s*[\"'][0-9a-f]{32,}[\"']"
)


def test_no_secret_lies_in_the_repository() -> None:
    """ASVS 13.3.1: neither a key nor a password of an installation."""
    found = []
    for path, text in own_texts():
        found += [
            f"{path.relative_to(ROOT)}: {hit[0][:30]}"
            for hit in SECRETS.finditer(text)
            if path.name != "test_dangerous_calls.py"
        ]
    assert found == []
    for planted in (
        "-----BEGIN PRIVATE KEY-----",
        'SECRET_KEY = "' + "ab" * 16 + '"',
        "postgresql://kentro:hunter2@db/k",
    ):
        assert SECRETS.search(planted), planted
    kept = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert any(line.strip("/") == "instance" for line in kept), "keys that are made at a first start would be committed"
