"""Operators look after users and tokens, and cannot lock everybody out."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx import Client, Response

from hilum.records import access, accounts
from hilum.records.accounts import Role
from hilum.web.context import WebContext
from web_context import (
    PASSWORD,
    Page,
    add_user,
    csrf_in,
    held_off,
    open_page,
    open_web_context,
    trail,
)


@pytest.fixture
def operator(page: Page) -> Client:
    """Return an operator's browser."""
    return page.signed_in(Role.OPERATOR, "olga")


def post(client: Client, path: str, **form: str) -> Response:
    """Send a form of the page."""
    return client.post(path, data={"csrf": csrf_in(client.get("/users").text)} | form)


def roles(web: WebContext) -> dict[str, Role]:
    """Return who may do what."""
    with web.database.look() as connection:
        return {user.name: user.role for user in accounts.users(connection)}


def test_a_new_user_signs_in_with_the_first_password(page: Page, web: WebContext, operator: Client):
    """And may do what the role says."""
    added = post(operator, "/users", name="Ana", role="reader", password=PASSWORD)
    ana = page.browser()
    csrf = csrf_in(ana.get("/login").text)
    ana.post("/login", data={"csrf": csrf, "name": "ana", "password": PASSWORD})

    assert 303 == added.status_code
    assert Role.READER == roles(web)["ana"]
    assert 200 == ana.get("/files").status_code
    assert ("olga", "user.added") in trail(web)


def test_a_changed_role_counts_at_once(page: Page, web: WebContext, operator: Client):
    """In sessions that are open."""
    ben = page.signed_in(Role.READER, "ben")
    assert 200 == ben.get("/files").status_code

    post(operator, "/users/role", name="ben", role="viewer")

    assert 403 == ben.get("/files").status_code
    assert ("olga", "user.role_changed") in trail(web)


def test_a_removed_user_is_gone_at_once(page: Page, web: WebContext, operator: Client):
    """With all sessions."""
    ben = page.signed_in(Role.READER, "ben")

    post(operator, "/users/remove", name="ben")

    assert {"olga": Role.OPERATOR} == roles(web)
    assert 303 == ben.get("/files").status_code


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("/users", {"name": "olga", "password": PASSWORD}, "There is a user olga already."),
        ("/users", {"name": "a b", "password": PASSWORD}, "cannot be a user&#39;s name"),
        ("/users", {"name": "ana", "password": "short"}, "12 to 1024 characters"),
        ("/users/remove", {"name": "olga"}, "You cannot change or remove your own account"),
        ("/users/role", {"name": "olga", "role": "viewer"}, "You cannot change or remove"),
        ("/users/role", {"name": "nobody", "role": "viewer"}, "There is no user nobody."),
        ("/users/tokens", {"name": "<b>"}, "cannot be a token&#39;s name"),
        ("/users/tokens/remove", {"name": "none"}, "There is no token none."),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    web: WebContext, operator: Client, path: str, form: dict[str, str], said: str
):
    """On the page, in words."""
    answer = post(operator, path, **form)

    assert 409 == answer.status_code
    assert said in answer.text
    assert {"olga": Role.OPERATOR} == roles(web)
    assert [] == trail(web)


def test_a_token_is_shown_once_and_opens_the_api(page: Page, web: WebContext, operator: Client):
    """Until it is removed."""
    made = post(operator, "/users/tokens", name="ris", role="viewer", days="30")
    found = re.search(r"<code class=\"token\">(hilum_[\w-]{43})</code>", made.text)
    assert found
    ask = {"authorization": f"Bearer {found[1]}"}
    with web.database.look() as connection:
        token = access.list_tokens(connection)[0]

    assert token.expires is not None
    assert 30 == (token.expires - token.created).days
    assert found[1] not in operator.get("/users").text
    assert 200 == page.browser().get("/api/v1/models", headers=ask).status_code
    post(operator, "/users/tokens/remove", name="ris")
    assert 401 == page.browser().get("/api/v1/models", headers=ask).status_code


def test_the_own_password_is_changed_with_the_present_one(page: Page, web: WebContext):
    """Other sessions end; this browser gets a new one."""
    add_user(web, "ana", Role.VIEWER, PASSWORD)
    here, elsewhere = page.signed_in(Role.VIEWER, "ana"), page.signed_in(Role.VIEWER, "ana")
    new = PASSWORD[::-1]

    def change(**form: str) -> Response:
        csrf = csrf_in(here.get("/account").text)
        return here.post("/account", data={"csrf": csrf, "new": new, "again": new} | form)

    assert 422 == change(present="wrong").status_code
    assert 422 == change(present=PASSWORD, again="other").status_code
    assert 422 == change(present=PASSWORD, new="short", again="short").status_code
    weak = change(present=PASSWORD, new="Password123!", again="Password123!")
    assert (422, True) == (weak.status_code, "easy to guess" in weak.text)
    assert 200 == elsewhere.get("/account").status_code
    assert 303 == change(present=PASSWORD).status_code
    assert 303 == elsewhere.get("/account").status_code
    assert 200 == here.get("/account").status_code
    with web.database.look() as connection:
        assert accounts.is_password(accounts.password_hash(connection, "ana"), new)


def test_the_present_password_is_not_guessed_by_whoever_has_the_session(
    page: Page, web: WebContext
):
    """As at the sign-in, and each wrong one is in the audit trail."""
    add_user(web, "ana", Role.VIEWER, PASSWORD)
    client = page.signed_in(Role.VIEWER, "ana")
    form = {"csrf": csrf_in(client.get("/account").text), "new": "x", "again": "x"}
    answers = [
        client.post("/account", data=form | {"present": present}) for present in ["wrong"] * 5
    ]
    waits = held_off(lambda: client.post("/account", data=form | {"present": "wrong"}))

    assert [422] * 5 == [answer.status_code for answer in answers]
    assert "Too many sign-ins failed." in waits.text
    assert trail(web).count(("ana", "user.sign_in_failed")) >= 5


def test_a_user_of_a_provider_has_no_password_here(page: Page, web: WebContext):
    """Neither an old nor a new one."""
    with web.database.transaction() as connection:
        accounts.provider_user(connection, "x|1", "ana", Role.VIEWER, now=datetime.now(UTC))
    client = page.signed_in(Role.VIEWER, "ana")
    csrf = csrf_in(client.get("/operations").text)
    form = {"csrf": csrf, "present": "", "new": PASSWORD, "again": PASSWORD}

    assert 403 == client.post("/account", data=form).status_code
    assert "new-password" not in client.get("/account").text


def test_a_user_is_limited_to_some_studies(tmp_path: Path):
    """By an operator who is not limited; nobody limits themselves, and nothing unclear counts."""
    with open_web_context(tmp_path, page={"limit_studies": True}) as web, open_page(web) as page:
        olga = page.signed_in(Role.OPERATOR, "olga")
        page.signed_in(Role.VIEWER, "ben")
        post(olga, "/users/limits", name="ben", limits="institution=Hospital A; label=ICU")
        refused = post(olga, "/users/limits", name="ben", limits="hospital A")
        post(olga, "/users/limits", name="olga", limits="label=x")
        with web.database.look() as connection:
            found = {user.name: user.limits for user in accounts.users(connection)}

        assert {"ben": ("institution=hospital a", "label=icu"), "olga": ()} == found
        assert "limits nothing" in refused.text
        assert "institution=hospital a; label=icu" in olga.get("/users").text
        assert ("olga", "user.limits_changed") in trail(web)
