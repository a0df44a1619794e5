"""Sign-in by OpenID Connect, against a provider that signs for real and can lie."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from certificates import Authority
from hilum.errors import SettingInvalid
from hilum.records import accounts
from hilum.records.accounts import Role
from hilum.settings import Settings
from hilum.web.context import WebContext
from hilum.web.oidc import IdentityNotConfirmed, discover
from oidc_provider import CLIENT, SECRET, Provider, running_provider
from web_context import Page, add_user, open_web_context, trail

VOUCHED = {"groups": ["staff", "radiology"]}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Return a provider that knows Ana, of radiology."""
    with running_provider() as made:
        made.claims |= VOUCHED
        yield made


@pytest.fixture
def web(tmp_path: Path, provider: Provider) -> Iterator[WebContext]:
    """Return a web that trusts the provider."""
    settings = Settings(data_folder=tmp_path).changed(
        "oidc",
        issuer=provider.url,
        client_id=CLIENT,
        client_secret=SECRET,
        label="Hospital",
        roles=("radiology=reader", "it=operator", "a=b=viewer"),
    )
    with open_web_context(tmp_path, settings=settings) as made:
        yield made


def go(client: httpx.Client, after: str = "/account") -> httpx.Response:
    """Follow the link of the sign-in page to the provider and back; return our last answer."""
    begun = client.get("/login/oidc", params={"next": after})
    at_provider = httpx.get(begun.headers["location"])
    return client.get(at_provider.headers["location"])


def users(web: WebContext) -> list[tuple[str, Role, bool]]:
    """Return who is known here."""
    with web.database.look() as connection:
        return [(each.name, each.role, each.local) for each in accounts.users(connection)]


def test_the_provider_vouches_and_its_groups_give_the_role(page: Page, web: WebContext):
    """The user is made at the first sign-in, without a password, and comes back where they were."""
    client = page.browser()
    assert "Sign in with Hospital" in client.get("/login").text

    answer = go(client, "/account")

    assert (303, "/account") == (answer.status_code, answer.headers["location"])
    assert [("ana", Role.READER, False)] == users(web)
    assert 200 == client.get("/account").status_code
    assert ("ana", "user.signed_in") in trail(web)
    assert "hilum_oidc" not in client.cookies


def test_the_role_follows_the_provider_at_each_sign_in(
    page: Page, web: WebContext, provider: Provider
):
    """Upwards and downwards; the strongest role counts."""
    go(page.browser())
    provider.claims["groups"] = ["it", "radiology"]
    go(page.browser())

    assert [("ana", Role.OPERATOR, False)] == users(web)


def test_a_nested_claim_gives_the_role(page: Page, web: WebContext, provider: Provider):
    """As Keycloak does it."""
    provider.claims = {"email": "a@b.org", "realm": {"roles": "radiology"}}
    nested = web.settings.changed("oidc", role_claim="realm.roles")
    object.__setattr__(web, "settings", nested)

    assert 303 == go(page.browser()).status_code
    assert [("a@b.org", Role.READER, False)] == users(web)


def test_the_groups_limit_to_studies_at_each_sign_in(
    page: Page, web: WebContext, provider: Provider
):
    """What operators had set before counts no more; a group of no limits leaves none."""
    limits = ("staff=institution=Hospital A", "cn=icu,ou=x=label=ICU")
    object.__setattr__(web, "settings", web.settings.changed("oidc", limits=limits))
    for groups, expected in (
        (["staff", "radiology"], ("institution=hospital a",)),
        (["cn=icu,ou=x", "staff", "radiology"], ("institution=hospital a", "label=icu")),
        (["radiology"], ()),
    ):
        provider.claims |= {"groups": groups}
        go(page.browser())
        with web.database.look() as connection:
            user = accounts.find(connection, "ana")

        assert user is not None
        assert expected == user.limits


@pytest.mark.parametrize("text", ["staff", "staff=institution", "staff=institution= ", "a=b=c"])
def test_a_limit_that_says_nothing_is_an_error_of_the_settings(tmp_path: Path, text: str):
    """Not a surprise at the first sign-in."""
    with pytest.raises(SettingInvalid, match="limits"):
        Settings(data_folder=tmp_path).changed("oidc", limits=(text,))


@pytest.mark.parametrize("groups", [None, [], ["staff"], "radiologist", {"radiology": 1}, 7])
def test_without_a_role_nobody_gets_in(
    page: Page, web: WebContext, provider: Provider, groups: Any
):
    """And no user is made; only lists and texts name groups."""
    provider.claims["groups"] = groups
    answer = go(page.browser())

    assert answer.status_code in {401, 403}
    assert [] == users(web)


def lies() -> dict[str, dict[str, Any]]:
    """Return what an ID token may not say."""
    now = int(time.time())
    return {
        "issuer": {"iss": "https://elsewhere.example"},
        "audience": {"aud": "another"},
        "audiences": {"aud": ["another", "third"]},
        "party": {"aud": [CLIENT, "another"], "azp": "another"},
        "several without a party": {"aud": [CLIENT, "another"]},
        "nonce": {"nonce": "another"},
        "no nonce": {"nonce": None},
        "ended": {"exp": now - 3600},
        "no end": {"exp": None},
        "future": {"iat": now + 3600},
        "nobody": {"sub": None},
    }


