"""Signing in with a password, and everything that must not let anybody in."""

from datetime import UTC, datetime, timedelta

import pytest
from httpx import Client, Response

from hilum.records.accounts import Role
from hilum.records.tables import LOGIN_ATTEMPT, SESSION, USER
from hilum.web.context import WebContext
from hilum.web.first_user import ensure_user
from hilum.web.login import safe_next
from web_context import PASSWORD, Page, add_user, csrf_in, held_off, token_of, trail

SESSION_COOKIE = "hilum_session"


def sign_in(client: Client, name: str, password: str = PASSWORD, **more: str) -> Response:
    """Fill in the form and send it."""
    form = {"csrf": csrf_in(client.get("/login").text), "name": name, "password": password}
    return client.post("/login", data=form | more)


@pytest.fixture
def ana(web: WebContext) -> str:
    """Return the name of somebody with a password."""
    add_user(web, "ana", Role.READER, PASSWORD)
    return "ana"


def test_the_right_password_signs_in(web: WebContext, anybody: Client, ana: str):
    """And leads back to what was asked for first; names are not case-sensitive."""
    answer = sign_in(anybody, ana.upper(), next="/operations?x=1")

    assert (303, "/operations?x=1") == (answer.status_code, answer.headers["location"])
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert ("ana", "user.signed_in") in trail(web)


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_wrong_and_unknown_look_the_same(
    web: WebContext, anybody: Client, ana: str, name: str, password: str
):
    """Who has an account is nobody's business; what was typed as a name is kept nowhere."""
    answer = sign_in(anybody, name, password)

    assert 401 == answer.status_code
    assert "User name or password is wrong." in answer.text
    assert SESSION_COOKIE not in anybody.cookies
    assert trail(web) == [(ana if name == ana else "nobody", "user.sign_in_failed")]


