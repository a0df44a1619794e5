"""The site's key: its file, and the pseudonyms that it gives."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from export_tools import KEY
from hilum.errors import SettingInvalid
from hilum.export.key import LONGEST_SHIFT, Pseudonyms, SiteKey, person
from hilum.radiograph import ImageUIDs

UIDS = ImageUIDs("1.2.3", "1.2.3.4", "1.2.3.4.5")


def called(key: SiteKey = KEY, uids: ImageUIDs = UIDS, patient: str = "4711") -> Pseudonyms:
    """Return what an image is called."""
    return Pseudonyms.of(key, uids, person(patient, "", "19600102", uids[0]), "ACC-1")


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path):
    """And is the same the next time."""
    path = tmp_path / "data" / "export.key"
    made = SiteKey.load(path)

    assert made == SiteKey.load(path)
    assert 0o600 == path.stat().st_mode & 0o777
    assert 0o700 == path.parent.stat().st_mode & 0o777
    assert made.secret.hex() not in repr(made)
    assert ["export.key", "export.key.id"] == sorted(each.name for each in path.parent.iterdir())


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, mode: int):
    """Somebody may have it."""
    path = tmp_path / "export.key"
    SiteKey.load(path)
    path.chmod(mode)

    with pytest.raises(SettingInvalid, match="can be read by other users"):
        SiteKey.load(path)


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path):
    """New pseudonyms would join with nothing; whoever wants that says so."""
    path = tmp_path / "export.key"
    SiteKey.load(path)
    path.unlink()

    with pytest.raises(SettingInvalid, match="is gone"):
        SiteKey.load(path)
    (tmp_path / "export.key.id").unlink()
    assert SiteKey.load(path)


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "ab" * 31, "ab" * 33, "é"])
def test_a_damaged_key_is_not_used(tmp_path: Path, content: str):
    """Nor anything else in its place."""
    path = tmp_path / "export.key"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(SettingInvalid, match="not a key"):
        SiteKey.load(path)


def test_a_folder_in_its_place_is_said(tmp_path: Path):
    """In one line."""
    (tmp_path / "export.key").mkdir(mode=0o700)

    with pytest.raises(SettingInvalid, match="cannot be used"):
        SiteKey.load(tmp_path / "export.key")


def test_one_key_gives_the_same_names_and_another_key_others():
    """In each place."""
    other = called(SiteKey(bytes(32)))

    assert called() == called()
    for name in ("patient", "accession", "uids", "image", "shift"):
        assert getattr(called(), name) != getattr(other, name)


def test_pseudonyms_fit_where_they_are_written():
    """SH holds 16 letters, UI 64; a UID is valid."""
    made = called()

    assert len(made.accession) == 16
    assert all(re.fullmatch(r"2\.25\.[1-9]\d{0,38}", each) for each in made.uids)
    assert re.fullmatch("P[A-Z2-7]{16}", made.patient)
    assert "" == Pseudonyms.of(KEY, UIDS, ("study", "1"), " ").accession


def test_one_instance_uid_in_two_studies_is_two_images():
    """As on the node."""
    other = UIDS._replace(study_instance_uid="1.2.9")

    assert set(called().uids).isdisjoint(called(uids=other).uids)
    assert called().image != called(uids=other).image
    assert called().patient == called(uids=other).patient


def test_shifts_are_whole_days_into_the_past():
    """Up to ten years, one for each patient."""
    shifts = [called(patient=str(n)).shift for n in range(1, 300)]

    assert all(timedelta(1) <= -each <= timedelta(LONGEST_SHIFT) for each in shifts)
    assert 250 < len(set(shifts))
