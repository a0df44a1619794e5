"""One's own account: sessions, the second factor, and showing again who one is."""

import re
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyotp
import pytest
from sqlalchemy import select

from hilum.records.accounts import Role
from hilum.records.sealed import SealingKey, SecretUnreadable
from hilum.records.tables import SESSION, USER
from hilum.web.account import browser_of
from hilum.web.context import WebContext
from web_context import (
    PASSWORD,
    Page,
    add_token,
    add_user,
    csrf_in,
    held_off,
    open_page,
    open_web_context,
    trail,
)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"


def sign_in(client: httpx.Client, **form: str) -> httpx.Response:
    """Fill in the form and send it."""
    csrf = csrf_in(client.get("/login").text)
    return client.post("/login", data={"csrf": csrf, "name": "ana", "password": PASSWORD} | form)


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    """Send a form of the account's page."""
    return client.post(path, data={"csrf": csrf_in(client.get("/account").text)} | form)


@pytest.fixture
def ana(page: Page, web: WebContext) -> httpx.Client:
    """Return the browser of an operator who has signed in with a password."""
    add_user(web, "ana", Role.OPERATOR, PASSWORD)
    client = page.browser()
    client.headers["user-agent"] = FIREFOX
    assert 303 == sign_in(client).status_code
    return client


def let_time_pass(web: WebContext, **columns: timedelta) -> None:
    """Make all sessions older."""
    with web.database.transaction() as connection:
        old = {name: datetime.now(UTC) - age for name, age in columns.items()}
        connection.execute(SESSION.update().values(old))


def with_factor(client: httpx.Client) -> tuple[pyotp.TOTP, list[str], str]:
    """Add a second factor; return the app, the recovery codes, and the code that was used."""
    offered = client.get("/account/second-factor").text
    found = re.search(r'name="secret" value="([A-Z2-7]{32})"', offered)
    assert found
    app = pyotp.TOTP(found[1])
    used = app.now()
    made = post(client, "/account/second-factor", secret=found[1], code=used)
    assert 200 == made.status_code
    return app, re.findall(r"<li><code>([a-z2-7-]{29})</code>", made.text), used


def next_code(app: pyotp.TOTP) -> str:
    """Return the code of the next half minute, which a fast clock shows already."""
    return app.at(int(time.time()) + 30)


def test_sessions_are_listed_and_ended_one_by_one(page: Page, ana: httpx.Client):
    """With where and in what they began."""
    other = page.browser()
    other.headers["user-agent"] = EDGE
    sign_in(other)
    text = ana.get("/account").text
    found = re.search(r'name="session" value="([0-9a-f]{64})"', text)
    assert found
    ended = post(ana, "/account/sessions/end", session=found[1])

    assert "Firefox, Linux" in text
    assert "Edge, Windows" in text
    assert "127.0.0.1" in text
    assert "this browser" in text
    assert 303 == ended.status_code
    assert 303 == other.get("/account").status_code
    assert 200 == ana.get("/account").status_code


def test_all_other_sessions_end_at_once(page: Page, web: WebContext, ana: httpx.Client):
    """And nobody else's."""
    others = [page.signed_in(Role.OPERATOR, "ana") for _ in range(2)]
    ben = page.signed_in(Role.VIEWER, "ben")
    post(ana, "/account/sessions/end")

    assert [303, 303] == [each.get("/account").status_code for each in others]
    assert [200, 200] == [each.get("/account").status_code for each in (ana, ben)]
    assert ("ana", "user.sessions_ended") in trail(web)


def test_nobody_ends_the_session_of_another(page: Page, ana: httpx.Client):
    """Even with its key."""
    ben = page.signed_in(Role.VIEWER, "ben")
    page.signed_in(Role.VIEWER, "ben")
    found = re.search(r'name="session" value="([0-9a-f]{64})"', ben.get("/account").text)
    assert found
    post(ana, "/account/sessions/end", session=found[1])

    assert found[1] in ben.get("/account").text


@pytest.mark.parametrize(
    ("agent", "shown"),
    [(FIREFOX, "Firefox, Linux"), (EDGE, "Edge, Windows"), ("", ""), ("curl/8", "curl"), ("x", "")],
)
def test_browsers_are_named(agent: str, shown: str):
    """As people know them."""
    assert shown == browser_of(agent)