def test_an_unknown_user_is_looked_at_as_long(anybody: Client, monkeypatch: pytest.MonkeyPatch):
    """A hash is verified for nobody, too."""
    looked_at = []
    monkeypatch.setattr(
        "argon2.PasswordHasher.verify", lambda _, kept, __: looked_at.append(kept) or True
    )

    assert 401 == sign_in(anybody, "nobody").status_code
    assert 1 == len(looked_at)
    assert looked_at[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_failures_are_limited_and_forgotten(web: WebContext, page: Page, ana: str):
    """After five wrong ones the right one has to wait, a minute at most."""
    client = page.browser()
    assert [401] * 5 == [sign_in(client, ana, "wrong").status_code for _ in range(5)]

    waits = held_off(lambda: sign_in(client, ana, "wrong"))
    with web.database.transaction() as connection:
        old = datetime.now(UTC) - timedelta(seconds=65)
        connection.execute(LOGIN_ATTEMPT.update().values(at=old))

    assert 64 >= int(waits.headers["retry-after"]) > 0
    assert f"Wait {waits.headers['retry-after']} s," in waits.text
    assert 303 == sign_in(client, ana).status_code


def test_other_users_of_an_address_are_limited_later(page: Page, ana: str):
    """One address may not try names without end, but one failing colleague blocks nobody."""
    client = page.browser()
    for each in range(19):
        assert 401 == sign_in(client, f"name{each}", "wrong").status_code
    assert 303 == sign_in(page.browser(), ana).status_code
    assert 401 == sign_in(client, "name19", "wrong").status_code
    assert held_off(lambda: sign_in(client, "name20", "wrong"))


def test_who_has_signed_in_here_before_is_let_in(page: Page, ana: str):
    """Whatever strangers at the same address do meanwhile."""
    client = page.browser()
    sign_in(client, ana)
    client.cookies.delete(SESSION_COOKIE)
    for each in range(25):
        sign_in(page.browser(), ana if each < 5 else f"name{each}", "wrong")

    assert held_off(lambda: sign_in(page.browser(), ana, "wrong"))
    assert 303 == sign_in(client, ana).status_code


def test_a_new_session_at_every_sign_in(web: WebContext, anybody: Client, ana: str):
    """A cookie that somebody planted, or had before, is worth nothing afterwards."""
    anybody.cookies.set(SESSION_COOKIE, "planted")
    sign_in(anybody, ana)
    first = anybody.cookies.get(SESSION_COOKIE, domain="127.0.0.1")
    anybody.cookies.delete(SESSION_COOKIE)
    with web.database.look() as connection:
        kept = connection.execute(SESSION.select()).all()

    assert first not in {None, "planted"}
    assert 1 == len(kept)
    assert first not in str(kept)


def test_signing_out_ends_the_session_itself(web: WebContext, page: Page):
    """The cookie is worth nothing then, even where somebody kept it."""
    client = page.signed_in(Role.VIEWER)
    kept = client.cookies[SESSION_COOKIE]

    answer = client.post("/logout", data={"csrf": token_of(client, "/account")})

    assert (303, "/login") == (answer.status_code, answer.headers["location"])
    assert (
        303
        == page.browser()
        .get("/account", headers={"cookie": f"{SESSION_COOKIE}={kept}"})
        .status_code
    )
    assert ("some.viewer", "user.signed_out") in trail(web)


@pytest.mark.parametrize(("column", "age"), [("seen", 2), ("began", 12)], ids=["idle", "longest"])
def test_a_session_ends_by_itself(web: WebContext, page: Page, column: str, age: int):
    """Without a request for two hours, and after twelve whatever is done."""
    client = page.signed_in(Role.VIEWER)
    assert 200 == client.get("/account").status_code
    with web.database.transaction() as connection:
        old = datetime.now(UTC) - timedelta(hours=age, seconds=1)
        connection.execute(SESSION.update().values({column: old}))

    answer = client.get("/account")

    assert (303, "/login?next=/account") == (answer.status_code, answer.headers["location"])


def test_a_removed_user_is_out_at_once(web: WebContext, page: Page):
    """Not when the session ends."""
    client = page.signed_in(Role.VIEWER)
    with web.database.transaction() as connection:
        connection.execute(USER.delete())

    assert 303 == client.get("/account").status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_sign_nobody_in(anybody: Client, ana: str, headers: dict[str, str]):
    """Not even with the right token."""
    form = {"csrf": csrf_in(anybody.get("/login").text), "name": ana, "password": PASSWORD}

    assert 403 == anybody.post("/login", data=form, headers=headers).status_code


@pytest.mark.parametrize("csrf", ["", "guessed"])
def test_a_form_without_its_token_does_nothing(page: Page, ana: str, csrf: str):
    """Signed in or not."""
    form = {"csrf": csrf, "name": ana, "password": PASSWORD}
    client = page.signed_in(Role.VIEWER)

    assert 403 == page.browser().post("/login", data=form).status_code
    assert 403 == client.post("/logout", data=form).status_code
    assert 403 == client.post("/logout", headers={"x-csrf-token": csrf}).status_code


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/studies/1.2?x=y", "/studies/1.2?x=y"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/logout", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(asked: str, given: str):
    """An address with another site in it leads to the worklist."""
    assert given == safe_next(asked)


def test_language_and_theme_are_chosen_by_browser_then_by_user(page: Page):
    """Dark and the browser's language at first; what was chosen stays."""
    client = page.browser("pt-PT,pt;q=0.9,en;q=0.1")
    first = client.get("/login").text
    form = {"csrf": csrf_in(first), "language": "en", "theme": "light", "next": "/login"}
    client.post("/look", data=form)

    assert '<html lang="pt-BR" data-theme="dark">' in first
    assert '<html lang="en" data-theme="light">' in client.get("/login").text


def test_the_first_time_it_is_said_where_the_password_is(page: Page, web: WebContext):
    """Until somebody has signed in with it."""
    hint = "Its password is in the file that was named when hilum started."
    assert hint not in page.browser().get("/login").text
    file = ensure_user(web.database, web.settings.data_folder)
    assert file is not None
    client = page.browser()
    assert hint in client.get("/login").text
    assert file.name not in client.get("/login").text

    assert 303 == sign_in(client, "admin", file.read_text().strip()).status_code
    assert hint not in page.browser().get("/login").text


def test_who_is_held_off_fills_no_disk(page: Page, web: WebContext, ana: str):
    """One line of the trail tells of any number of tries."""
    client = page.browser()
    for _ in range(4):
        held_off(lambda: sign_in(client, ana, "wrong"))

    assert [("nobody", "user.held_off")] == [each for each in trail(web) if each[0] != ana]
