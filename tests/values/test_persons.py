"""One Patient ID, one person or two: a table of pairs as hospitals have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hilum.values.persons import Person, Trait, differences, names_somebody

JANE = {
    "issuer": "A",
    "name": "Doe^Jane",
    "birth_date": "19600101",
    "sex": "F",
}


def person(**facts: str) -> Person:
    """Return Jane Doe, but for what is given."""
    return Person("1001", **{**JANE, **facts})


DIFFERENT = {
    "two issuers, two persons": (
        {
            "issuer": "B",
            "name": "Smith^John",
            "birth_date": "19850505",
            "sex": "M",
        },
        {Trait.ISSUER, Trait.BIRTH_DATE, Trait.SEX, Trait.NAME},
    ),
    "two issuers alone": ({"issuer": "B"}, {Trait.ISSUER}),
    "another birth date": ({"birth_date": "19600102"}, {Trait.BIRTH_DATE}),
    "another birth year, written otherwise": ({"birth_date": "01.01.1961"}, {Trait.BIRTH_DATE}),
    "no date at all": ({"birth_date": "about 1961"}, {Trait.BIRTH_DATE}),
    "another sex": ({"sex": "M"}, {Trait.SEX}),
    "twins": ({"name": "Doe^Joan"}, {Trait.NAME}),
    "twins with names of the same letters": ({"name": "Doe^Enaj"}, {Trait.NAME}),
    "another given and family name": ({"name": "Roe^Mary"}, {Trait.NAME}),
    "the same given name, nothing else known": (
        {"name": "Roe^Jane", "birth_date": "", "sex": ""},
        {Trait.NAME},
    ),
    "the same given name, another birth date": (
        {"name": "Roe^Jane", "birth_date": "19770101"},
        {Trait.BIRTH_DATE, Trait.NAME},
    ),
}
"""Why it is another person than Jane Doe → what is said of them, and what differs."""

SAME = {
    "everything": {},
    "another case and spaces": {"name": " DOE ^ jane ", "issuer": "a ", "sex": "f"},
    "no issuer": {"issuer": ""},
    "no birth date": {"birth_date": ""},
    "a birth date that stands for none": {"birth_date": "19000101"},
    "a birth date of zeros": {"birth_date": "00000000"},
    "a birth date that a database has for none": {"birth_date": "00010101"},
    "a birth date that was taken away": {"birth_date": "REMOVED"},
    "the birth year alone": {"birth_date": "1960"},
    "a birth date with dots": {"birth_date": "1960.01.01"},
    "sex other": {"sex": "O"},
    "sex unknown": {"sex": "U"},
    "no sex": {"sex": ""},
    "sex in words": {"sex": "female"},
    "no name": {"name": ""},
    "a name that is taken away": {"name": "ANONYMOUS"},
    "carets alone": {"name": "^^^^"},
    "a name in blanks": {"name": "Jane Doe"},
    "a name run together": {"name": "JaneDoe"},
    "a name with a comma": {"name": "Doe, Jane"},
    "names the other way round": {"name": "Jane^Doe"},
    "an initial": {"name": "Doe^J"},
    "a middle name and a title": {"name": "Doe^Jane^Mary^Dr^MD"},
    "two family names": {"name": "Doe Miller^Jane"},
    "married": {"name": "Miller^Jane"},
    "the family name alone": {"name": "Doe"},
    "a name in another script": {"name": "山田^花子"},
}
"""What is said of Jane Doe herself in another study."""

NAMES = {
    "accents": ("Müller^Zoë", "MULLER^ZOE"),
    "umlauts written out": ("Müller^Jörg", "Mueller^Joerg"),
    "letters with a stroke": ("Łęcki^Bjørn", "Lecki^Bjorn"),
    "an apostrophe": ("O'Brien^Pat", "OBrien^Pat"),
    "a hyphen": ("Silva-Souza^Ana", "Silva Souza^Ana"),
    "three groups and one": ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田^太郎"),
    "an empty first group": ("=山田^太郎", "Yamada^Tarou=山田^太郎"),
    "half-width and full-width kana": ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ^タロウ"),
    "characters that are written otherwise": ("Takahashi^Ken=髙橋^健", "Takahashi^Ken=高橋^健"),
    "Hangul": ("Hong^Gildong=洪^吉洞=홍^길동", "홍^길동"),
    "Cyrillic": ("Иванов^Иван", "ИВАНОВ^ИВАН"),
}
"""Two ways to write one name, with nothing else known."""

NOBODY = (
    *("", "  ", "0", "00000000", "UNKNOWN", "Unknown", "ANONYMOUS", "anon", "Anonymized", "N/A"),
    *("NONE", "null", "no id", "NoID", "Not Supplied", "not available", "XXXX", "PatientID", "?"),
    *("99999999", "desconhecido", "Não informado", "sem ID", "Anônimo", "-", "."),
    *("Sem prontuário", "SEM REGISTRO", "Não cadastrado", "EMERGENCY", "TEMP"),
)
SOMEBODY = ("1001", "0001", "ANON77", "NX-0", "10", "TCGA-01-0001", "Anonymous 12", "0A", "X1")


@pytest.mark.parametrize(("facts", "expected"), DIFFERENT.values(), ids=list(DIFFERENT))
def test_what_disagrees_tells_two_persons_apart(facts, expected):
    """With everything that differs, whichever study is looked at."""
    assert expected == set(differences(person(), person(**facts)))
    assert expected == set(differences(person(**facts), person()))


@pytest.mark.parametrize("facts", SAME.values(), ids=list(SAME))
def test_what_is_not_said_or_said_otherwise_is_no_difference(facts):
    """One person, as two devices write them."""
    assert () == differences(person(), person(**facts)) == differences(person(**facts), person())


@pytest.mark.parametrize(("one", "other"), NAMES.values(), ids=list(NAMES))
def test_one_name_written_in_two_ways_is_one_name(one, other):
    """By any of its groups that both have."""
    assert () == differences(Person("1", name=one), Person("1", name=other))


@pytest.mark.parametrize("text", NOBODY)
def test_an_id_that_stands_for_none_names_nobody(text):
    """Everybody without an ID is not one person."""
    assert not names_somebody(text)


@pytest.mark.parametrize("text", SOMEBODY)
def test_any_other_id_names_somebody(text):
    """Pseudonyms too; with nothing else known, it is one person's."""
    assert names_somebody(text)
    assert () == differences(Person(text), Person(text))


@given(*(some.builds(Person, *[some.text(max_size=24)] * 5) for _ in range(2)))
def test_it_does_not_matter_which_study_is_looked_at(one: Person, other: Person):
    """Garbage breaks nothing, and nobody differs from themselves."""
    assert differences(one, other) == differences(other, one)
    assert () == differences(one, one)


@pytest.mark.parametrize("name", ["a " * 20_000, "x^" * 20_000, "b a=" * 20_000, "no " * 20_000])
def test_a_name_without_end_is_compared_by_its_beginning(name):
    """A header may hold megabytes; comparing takes no longer with them."""
    assert () == differences(Person("1", name=name), Person("1", name=name + "z"))
    assert names_somebody("7" * 100_000)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Baby A^Smith", "Baby B^Smith"),
        ("Twin 1^Silva", "Twin 2^Silva"),
        ("Smith^Baby A", "Smith^Baby B"),
    ],
)
def test_newborn_twins_are_told_apart(one: str, other: str):
    """What is numbered within one family on one day is two children, not a marriage."""
    known = {"patient_id": "1", "birth_date": "20240101", "sex": "F"}

    assert (Trait.NAME,) == differences(Person(**known, name=one), Person(**known, name=other))
