"""Commands for the person who runs the server; they act as the system itself, and leave an entry in the trail."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

import audit
import backups
import config
import identifiers
import matching
import passwords
import policy
import reports
import rights
import sealing
import serving
import vault
from auth import codes
from db import BadValue, begin_write, db
from i18n import _
from identifiers import InvalidIdentifier
from models import AuditEntry, Municipality, User, now
from seed import PROFILES, NotSeeded, demo, reference, refuse_in_production, volume
from vocabulary import AuditAction, Role

FORESEEN = (
    NotSeeded, passwords.WeakPassword, InvalidIdentifier, BadValue, audit.BadAddress, backups.BackupFailed,
    vault.Sealed, OSError,
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    for command in (
        seed_command,
        audit_group,
        backup,
        restore,
        report_group,
        match_group,
        retention_group,
        admin_group,
        vault_group,
        serve,
        demo_command,
    ):
        app.cli.add_command(command)


def _as_system(function: Callable[..., None]) -> Callable[..., None]:
    """Act as the system; tell what could be foreseen in plain words."""

    @with_appcontext
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        policy.bind(db.session, policy.SYSTEM)
        try:
            function(*args, **kwargs)
        except FORESEEN as error:
            raise click.ClickException(str(error)) from error
        except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
            raise click.ClickException(f"{error.orig}\n{serving.ADVICE}") from error

    return run


# --- seed -------------------------------------------------------------------------------------------------------------


@click.command("seed")
@click.argument("profile", type=click.Choice(PROFILES))
@click.option("--demo", "with_demo", is_flag=True, help="Add invented people and one login per role and unit.")
@click.option("--volume", "people", type=click.IntRange(min=1), help="Add so many invented people, for measurement.")
@click.option("--password", help="Password of the demo logins; by default a new one, printed.")
@_as_system
def seed_command(profile: str, with_demo: bool, people: int | None, password: str | None) -> None:
    """Load a municipality's profile, and on request invented people."""
    begin_write()
    municipality = reference.load_profile(db.session, profile)
    given = password or secrets.token_urlsafe(12)
    is_new = with_demo and demo.load_demo(db.session, given)
    if people:
        volume.load_volume(db.session, people)
        matching.refresh(db.session)
    audit.commit(db.session)
    click.echo(f"Loaded: {municipality}")
    if people:
        click.echo(f"Invented people added: {people}")
    if with_demo:
        _tell_logins(given if is_new else None)


def _tell_logins(password: str | None) -> None:
    """Print the demo logins, and their password where it is known."""
    click.echo("Demo logins:\n" + "\n".join(f"  {login}" for login in demo.logins(db.session)))
    click.echo(f"Password of all: {password}" if password else "They were there before, with the password given then.")


# --- audit ------------------------------------------------------------------------------------------------------------

audit_group = AppGroup("audit", help="The trail.")
HEADS = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN = 20
"""Findings that are printed; whatever comes after the first may only follow from it."""


def _anchor(context: click.Context, parameter: click.Parameter, said: str | None) -> tuple[int, str] | None:
    """Number and chain value of an entry, from what `audit verify` printed after «head»."""
    if said is None:
        return None
    parts = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", said.strip().lower())
    if parts is None:
        raise click.BadParameter("N:HASH is an entry's number and 64 hexadecimal digits, as «head» was printed.")
    return int(parts[1]), parts[2]


@audit_group.command("verify", with_appcontext=False)
@click.option("--anchor", callback=_anchor, metavar="N:HASH", help="The head of an earlier day, kept elsewhere.")
@click.option("--head", "heads", type=HEADS, help="Signed heads of earlier days, as `audit head` wrote them.")
@click.option("--public-key", metavar="KEY", help="What they are checked with; by default this installation's own.")
@_as_system
def verify(anchor: tuple[int, str] | None, heads: Path | None, public_key: str | None) -> None:
    """Check that no entry of the trail is missing or changed; name the first that is, and why.

    Whoever rewrites the database itself can make the chain anew; that shows only against an anchor or signed heads.
    """
    noted = list(audit.read_heads(heads, public_key or audit.public_key())) if heads else []
    signed = [each for each in noted if not isinstance(each, str)]
    trail, findings = _snapshot(), [each for each in noted if isinstance(each, str)]
    findings = [*audit.verify(trail, anchor, signed), *findings]
    if findings:
        # A broken trail stays as it was found, for whoever looks into it.
        click.echo("\n".join(findings[:SHOWN]))
        raise click.ClickException(f"The trail is not whole: {len(findings)} findings. The first: {findings[0]}.")
    (entries, chain), erased = audit.head(trail), len(audit.erasures(trail))
    db.session.rollback()
    audit.system_note(AuditAction.SYSTEM, task="audit verify", entries=entries)
    told = f", {erased} of them erased" * bool(erased) + f", {len(signed)} signed heads hold" * bool(heads)
    click.echo(f"{entries} entries, chain whole{told}; head {entries}:{chain} – note it and keep it elsewhere")


