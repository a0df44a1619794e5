"""English and Portuguese: nothing is left in the wrong language, and the choice is kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.checkers import python_format
from babel.messages.pofile import read_po

from hilum.records.accounts import Role
from hilum.web.i18n import Language, Localizer, chosen, translations
from messages import CATALOGUES, said_by_code, said_by_templates, written
from web_context import Page

IDS = [path.stem for path in CATALOGUES]


def test_every_message_is_translated():
    """Of every template and every marked text of the code."""
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for path in CATALOGUES
        for message in written(path)
    }
    said = [*said_by_templates(), *said_by_code()]
    missing = {message: place for place, message in said if message not in known}

    assert {} == missing
    assert len(said) > 100


@pytest.mark.parametrize("path", CATALOGUES, ids=IDS)
def test_no_translation_is_empty_doubtful_or_breaks_its_values(path: Path):
    """Each has the values of the English text, in the same spelling."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    for message in written(path):
        texts = [message.string] if isinstance(message.string, str) else message.string
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        python_format(catalogue, message)


@pytest.mark.parametrize("path", CATALOGUES, ids=IDS)
def test_no_translation_is_left_over(path: Path):
    """What nobody says any more is taken out."""
    said = {message for _, message in [*said_by_templates(), *said_by_code()]}
    said |= {message[0] for message in said if isinstance(message, tuple)}
    left = [m.id for m in written(path) if m.id not in said and tuple(m.id) not in said]

    assert [] == left


def test_the_same_words_are_translated_the_same():
    """By whichever part of the page they are said."""
    seen: dict[str, str] = {}
    for path in CATALOGUES:
        for message in written(path):
            assert seen.setdefault(str(message.id), str(message.string)) == str(message.string)


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", Language.ENGLISH),
        (None, "de,fr;q=0.5", Language.ENGLISH),
        (None, "pt-BR,pt;q=0.9,en;q=0.8", Language.PORTUGUESE),
        (None, "pt-PT", Language.PORTUGUESE),
        (None, "pt", Language.PORTUGUESE),
        (None, "en;q=0.4, pt;q=0.6", Language.PORTUGUESE),
        (None, "pt;q=0.4, en-GB;q=0.6", Language.ENGLISH),
        (None, "pt;q=x", Language.PORTUGUESE),
        (None, ",;;q=", Language.ENGLISH),
        ("en", "pt-BR", Language.ENGLISH),
        ("pt-BR", "en", Language.PORTUGUESE),
        ("xx", "pt-BR", Language.PORTUGUESE),
    ],
)
def test_the_users_choice_goes_before_the_browsers(
    cookie: str | None, accepted: str, language: Language
):
    """And a browser that says nonsense is answered in English."""
    assert language is chosen(cookie, accepted)


def test_numbers_and_dates_are_written_as_the_language_does():
    """Commas, points and the order of a date."""
    when = datetime(2026, 11, 22, 15, tzinfo=UTC)
    english, portuguese = Localizer(Language.ENGLISH), Localizer(Language.PORTUGUESE)

    assert ("1,234.5", "1.234,5") == (english.number(1234.5, 1), portuguese.number(1234.5, 1))
    assert ("2.6 GB", "2,6 GB") == (english.size(2.6e9), portuguese.size(2.6e9))
    assert "Nov 22, 2026" == english.day(when)
    assert portuguese.day(when).startswith("22 de nov")
    assert "há 2 horas" == portuguese.ago(when, datetime(2026, 11, 22, 17, tzinfo=UTC))


def test_portuguese_pages_speak_portuguese(page: Page):
    """Also their refusals."""
    client = page.signed_in(Role.VIEWER, language="pt-BR")

    assert "Imagens por hora" in client.get("/operations").text
    assert "Sua função não permite isso." in client.get("/users").text
    assert "Usuário" in page.browser("pt-BR").get("/login").text


def test_plurals_are_those_of_the_language():
    """One is one, two are two."""
    said = translations(Language.PORTUGUESE).ngettext
    one, many = "%(count)s day", "%(count)s days"

    assert ["%(count)s dia", "%(count)s dias"] == [said(one, many, 1), said(one, many, 2)]