def test_users_are_changed_by_who_has_just_said_who_they_are(web: WebContext, ana: httpx.Client):
    """A quarter of an hour later the password is asked for again, and leads back."""
    form = {"csrf": csrf_in(ana.get("/users").text), "name": "x", "role": "operator"}
    let_time_pass(web, confirmed=timedelta(minutes=16))
    asked = ana.get("/users")
    refused = ana.post("/users/tokens", data=form)
    csrf = csrf_in(ana.get("/confirm?next=/users").text)
    wrong = ana.post("/confirm", data={"csrf": csrf, "present": "wrong", "next": "/users"})
    right = ana.post("/confirm", data={"csrf": csrf, "present": PASSWORD, "next": "/users"})

    assert (303, "/confirm?next=/users") == (asked.status_code, asked.headers["location"])
    assert (303, "/confirm?next=/users") == (refused.status_code, refused.headers["location"])
    assert (401, True) == (wrong.status_code, "The current password is wrong." in wrong.text)
    assert (303, "/users") == (right.status_code, right.headers["location"])
    assert 200 == ana.get("/users").status_code
    assert "token.added" not in dict(trail(web)).values()


def test_a_second_factor_is_asked_for_at_each_sign_in(
    page: Page, web: WebContext, ana: httpx.Client
):
    """The password alone is not enough any more, nor is a code that was used."""
    elsewhere = page.signed_in(Role.OPERATOR, "ana")
    app, _, used = with_factor(ana)
    client = page.browser()

    assert 303 == elsewhere.get("/account").status_code
    assert "enter the code" in sign_in(client).text
    assert 401 == sign_in(client, code="000000").status_code
    assert 401 == sign_in(client, code=used).status_code
    assert 401 == sign_in(client, code=next_code(app), password="wrong").status_code  # noqa: S106
    assert 303 == sign_in(client, code=next_code(app)).status_code
    assert 401 == sign_in(page.browser(), code=next_code(app)).status_code
    assert ("ana", "user.code_refused") in trail(web)


def test_each_recovery_code_signs_in_once(page: Page, web: WebContext, ana: httpx.Client):
    """However it is typed; the database does not know it."""
    _, codes, _ = with_factor(ana)

    assert 10 == len(set(codes))
    assert 303 == sign_in(page.browser(), code=codes[0]).status_code
    assert 401 == sign_in(page.browser(), code=codes[0]).status_code
    assert 303 == sign_in(page.browser(), code=codes[1].upper().replace("-", " ")).status_code
    kept = (web.settings.data_folder / "hilum.sqlite").read_bytes()
    assert codes[2].replace("-", "").encode() not in kept


def test_the_database_alone_does_not_show_codes(web: WebContext, ana: httpx.Client, tmp_path: Path):
    """The secret lies in it encrypted, its key in a file of the owner's alone."""
    app, *_ = with_factor(ana)
    key = tmp_path / "second-factor-key"
    with web.database.look() as connection:
        kept = connection.scalar(select(USER.c.totp).where(USER.c.name == "ana"))
    files = [file for file in tmp_path.glob("hilum.sqlite*") if file.is_file()]

    assert files
    assert kept
    assert all(app.secret.encode() not in file.read_bytes() for file in files)
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert app.secret == SealingKey(key).open(kept, "ana")
    with pytest.raises(SecretUnreadable):  # nobody passes off theirs as another's
        SealingKey(key).open(kept, "ben")


@pytest.mark.parametrize("damage", [Path.unlink, lambda key: key.write_text("no key")])
def test_codes_without_their_key_are_refused_with_what_to_do(
    page: Page, ana: httpx.Client, tmp_path: Path, damage: Callable[[Path], object]
):
    """The password alone stays too little, and a recovery code does."""
    app, codes, _ = with_factor(ana)
    damage(tmp_path / "second-factor-key")
    answer = sign_in(page.browser(), code=next_code(app))

    assert 401 == answer.status_code
    assert "their key is missing or is another one" in answer.text
    assert "hilum users reset" in answer.text
    assert 401 == sign_in(page.browser()).status_code
    assert 303 == sign_in(page.browser(), code=codes[0]).status_code


def test_with_another_key_only_new_apps_count(page: Page, ana: httpx.Client, tmp_path: Path):
    """Who adds one after the loss signs in; nobody else's is guessed at."""
    app, codes, used = with_factor(ana)
    (tmp_path / "second-factor-key").unlink()
    post(ana, "/account/second-factor/off")
    new, *_ = with_factor(ana)

    assert app.secret != new.secret
    assert used
    assert 401 == sign_in(page.browser(), code=codes[0]).status_code
    assert 303 == sign_in(page.browser(), code=next_code(new)).status_code