@audit_group.command("head", with_appcontext=False)
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="A file to add the head to.")
@click.option("--syslog", metavar="HOST:PORT", help="A server to send it to (RFC 5424), tcp://HOST:PORT for TCP.")
@click.option("--public-key", is_flag=True, help="Print what signatures are checked with.")
@_as_system
def sign_head(to: Path | None, syslog: str | None, public_key: bool) -> None:
    """Sign the number and chain value of the trail's last entry, to be kept off this machine."""
    if public_key:
        click.echo(audit.public_key())
        return
    audit.system_note(AuditAction.SYSTEM, task="audit head", to=to and to.name, syslog=syslog)
    line = audit.signed_head(db.session.connection())
    if to:
        with to.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    if syslog:
        audit.send_head(line, syslog)
    click.echo(line)


@audit_group.command("show", with_appcontext=False)
@click.argument("number", type=click.IntRange(min=1))
@_as_system
def show(number: int) -> None:
    """Print what entry NUMBER changed, protected values too: for whoever holds the key, and recorded."""
    entry = db.session.get(AuditEntry, number)
    if entry is None:
        raise click.ClickException(f"There is no entry {number}.")
    changes = {name: [audit.opened(kept) for kept in pair] for name, pair in audit.changes_of(entry).items()}
    db.session.rollback()
    audit.system_note(AuditAction.VIEW, entry, task="audit show")
    click.echo(json.dumps(changes, ensure_ascii=False, indent=2))


def _snapshot() -> sa.Connection:
    """The database at one moment, always so on SQLite: what others write meanwhile would look like a cut trail."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    return db.session.connection(execution_options={} if is_sqlite else {"isolation_level": "REPEATABLE READ"})


# --- backup and restore -----------------------------------------------------------------------------------------------


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_as_system
def backup(file: Path) -> None:
    """Copy the database to FILE while the application runs."""
    digest = backups.make(file)
    audit.system_note(AuditAction.SYSTEM, task="backup", file=file.name, sha256=digest)
    click.echo(f"Backup: {file}\nSHA-256: {digest}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Replace a database that holds records.")
@_as_system
def restore(file: Path, yes: bool) -> None:
    """Put the backup FILE in the database's place. Stop the application first."""
    digest = backups.sha256(file)
    backups.check(file)
    if not yes and not backups.is_database_empty():
        raise click.ClickException("The database holds records. To replace them, say --yes.")
    backups.restore(file)
    audit.system_note(AuditAction.SYSTEM, task="restore", file=file.name, sha256=digest)
    click.echo(f"Restored: {file}\nIf it comes from an older version, run: flask --app app db upgrade")


# --- report -----------------------------------------------------------------------------------------------------------

report_group = AppGroup("report", help="Reports.")


@report_group.command("monthly", with_appcontext=False)
@click.option("--month", type=click.DateTime(["%Y-%m"]), required=True, help="YYYY-MM")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The workbook to write.")
@click.option("--unit", help="One unit's code; by default all units.")
@_as_system
def monthly(month: dt.datetime, out: Path, unit: str | None) -> None:
    """Write the monthly report as an Excel workbook."""
    try:
        reports.monthly_workbook(db.session, month.date(), out, unit)
    except reports.UnknownUnit as error:
        raise click.ClickException(f"There is no unit {unit!r}.") from error
    db.session.rollback()
    audit.system_note(AuditAction.SYSTEM, task="report monthly", month=f"{month:%Y-%m}", unit=unit)
    click.echo(f"Report: {out}")


# --- match ------------------------------------------------------------------------------------------------------------

match_group = AppGroup("match", help="One person in two units.")


