"""Agreement that leaves what a site accepts is told of, once there is enough of it."""

import pytest
from pydantic import ValidationError

from hilum.records.agreement_watch import outside
from hilum.records.reviews import Agreement
from hilum.settings import ConstancySettings


def month(agree: int, missed: int, unsure: int = 0) -> Agreement:
    """Return what readers said of one finding in a month."""
    return Agreement("Effusion", "2026-11", agree, missed, 0, unsure)


@pytest.mark.parametrize(
    ("accepted", "said", "told"),
    [
        ((0.0, 1.0), month(0, 500), False),
        ((0.8, 1.0), month(30, 70), True),
        ((0.8, 1.0), month(3, 7), True),
        ((0.8, 1.0), month(3, 3), False),
        ((0.8, 1.0), month(0, 0, 50), False),
        ((0.8, 1.0), month(75, 25), False),
        ((0.0, 0.9), month(200, 0), True),
        ((0.0, 0.9), month(20, 0), False),
    ],
)
def test_only_a_whole_interval_outside_is_told(accepted, said, told):
    """Few answers have a wide one; who is unsure says nothing."""
    settings = ConstancySettings(agreement_accepted=accepted)

    assert told is bool(outside([said], settings))


def test_what_readers_named_themselves_is_not_told():
    """The model cannot agree on a finding that it does not have, and the words are a reader's."""
    settings = ConstancySettings(agreement_accepted=(0.8, 1.0))

    assert [] == outside([Agreement("rib", "2026-11", missed=99, in_words=True)], settings)


@pytest.mark.parametrize("shares", [(0.9, 0.8), (0.5, 0.5), (-0.1, 1), (0, 1.1), (0,)])
def test_no_interval_is_refused(shares):
    """At the start."""
    with pytest.raises(ValidationError):
        ConstancySettings(agreement_accepted=shares)
