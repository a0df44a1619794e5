"""Languages are those whose catalogues are there; a visitor and a terminal each get theirs."""

import copy
from datetime import UTC, datetime

import pytest

from hilum.language import ENGLISH, LANGUAGES, Language, Message, accepted, of_environment
from hilum.language.message import packed, unpacked
from hilum.settings import ReportSettings
from messages import CATALOGUES, PORTUGUESE

NOW = datetime(2026, 11, 22, 17, tzinfo=UTC)


def test_the_languages_are_those_of_the_folder():
    """English, which is in the code, and one for each catalogue."""
    assert ("en", *(path.stem.replace("_", "-") for path in CATALOGUES)) == LANGUAGES


@pytest.mark.parametrize("tag", ["pt", "pt_BR", "pt-br", "pt-PT", "pt_BR.UTF-8", "pt-BR"])
def test_a_tag_is_understood_in_every_spelling(tag: str):
    """As settings, browsers and terminals write it."""
    assert PORTUGUESE == ReportSettings(language=tag).language


def test_a_language_without_a_catalogue_is_refused():
    """With the names of those that there are."""
    with pytest.raises(ValueError, match=r"speaks en, .*pt-BR, not de"):
        ReportSettings(language="de")


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        (None, "", ENGLISH),
        (None, "de,fr;q=0.5", ENGLISH),
        (None, "pt-BR,pt;q=0.9,en;q=0.8", PORTUGUESE),
        (None, "pt-PT", PORTUGUESE),
        (None, "pt", PORTUGUESE),
        (None, "en;q=0.4, pt;q=0.6", PORTUGUESE),
        (None, "pt;q=0.4, en-GB;q=0.6", ENGLISH),
        (None, "pt;q=x", PORTUGUESE),
        (None, ",;;q=", ENGLISH),
        ("en", "pt-BR", ENGLISH),
        ("pt-BR", "en", PORTUGUESE),
        ("xx", "pt-BR", PORTUGUESE),
    ],
)
def test_the_users_choice_goes_before_the_browsers(
    cookie: str | None, header: str, language: Language
):
    """And a browser that says nonsense is answered in English."""
    assert language == accepted(cookie, header)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, ENGLISH),
        ({"LANG": "pt_BR.UTF-8"}, PORTUGUESE),
        ({"LANG": "C"}, ENGLISH),
        ({"LANG": "POSIX", "LC_ALL": "pt_BR"}, PORTUGUESE),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C.UTF-8"}, ENGLISH),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:pt_BR:en"}, PORTUGUESE),
        ({"LANG": "pt_BR@euro", "LANGUAGE": ""}, PORTUGUESE),
        ({"LANG": "\udcff"}, ENGLISH),
    ],
)
def test_a_terminal_is_answered_in_its_language(environment: dict[str, str], language: Language):
    """By the variables of gettext, in its order."""
    assert language == of_environment(environment)


def test_numbers_and_dates_are_written_as_the_language_does():
    """Commas, points and the order of a date."""
    when = datetime(2026, 11, 22, 15, tzinfo=UTC)

    assert ("1,234.5", "1.234,5") == (ENGLISH.number(1234.5, 1), PORTUGUESE.number(1234.5, 1))
    assert ("2.6 GB", "2,6 GB") == (ENGLISH.size(2.6e9), PORTUGUESE.size(2.6e9))
    assert "Nov 22, 2026" == ENGLISH.day(when)
    assert PORTUGUESE.day(when).startswith("22 de nov")
    assert "há 2 horas" == PORTUGUESE.ago(when, NOW)
    assert "Português" == PORTUGUESE.own_name


def test_a_message_reads_as_english_and_is_said_in_any_language():
    """Its values and the messages among them are in the language of the whole."""
    message = Message(
        "the pixels, in {syntax}, cannot be decoded: {why}",
        syntax="RLE",
        why=Message("they are in {count:,} fragments, more than {limit:,}", count=12345, limit=99),
    )

    assert message.endswith("they are in 12,345 fragments, more than 99")
    assert PORTUGUESE.say(message).endswith("há 12.345 fragmentos, acima do limite de 99")
    assert message == ENGLISH.say(PORTUGUESE.say(message))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_is_counted_has_its_plural(count: int):
    """One is one; Portuguese counts none as one."""
    message = Message("{count} thing", "{count} things", count=count)

    assert f"{count} thing{'' if count == 1 else 's'}" == message


@pytest.mark.parametrize("keep", [lambda m: unpacked(packed(m)), copy.copy])
def test_a_message_is_kept_whole(keep):
    """By the database and between processes."""
    inner = Message("they are in {count:,} fragments, more than {limit:,}", count=12345, limit=99)
    kept = keep(Message("the palette cannot be applied: {why}", why=inner))

    assert PORTUGUESE.say(kept) == (
        "a paleta não pode ser aplicada: há 12.345 fragmentos, acima do limite de 99"
    )


def test_text_with_braces_is_only_text():
    """What came from outside is never taken for a template."""
    assert "{0} {x" == PORTUGUESE.say(Message("{0} {x"))
    assert "is {y}" == Message("is {x}", x="{y}")


def test_a_clause_is_a_sentence_without_its_full_stop():
    """In every language."""
    clause = Message.clause(Message("MONOCHROME1, small values are bright: inverted."))

    assert "MONOCHROME1, small values are bright: inverted" == clause
    assert "MONOCHROME1, valores pequenos são claros: invertida" == PORTUGUESE.say(clause)
