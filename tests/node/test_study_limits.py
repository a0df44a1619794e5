"""What a node writes down of a study, so that users may be limited to it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hilum.node.backfill import Backfill, BackfillQuery
from hilum.node.intake import Intake
from hilum.records import limits
from hilum.records.limits import StudyLimits
from hilum.records.tables import STUDY_ATTRIBUTE
from node_tools import Bench, send

pytestmark = pytest.mark.orthanc


def seen(node: Bench, *texts: str) -> bool:
    """Return whether the study is seen by somebody with these limits."""
    limited = node.database.limited_to(StudyLimits.parse(texts))
    with limited.look() as connection:
        return limits.seen(connection, node.context.archive, ["1.2.9"]) == {"1.2.9"}


@pytest.fixture
def node(bench: Callable[..., Bench]) -> Bench:
    """Return a node with a study of which it knows where it is from."""
    made = bench()
    send(
        made.pacs,
        StudyInstanceUID="1.2.9",
        InstitutionName="Hospital São José",
        ReferringPhysicianName="Silva^Ana",
        SpecificCharacterSet="ISO_IR 100",
    )
    made.work()
    return made


def test_institution_and_physician_are_written_down(node: Bench):
    """In whatever letters they come."""
    assert seen(node, "institution=HOSPITAL SÃO JOSÉ", "physician=silva ana")
    assert not seen(node, "institution=Hospital")


def test_a_backfill_learns_what_older_studies_are_known_by(node: Bench):
    """Nothing is analyzed again for it."""
    with node.database.transaction() as connection:
        connection.execute(STUDY_ATTRIBUTE.delete())
    assert not seen(node, "physician=silva ana")
    read = len(node.recorder.seen)
    list(Backfill(node.context, BackfillQuery(None, None, ("CR", "DX"))).run())
    node.work()

    assert seen(node, "physician=silva ana")
    assert read == len(node.recorder.seen)


def test_who_sent_it_is_a_label_where_studies_are_limited(node: Bench):
    """Sent over HTTP, as here, it has no AE title, and no label."""
    settings = node.context.settings.changed("page", limit_studies=True)
    intake = Intake(replace(node.context, settings=settings))
    (reference,) = node.pacs.find_objects(node.recorder.seen[0])
    facts = intake.facts(reference)

    assert facts is not None
    assert {"institution", "physician"} == {attribute for attribute, _ in facts.known}
