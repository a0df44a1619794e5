"""``hilum users``: users and API tokens."""

import getpass
import sys
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from hilum.cli.main import main
from hilum.records import Database, access, accounts, attempts, audit
from hilum.records.accounts import Role
from hilum.records.database import open_database
from hilum.settings import Settings

ROLE: Final = click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.VIEWER.value,
    show_default=True,
    help="viewer looks; reader also reviews; operator also retries, uploads, manages users.",
)
STDIN: Final = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; no questions."
)


@main.group(invoke_without_command=True)
@click.pass_context
def users(context: click.Context) -> None:
    """Manage users and API tokens."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@users.command("list")
def list_() -> None:
    """List users, then tokens."""
    with open_database(Settings.load()) as database, database.look() as connection:
        people = accounts.users(connection)
        programs = access.list_tokens(connection)
    for user in people:
        how = "password" if user.local else "OpenID Connect"
        click.echo(f"{user.name:<24} {user.role:<9} {how:<15} last sign-in {_when(user.signed_in)}")
    for token in programs:
        until = f"expires {_when(token.expires)}" if token.expires else "no expiry"
        said = f"of {token.owner}, last used {_when(token.used)}, {until}"
        click.echo(f"{token.name:<24} {token.role:<9} {'token':<15} {said}")
    if not people:
        click.echo("No user yet: hilum up makes one, or use hilum users add.", err=True)


@users.command()
@click.argument("name")
@ROLE
@STDIN
def add(name: str, role: str, *, password_stdin: bool) -> None:
    """Add the user NAME; the password is asked for."""
    with open_database(Settings.load()) as database:
        kept = accounts.hashed(_password(name, stdin=password_stdin), name)
        with database.transaction() as connection:
            user = accounts.add(
                connection, name, Role(role), password_hash=kept, now=datetime.now(UTC)
            )
        _note(database, "user.added", user=user.name, role=role)
    click.echo(f"{user.name} may sign in, as {role}.")


@users.command()
@click.argument("name")
@STDIN
def password(name: str, *, password_stdin: bool) -> None:
    """Give the user NAME another password; it is asked for. Ends their sessions."""
    with open_database(Settings.load()) as database:
        kept = accounts.hashed(_password(name, stdin=password_stdin), name)
        with database.transaction() as connection:
            accounts.set_password(connection, name, kept)
        _note(database, "user.password_changed", user=name.casefold())
    click.echo(f"{name.casefold()} has another password, and is signed out everywhere.")


@users.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove the user NAME and end their sessions."""
    with open_database(Settings.load()) as database:
        with database.transaction() as connection:
            accounts.remove(connection, name)
        _note(database, "user.removed", user=name.casefold())
    click.echo(f"{name.casefold()} may not sign in any more.")


@users.command()
@click.argument("name")
def unlock(name: str) -> None:
    """Let the user NAME sign in again at once after too many wrong passwords."""
    with open_database(Settings.load()) as database:
        with database.transaction() as connection:
            attempts.unlock(connection, name, now=datetime.now(UTC))
        _note(database, "user.unlocked", user=name.casefold())
    click.echo(f"{name.casefold()} may try again now. Their password is unchanged.")


@users.command()
@click.argument("name")
@click.option("--user", default="", help="Whose token it is; it ends with them.")
@ROLE
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=90,
    show_default=True,
    help="Days until it expires; 0: no expiry.",
)
@click.option("--remove", "gone", is_flag=True, help="Revoke the token NAME.")
def token(name: str, user: str, role: str, days: int, *, gone: bool) -> None:
    """Create an API token called NAME; it is printed once and not stored."""
    if not gone and not user:
        raise click.UsageError("Say whose token it is: --user NAME.")
    now = datetime.now(UTC)
    expires = now + timedelta(days=days) if days else None
    secret = ""
    with open_database(Settings.load()) as database:
        with database.transaction() as connection:
            if gone:
                access.revoke_token(connection, name)
            else:
                secret = access.add_token(
                    connection, name, user, Role(role), expires=expires, now=now
                )
        _note(database, "token.removed" if gone else "token.added", token=name, role=role)
    if gone:
        click.echo(f"The token {name} is revoked.")
        return
    click.echo(secret)
    until = f"It expires {_when(expires)}." if expires else "It does not expire."
    click.echo(f"Send it as: Authorization: Bearer TOKEN. Role {role}. {until}", err=True)


def _password(name: str, *, stdin: bool) -> str:
    """Return a password that is typed twice, or comes by a pipe."""
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt(
        f"Password of {name}, at least {accounts.SHORTEST_PASSWORD} characters",
        hide_input=True,
        confirmation_prompt=True,
    )
    return asked


def _note(database: Database, action: str, **detail: str) -> None:
    """Write into the audit trail which account of this machine did what."""
    actor = f"{getpass.getuser()}@command line"
    with database.transaction() as connection:
        audit.write(connection, audit.AuditEntry(datetime.now(UTC), actor, action, detail=detail))


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