@pytest.mark.parametrize("lie", lies())
def test_an_id_token_that_is_not_right_lets_nobody_in(
    page: Page, web: WebContext, provider: Provider, lie: str
):
    """Each of the points of OpenID Connect Core 3.1.3.7."""
    provider.lies = lies()[lie]
    answer = go(page.browser())

    assert 401 == answer.status_code
    assert "did not confirm your identity" in answer.text
    assert [] == users(web)
    assert [("nobody", "user.sign_in_failed")] == trail(web)


def test_another_key_or_no_signature_lets_nobody_in(
    page: Page, web: WebContext, provider: Provider
):
    """The key must be the provider's, and the algorithm one with a public key."""
    provider.published = RSAKey.generate_key(2048, {"kid": "one"})

    assert 401 == go(page.browser()).status_code
    assert [] == users(web)


def test_an_answer_belongs_to_the_browser_that_asked(page: Page, web: WebContext):
    """State and cookie: nobody is signed in as somebody else by a link, nor twice by one code."""
    ana, eve = page.browser(), page.browser()
    begun = ana.get("/login/oidc")
    back = httpx.get(begun.headers["location"]).headers["location"]
    eve.get("/login/oidc")

    assert 401 == eve.get(back).status_code
    assert 401 == page.browser().get(back).status_code
    cookies = dict(ana.cookies)
    assert 303 == ana.get(back).status_code
    ana.cookies.update(cookies)
    assert 401 == ana.get(back).status_code
    assert 1 == len(users(web))


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "x",
        base64.urlsafe_b64encode(b"[" * 200_000).decode()[:7000],
        base64.urlsafe_b64encode(json.dumps(["\ud800"] * 4).encode()).decode(),
        ".".join(["a" * 64] * 3) + ".%2F%2Fevil.example.org",
    ],
    ids=["empty", "text", "deep JSON", "surrogates", "another site"],
)
@pytest.mark.parametrize("state", ["", "a" * 64, "\ud800", "é"])
def test_a_planted_flow_signs_nobody_in(page: Page, cookie: str, state: str):
    """Nor is it a fault of ours."""
    query = "state=" + quote(state.encode("utf-8", "surrogatepass"))
    answer = page.browser().get(
        f"/login/oidc/callback?{query}&code=x", headers={"cookie": f"hilum_oidc={cookie}"}
    )

    assert answer.status_code in {401, 403}
    assert "evil" not in answer.text


def test_the_provider_is_asked_for_its_addresses_once(page: Page, provider: Provider):
    """However many people sign in."""
    for _ in range(5):
        assert 303 == page.browser().get("/login/oidc").status_code

    assert 1 == provider.discovered


def test_a_code_of_another_issuer_is_not_redeemed(page: Page, provider: Provider):
    """Mixed up answers end here (RFC 9207)."""
    client = page.browser()
    begun = client.get("/login/oidc")
    back = httpx.get(begun.headers["location"]).headers["location"]
    parts = urlsplit(back)
    mixed = parse_qs(parts.query) | {"iss": ["https://elsewhere.example"]}

    assert 401 == client.get(parts.path, params=mixed).status_code
    assert 1 == len(provider.codes)


def test_a_local_user_of_the_same_name_is_not_taken_over(page: Page, web: WebContext):
    """The provider vouches for its own users alone."""
    add_user(web, "ana", Role.OPERATOR)
    answer = go(page.browser())

    assert 403 == answer.status_code
    assert "Your user name belongs to someone else here." in answer.text
    assert [("ana", Role.OPERATOR, True)] == users(web)


def test_a_provider_that_is_away_is_said(page: Page, web: WebContext):
    """The sign-in page stays usable for local users."""
    gone = web.settings.changed("oidc", issuer="http://127.0.0.1:9")
    object.__setattr__(web, "settings", gone)
    answer = page.browser().get("/login/oidc")

    assert 502 == answer.status_code
    assert "does not respond" in answer.text
    assert 'name="password"' in answer.text


def test_a_provider_without_https_is_refused(web: WebContext):
    """Whoever is between could sign in as anybody."""
    with pytest.raises(SettingInvalid, match="https"):
        discover(web.settings.changed("oidc", issuer="http://sso.example.org").oidc)


def test_a_provider_is_known_by_an_authority_of_the_settings(tmp_path: Path):
    """The hospital's own, which signs for nobody outside; another's provider is not asked."""
    ours = Authority(tmp_path, "ours")
    other = Authority(tmp_path, "other")
    with running_provider(ours.sign("provider")) as provider:
        settings = Settings(data_folder=tmp_path).changed("oidc", issuer=provider.url)

        found = discover(settings.changed("oidc", ca_file=ours.file).oidc)
        assert provider.url == found.issuer
        with pytest.raises(IdentityNotConfirmed):
            discover(settings.changed("oidc", ca_file=other.file).oidc)


def test_a_role_that_does_not_exist_is_an_error_of_the_settings(tmp_path: Path):
    """Said at the start, not at the first sign-in."""
    with pytest.raises(SettingInvalid, match="it=admin"):
        Settings(data_folder=tmp_path).changed("oidc", roles=("it=admin",))