def test_recovery_codes_are_replaced(page: Page, web: WebContext, ana: httpx.Client):
    """The old ones open nothing any more; who has no second factor gets none."""
    before = post(ana, "/account/recovery")
    _, codes, _ = with_factor(ana)
    renewed = post(ana, "/account/recovery").text
    new = re.findall(r"<li><code>([a-z2-7-]{29})</code>", renewed)

    assert 303 == before.status_code
    assert not set(codes) & set(new)
    assert "10 recovery codes left" in ana.get("/account").text
    assert 401 == sign_in(page.browser(), code=codes[0]).status_code
    assert 303 == sign_in(page.browser(), code=new[0]).status_code
    assert "9 recovery codes left" in ana.get("/account").text
    assert ("ana", "user.recovery_codes_renewed") in trail(web)


def test_codes_are_not_guessed(page: Page, ana: httpx.Client):
    """They are counted with the passwords."""
    with_factor(ana)
    client = page.browser()
    statuses = [sign_in(client, code=f"{each:06}").status_code for each in range(5)]

    assert [401] * 5 == statuses
    assert held_off(lambda: sign_in(client, code="000000"))


def test_a_wrong_code_adds_no_second_factor(page: Page, ana: httpx.Client):
    """Nor does a secret that is none; nobody is locked out by a slip."""
    secret = pyotp.random_base32()
    answers = [
        post(ana, "/account/second-factor", secret=each, code=code)
        for each, code in ((secret, "000000"), (secret, ""), ("!", "000000"), ("", ""))
    ]

    assert [422] * 4 == [answer.status_code for answer in answers]
    assert 303 == sign_in(page.browser()).status_code


def test_a_second_factor_is_removed_by_who_has_just_shown_it(
    page: Page, web: WebContext, ana: httpx.Client
):
    """An old session needs password and code first."""
    app, *_ = with_factor(ana)
    let_time_pass(web, confirmed=timedelta(minutes=16))
    refused = post(ana, "/account/second-factor/off")
    csrf = csrf_in(ana.get("/confirm").text)
    half = ana.post("/confirm", data={"csrf": csrf, "present": PASSWORD})
    whole = ana.post("/confirm", data={"csrf": csrf, "present": PASSWORD, "code": next_code(app)})
    removed = post(ana, "/account/second-factor/off")

    assert "/confirm?next=/account" == refused.headers["location"]
    assert [401, 303, 303] == [half.status_code, whole.status_code, removed.status_code]
    assert 303 == sign_in(page.browser()).status_code
    assert ("ana", "user.second_factor_removed") in trail(web)


def test_everybody_adds_a_second_factor_where_it_is_asked_for(tmp_path: Path):
    """Nothing else is open before; programs have their tokens."""
    with open_web_context(tmp_path, page={"second_factor": True}) as web, open_page(web) as page:
        client = page.signed_in(Role.VIEWER)
        first = client.get("/")
        refused = client.get("/api/v1/models", headers={"accept": "application/json"})
        with_factor(client)
        token = {"authorization": f"Bearer {add_token(web, 'ris', Role.VIEWER)}"}

        assert (303, "/account/second-factor") == (first.status_code, first.headers["location"])
        assert 403 == refused.status_code
        assert 200 == client.get("/").status_code
        assert 200 == page.browser().get("/api/v1/models", headers=token).status_code


def test_confirming_begins_a_new_session(ana: httpx.Client, page: Page):
    """The cookie of before is worth nothing."""
    before = dict(ana.cookies)
    csrf = csrf_in(ana.get("/confirm").text)
    ana.post("/confirm", data={"csrf": csrf, "present": PASSWORD})
    thief = page.browser()
    thief.cookies.update(before)

    assert 303 == thief.get("/account").status_code
    assert 200 == ana.get("/account").status_code


def test_an_operator_signs_somebody_out(page: Page, ana: httpx.Client):
    """Everywhere, at once."""
    ben = page.signed_in(Role.VIEWER, "ben")
    csrf = csrf_in(ana.get("/users").text)
    ana.post("/users/sign-out", data={"csrf": csrf, "name": "ben"})

    assert 303 == ben.get("/account").status_code
    assert 200 == ana.get("/account").status_code


def test_a_user_of_a_provider_has_sessions_and_no_factor_here(page: Page, web: WebContext):
    """The provider asks for its own, and confirms them again."""
    client = page.signed_in(Role.OPERATOR)
    with web.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE user_account SET subject = 'x|1'")
    let_time_pass(web, confirmed=timedelta(minutes=16))
    text = client.get("/account").text

    assert "this browser" in text
    assert "second-factor" not in text
    assert "/login/oidc?next=/users" in client.get("/confirm?next=/users").text
    assert 401 == client.post("/confirm", data={"csrf": csrf_in(text), "present": ""}).status_code
