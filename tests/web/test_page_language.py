"""The page speaks the visitor's language."""

from hilum.language.language import translations
from hilum.records.accounts import Role
from messages import PORTUGUESE
from web_context import Page


def test_portuguese_pages_speak_portuguese(page: Page):
    """Also their refusals."""
    client = page.signed_in(Role.VIEWER, language="pt-BR")

    assert "Imagens por hora" in client.get("/operations").text
    assert "Sua função não permite isso." in client.get("/users").text
    assert "Usuário" in page.browser("pt-BR").get("/login").text


def test_plurals_are_those_of_the_language():
    """One is one, two are two."""
    said = translations(PORTUGUESE).ngettext
    one, many = "%(count)s day", "%(count)s days"

    assert ["%(count)s dia", "%(count)s dias"] == [said(one, many, 1), said(one, many, 2)]
