"""What a node does is told to an audit record repository, with the patient."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from audit_receiver import receiving
from certificates import Authority
from hilum.node.audit_trail import audit_sent
from hilum.records import audit_position
from hilum.runtime.waits import wait_until
from node_tools import Bench, send

pytestmark = pytest.mark.orthanc


def test_what_a_node_does_is_told_with_the_patient(
    tmp_path: Path, bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
):
    """Its start and stop, too; what came before the setting stays here."""
    monkeypatch.setattr("hilum.telemetry.audit_syslog.LOOK_S", 0.05)
    authority, node = Authority(tmp_path, "authority"), bench()
    send(node.pacs, PatientName="Before^This")
    node.work()

    def waiting() -> int:
        with node.database.look() as connection:
            return audit_position.waiting(connection)

    with receiving(authority, own=authority.sign("server")) as receiver:
        settings = node.context.settings.changed("pacs", ca_file=authority.file)
        settings = settings.changed("telemetry", audit_repository=f"127.0.0.1:{receiver.port}")
        with audit_sent(replace(node.context, settings=settings)):
            send(node.pacs, PatientName="Doe^Jane", PatientID="7", StudyInstanceUID="1.2.9")
            node.work()
            assert wait_until(lambda: not waiting(), timeout_s=30, every_s=0.05)
        assert 1 >= waiting()  # that it stopped may be told at the next start

    told = [frame.decode() for frame in receiver.frames[:2]]
    assert "110120" in told[0]
    assert all(text in told[1] for text in ("110103", "Doe^Jane", "1.2.9", "image.stored"))
    assert "Before^This" not in "".join(each.decode() for each in receiver.frames)


def test_without_the_setting_nothing_is_written_about_it(bench: Callable[..., Bench]):
    """The trail stays as it was, in the database."""
    node = bench()
    with audit_sent(node.context), node.database.look() as connection:
        assert [] == audit_position.following(connection, 9)
