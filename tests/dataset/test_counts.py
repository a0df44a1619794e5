"""The line that says how many files ended how."""

from collections import Counter

import pytest

from hilum.dataset.terminal import counted
from hilum.language import ENGLISH, Language
from hilum.outcome import Status

COUNTS = Counter({Status.READ: 3, Status.REFUSED: 1})


@pytest.mark.parametrize(
    ("language", "line"),
    [
        (ENGLISH, "3 read, 1 refused, 0 failed"),
        (Language("pt-BR"), "3 analisados, 1 recusado, 0 falhou"),
        (Language("es"), "3 analizados, 1 rechazado, 0 con error"),
    ],
)
def test_counts_agree_with_their_words(language: Language, line: str):
    """One file is refused, several are, in each language's own way."""
    assert line == counted(COUNTS, language)