@match_group.command("refresh", with_appcontext=False)
@_as_system
def refresh() -> None:
    """Make the hashes by which records are compared anew: after an update from 0.2, and after a change of key."""
    begin_write()
    people = matching.refresh(db.session)
    audit.note(db.session, AuditAction.SYSTEM, task="match refresh", rows=people)
    audit.commit(db.session)
    click.echo(f"People whose hashes were made: {people}")


# --- retention --------------------------------------------------------------------------------------------------------

retention_group = AppGroup("retention", help="Times of keeping.")


@retention_group.command("due", with_appcontext=False)
@_as_system
def due() -> None:
    """Tell what is due by the times of keeping, and change nothing: a coordinator approves it on the screen."""
    found = rights.due(db.session)
    db.session.rollback()
    audit.system_note(AuditAction.SYSTEM, task="retention due", rows=sum(each.count for each in found))
    for each in found:
        kept = _("kept back: %(n)s", n=each.kept)
        click.echo(f"{each.count:>7}  {each.line.what}: {each.line.told}; {kept}")


# --- admin ------------------------------------------------------------------------------------------------------------

admin_group = AppGroup("admin", help="Administrators.")


@admin_group.command("create", with_appcontext=False)
@click.argument("username")
@click.option("--name", required=True, help="Full name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_as_system
def create(username: str, name: str, password_stdin: bool) -> None:
    """Create an administrator, who creates the other users on the screens."""
    # Before the transaction: nobody else could write while the terminal waits.
    username = identifiers.username(username)
    kept = passwords.make_hash(_password(password_stdin), username, name)
    begin_write()
    if db.session.scalar(sa.select(User.id).where(User.username == username)) is not None:
        raise click.ClickException(f"There is a user {username!r} already.")
    said = {"username": username, "full_name": name, "password_hash": kept, "password_changed_at": now()}
    db.session.add(User(role=Role.ADMINISTRATOR, **said))
    audit.note(db.session, AuditAction.SYSTEM, task="admin create", username=username)
    audit.commit(db.session)
    click.echo(f"Administrator: {username}")


def _password(is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


# --- vault ------------------------------------------------------------------------------------------------------------

vault_group = AppGroup("vault", help="Sealed values and their keys.")


@vault_group.command("rotate", with_appcontext=False)
@_as_system
def rotate() -> None:
    """Seal everything anew under the first key of KENTRO_KEY; broken off, it goes on where it stopped."""
    renewed = dict.fromkeys(sealing.sealed_columns(), 0)
    for table, rows in sealing.renew(db.session):
        renewed[table] += rows
        if rows:
            audit.note(db.session, AuditAction.SYSTEM, subject_type=table, task="vault rotate", rows=rows)
        audit.commit(db.session)
    begin_write()
    renewed["second_factor"] = codes.renew()
    audit.system_note(AuditAction.SYSTEM, task="vault rotate", **renewed)
    click.echo("\n".join(f"{table}: {rows} rows sealed anew" for table, rows in renewed.items()))
    click.echo("Keep the older keys behind the first as long as the trail or a backup is sealed with them.")


# --- serve and demo ---------------------------------------------------------------------------------------------------


@click.command()
@_as_system
def serve() -> None:
    """Serve the application."""
    audit.system_note(AuditAction.SYSTEM, task="serve")
    serving.serve(db.session)


@click.command("demo")
@_as_system
def demo_command() -> None:
    """Serve the application with invented people; on a first run, invent them."""
    refuse_in_production()
    begin_write()
    if db.session.scalar(sa.select(Municipality.id)) is None:
        reference.load_profile(db.session, "drama")
        demo.load_demo(db.session, _kept_password())
    audit.note(db.session, AuditAction.SYSTEM, task="demo")
    audit.commit(db.session)
    if demo.is_loaded(db.session):
        _tell_logins(_kept_password() if _password_holds() else None)
    serving.serve(db.session)


def _kept_password() -> str:
    """The demo's password, the same at the next run."""
    return config.kept_key(_password_file(), 6)


def _password_file() -> Path:
    return Path(current_app.instance_path) / "demo_password"


def _password_holds() -> bool:
    """The kept password is that of the users in this database, who may have come by `seed` with another."""
    kept = db.session.scalar(sa.select(User.password_hash).where(User.username == Role.SUPERVISOR.value))
    return _password_file().exists() and passwords.matches(_kept_password(), kept)
