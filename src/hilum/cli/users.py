"""``hilum users``: users and API tokens."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from hilum.cli.main import main
from hilum.cli.noted import note
from hilum.cli.terminal import echo, say
from hilum.language import Message
from hilum.records import (
    access,
    accounts,
    passkeys,
    second_factor,
    sign_in_attempts,
)
from hilum.records.accounts import Role
from hilum.records.database import open_database
from hilum.records.limits import StudyLimits
from hilum.records.second_factor import Factors
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


NO_EXPIRY: Final = Message("no expiry")


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
        factors = [second_factor.of_user(connection, user.name) for user in people]
        programs = access.list_tokens(connection)
    for user, has in zip(people, factors, strict=True):
        echo(
            "{name:<24} {role:<9} {how:<15} last sign-in {when}",
            name=user.name,
            role=user.role,
            how=_ways(has) if user.local else "OpenID Connect",
            when=_when(user.signed_in),
        )
        if user.limits:
            echo("{name:<24} limited to {limits}", name="", limits=_limits(user.limits))
    for token in programs:
        until = Message("expires {when}", when=_when(token.expires)) if token.expires else NO_EXPIRY
        echo(
            "{name:<24} {role:<9} token           of {owner}, last used {when}, {until}",
            name=token.name,
            role=token.role,
            owner=token.owner,
            when=_when(token.used),
            until=until,
        )
    if not people:
        echo("No user yet: hilum up makes one, or use hilum users add.", err=True)


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
        note(database, "user.added", user=user.name, role=role)
    echo("{name} may sign in, as {role}.", name=user.name, role=role)


@users.command()
@click.argument("name")
@STDIN
def password(name: str, *, password_stdin: bool) -> None:
    """Give the user NAME another password; it is asked for. Ends their sessions."""
    with open_database(Settings.load()) as database:
        kept = accounts.hashed(_password(name, stdin=password_stdin), name)
        with database.transaction() as connection:
            accounts.set_password(connection, name, kept)
        note(database, "user.password_changed", user=name.casefold())
    echo("The password of {name} was changed, and all sessions ended.", name=name.casefold())


@users.command()
@click.argument("name")
@click.option("--institution", multiple=True, help="Institution Name of the study.")
@click.option("--physician", multiple=True, help="Referring Physician's Name of the study.")
@click.option("--label", multiple=True, help="A label, or the AE title that sent the study.")
def limit(name: str, **options: tuple[str, ...]) -> None:
    """Limit the user NAME to some studies; without options, end the limits.

    Each option may be given several times: one value must fit, for every option that is given.
    """
    settings = Settings.load()
    texts = [f"{option}={value}" for option, values in options.items() for value in values]
    wanted = StudyLimits.parse(texts).texts
    with open_database(settings) as database:
        with database.transaction() as connection:
            accounts.set_limits(connection, name, wanted)
        note(database, "user.limits_changed", user=name.casefold(), limits=list(wanted))
    echo("{name} is limited to: {limits}.", name=name.casefold(), limits=_limits(wanted))
    if not settings.page.limit_studies:
        echo("Nobody is limited until page.limit_studies is set.", err=True)


@users.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove the user NAME and end their sessions."""
    with open_database(Settings.load()) as database:
        with database.transaction() as connection:
            accounts.remove(connection, name)
        note(database, "user.removed", user=name.casefold())
    echo("{name} may not sign in any more.", name=name.casefold())


@users.command()
@click.argument("name")
def unlock(name: str) -> None:
    """Let the user NAME sign in again at once after too many wrong passwords."""
    with open_database(Settings.load()) as database:
        with database.transaction() as connection:
            sign_in_attempts.unlock(connection, name, now=datetime.now(UTC))
        note(database, "user.unlocked", user=name.casefold())
    echo("{name} may try again now. Their password is unchanged.", name=name.casefold())


@users.command()
@click.argument("name")
def show(name: str) -> None:
    """Show how the user NAME signs in: codes, recovery codes, each passkey."""
    with open_database(Settings.load()) as database, database.look() as connection:
        user = accounts.known(connection, name)
        has = second_factor.of_user(connection, name)
        owned = passkeys.of_user(connection, name)
    echo("{name}: {how}", name=user.name, how=_ways(has) if user.local else "OpenID Connect")
    echo("Recovery codes left: {count}", count=has.recovery)
    for each in owned:
        echo(
            "{title:<24} passkey for {host}, added {added}, last used {when}",
            title=each.title,
            host=each.host,
            added=_when(each.created),
            when=_when(each.used),
        )


@users.command()
@click.argument("name")
def reset(name: str) -> None:
    """Remove codes, recovery codes and passkeys of the user NAME, who has lost them.

    Ends their sessions.
    """
    with open_database(Settings.load()) as database:
        with database.transaction() as connection:
            second_factor.reset(connection, name)
            access.end_sessions(connection, name.casefold())
        note(database, "user.second_factor_removed", user=name.casefold())
    echo(
        "{name} signs in with the password alone, until they add a new second factor.",
        name=name.casefold(),
    )


@users.command()
@click.argument("name")
@click.option("--user", default="", help="Owner; the token ends when this user is removed.")
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
        raise click.UsageError(say("Give the owner of the token: --user NAME."))
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
        note(database, "token.removed" if gone else "token.added", token=name, role=role)
    if gone:
        echo("The token {name} is revoked.", name=name)
        return
    echo(secret)
    never = Message("It does not expire.")
    until = Message("It expires {when}.", when=_when(expires)) if expires else never
    echo(
        "Send it as: Authorization: Bearer TOKEN. Role {role}. {until}",
        role=role,
        until=until,
        err=True,
    )


def _password(name: str, *, stdin: bool) -> str:
    """Return a password that is typed twice, or comes by a pipe."""
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt(
        say(
            "Password of {name}, at least {shortest_password} characters",
            name=name,
            shortest_password=accounts.SHORTEST_PASSWORD,
        ),
        hide_input=True,
        confirmation_prompt=True,
    )
    return asked


def _limits(texts: Sequence[str]) -> str:
    return "; ".join(texts) or say("no studies named")


def _ways(has: Factors) -> Message:
    """Return what a user of ours signs in with."""
    count = has.passkeys
    parts = (
        Message("password and code") if has.codes else "",
        Message("{count} passkey", "{count} passkeys", count=count) if count else "",
    )
    return Message.joined(", ", filter(None, parts)) if has else Message("password")


def _when(moment: datetime | None) -> str:
    return say("never") if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
