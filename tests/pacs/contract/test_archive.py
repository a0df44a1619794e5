"""What every `Archive` promises."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from hilum.errors import FileTooLarge, NotInPacs, PacsRefused
from hilum.files import dicom
from hilum.pacs.archive import Archive, Origin, text
from radiographs import dicom_file, make_radiograph


def sent(archive: Archive, **attributes: object) -> tuple[Dataset, str]:
    """Store a new image; return it and the reference to it."""
    image = make_radiograph(**attributes)
    return image, archive.store(dicom_file(image)).reference


def delete(archive: Archive, reference: str) -> None:
    """Delete an object, or skip the test where nobody can."""
    try:
        archive.delete(reference)
    except PacsRefused:
        pytest.skip("this archive does not delete")


def objects(archive: Archive) -> int:
    """Return how many objects there are."""
    return sum(
        len(series.references)
        for study in archive.find_studies({})
        for series in archive.series_of(study)
    )


def data_set(file: bytes) -> bytes:
    """Return what follows the File Meta Information, which some archives write anew."""
    return file[dicom.split(file, name="it").offset :]


def test_it_says_what_it_is(archive: Archive):
    """In words that a person reads; asking it proves that it is there."""
    assert archive.capabilities().software
    assert archive.url


def test_file_comes_back_as_it_was_stored(archive: Archive):
    """Byte for byte, whether or not it is compared with the archive's digest."""
    file = dicom_file(make_radiograph())
    reference = archive.store(file).reference
    first, second = (archive.fetch(reference, verified=each) for each in (False, True))

    assert data_set(file) == data_set(first)
    assert first == second == archive.fetch(reference, max_bytes=len(first))


def test_too_large_file_is_not_fetched(archive: Archive):
    """The error has its size and what is allowed."""
    _, reference = sent(archive)

    with pytest.raises(FileTooLarge, match="100 are allowed"):
        archive.fetch(reference, max_bytes=100)


def test_identical_file_again_changes_nothing(archive: Archive):
    """It is said to be there already, under the same reference."""
    file = dicom_file(make_radiograph())
    first = archive.store(file)
    before = archive.describe(first.reference)
    again = archive.store(file)

    assert (False, True) == (first.already_there, again.already_there)
    assert first.reference == again.reference
    assert before == archive.describe(again.reference)
    assert 1 == objects(archive)


def test_other_pixels_under_the_same_uid_are_told_by_the_content(archive: Archive):
    """Whichever of both it keeps, there is one object, whose content says which it is."""
    image, reference = sent(archive)
    old, before = archive.fetch(reference), archive.content_id(archive.describe(reference))
    image.PixelData = bytes(len(image.PixelData))
    after = archive.store(dicom_file(image)).reference
    is_old = archive.fetch(after) == old

    assert is_old is (archive.content_id(archive.describe(after)) == before)
    assert {image.SOPInstanceUID} == archive.present([reference, after])
    assert 1 == objects(archive)


def test_other_pixels_after_a_deletion_are_other_content(archive: Archive):
    """So the image is read again."""
    image, reference = sent(archive)
    before = archive.content_id(archive.describe(reference))
    delete(archive, reference)
    image.PixelData = bytes(len(image.PixelData))
    after = archive.store(dicom_file(image)).reference

    assert before != archive.content_id(archive.describe(after))


def test_what_is_not_dicom_is_refused(archive: Archive):
    """For good, and nothing is stored."""
    with pytest.raises(PacsRefused):
        archive.store(b"not DICOM at all")

    assert 0 == objects(archive)


@pytest.mark.parametrize(
    "ask", ["describe", "attributes", "attributes_of_index", "fetch", "origin", "study_of"]
)
def test_what_is_not_there_is_said_to_be_not_there(archive: Archive, ask: str):
    """After a deletion, whatever is asked about it."""
    image, reference = sent(archive)
    delete(archive, reference)

    with pytest.raises(NotInPacs):
        getattr(archive, ask)(reference)
    assert b"" == archive.stored(reference, "Modality")
    assert frozenset() == archive.present([reference])
    assert [] == archive.find_objects(image.SOPInstanceUID)


def test_deleting_twice_is_no_error(archive: Archive):
    """Somebody else may have been first."""
    image, reference = sent(archive)
    for _ in range(2):
        delete(archive, reference)
        archive.delete_study(image.StudyInstanceUID)


def test_study_is_deleted_with_all_that_is_in_it(archive: Archive):
    """And no other one."""
    image, reference = sent(archive)
    _, result = sent(archive, StudyInstanceUID=image.StudyInstanceUID)
    other, kept = sent(archive)
    delete(archive, result)
    archive.delete_study(image.StudyInstanceUID)

    assert {other.SOPInstanceUID} == archive.present([reference, result, kept])
    assert [archive.study_of(kept)] == archive.find_studies({})


def test_present_is_asked_anew(archive: Archive):
    """Of several at once; nothing is there of nothing."""
    (one, first), (two, second) = sent(archive), sent(archive)

    assert {one.SOPInstanceUID, two.SOPInstanceUID} == archive.present([first, second])
    delete(archive, first)
    assert {two.SOPInstanceUID} == archive.present((first, second))
    assert frozenset() == archive.present([])


def test_each_arrival_is_told_in_order_page_by_page(archive: Archive):
    """None is skipped, whatever else the feed tells of."""
    references = [sent(archive)[1] for _ in range(7)]
    position, told, positions = "", [], [""]
    while True:
        page = archive.arrivals(position, 3)
        told += page.references
        position = page.position
        positions.append(position)
        if not page.more:
            break

    told = list(dict.fromkeys(told))
    assert references == (sorted(told, key=references.index) if "dicom" in archive.url else told)
    assert all(before != after for before, after in pairwise(positions))


def test_position_leads_to_what_came_later(archive: Archive):
    """And while nothing comes it stays where it is."""
    sent(archive)
    position = archive.newest()
    quiet = archive.arrivals(position, 10)
    _, later = sent(archive)
    page = archive.arrivals(position, 10)

    assert ((), position, False, False) == (
        quiet.references,
        quiet.position,
        quiet.restarted,
        quiet.more,
    )
    assert (later,) == page.references
    assert archive.behind(page.position) in {None, 0}


def test_deletion_does_not_start_the_feed_anew(archive: Archive):
    """Also of what was the newest."""
    _, reference = sent(archive)
    position = archive.newest()
    delete(archive, reference)
    page = archive.arrivals(position, 10)
    _, later = sent(archive)

    assert ((), False) == (page.references, page.restarted)
    assert (later,) == archive.arrivals(page.position, 10).references


def test_attributes_are_texts_and_lists(archive: Archive):
    """By keyword, those in sequences too."""
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    _, reference = sent(archive, PatientID="P-1", ReferencedImageSequence=[item])
    found = archive.attributes(reference)

    assert "P-1" == found["PatientID"]
    assert "1.2.3" == found["ReferencedImageSequence"][0]["ReferencedSOPInstanceUID"]
    assert "PixelData" not in found or not found["PixelData"]


def test_index_knows_patient_study_and_series(archive: Archive):
    """Without the file, which may be lost."""
    image, reference = sent(archive, PatientID="P-1", AccessionNumber="A-7")
    found = archive.attributes_of_index(reference)

    assert ("P-1", "A-7", "DX") == tuple(
        found[keyword] for keyword in ("PatientID", "AccessionNumber", "Modality")
    )
    assert image.StudyInstanceUID == found["StudyInstanceUID"]
    assert image.SeriesInstanceUID == found["SeriesInstanceUID"]


def test_one_attribute_is_had_as_it_is_in_the_file(archive: Archive):
    """Absent ones as nothing; who stored it is told as far as that is known."""
    image, reference = sent(archive, PatientID="P-1")

    assert image.SOPInstanceUID == archive.describe(reference).sop_instance_uid
    assert b"P-1" == archive.stored(reference, "PatientID").strip()
    assert "P-1" == text(archive, reference, "PatientID")
    assert "" == text(archive, reference, "InstitutionAddress")
    assert isinstance(archive.origin(reference), Origin)


def test_object_is_found_by_uid_study_and_series(archive: Archive):
    """The same SOP Instance UID in two studies is two objects."""
    if archive.url.endswith("/dicomweb"):
        pytest.skip("tiny-pacs holds no UID twice")
    uid = generate_uid()
    (one, first), (_, second) = (sent(archive, SOPInstanceUID=uid) for _ in range(2))
    study, series = one.StudyInstanceUID, one.SeriesInstanceUID

    assert {first, second} == set(archive.find_objects(uid))
    assert [first] == archive.find_objects(uid, study=study)
    assert [first] == archive.find_objects(uid, study=study, series=series)
    assert [] == archive.find_objects(uid, study=study, series="1.2.3")
    assert [] == archive.find_objects("1.2.3")


def test_studies_are_found_by_uid_and_date(archive: Archive):
    """With DICOM's ranges, open ones too."""
    old, old_image = sent(archive, StudyDate="20200131")
    _, new_image = sent(archive, StudyDate="20240229")
    older, newer = archive.study_of(old_image), archive.study_of(new_image)

    assert {older, newer} == set(archive.find_studies({}))
    assert [older] == archive.find_studies({"StudyInstanceUID": old.StudyInstanceUID})
    for dates, expected in {
        "-20201231": {older},
        "20200201-": {newer},
        "20200131-20240229": {older, newer},
        "20210101-20211231": set(),
    }.items():
        assert expected == set(archive.find_studies({"StudyDate": dates}))


def test_study_is_told_series_by_series(archive: Archive):
    """With modality and objects; one that is not there is said to be not there."""
    image, reference = sent(archive)
    _, report = sent(archive, StudyInstanceUID=image.StudyInstanceUID, Modality="SR")
    study = archive.study_of(reference)

    assert study == archive.study_of(report)
    found = {each.modality: each.references for each in archive.series_of(study)}
    assert {"DX": (reference,), "SR": (report,)} == found
    delete(archive, report)
    archive.delete_study(image.StudyInstanceUID)
    with pytest.raises(NotInPacs):
        archive.series_of(study)


def test_it_is_told_where_an_object_is_found(archive: Archive):
    """To people."""
    _, reference = sent(archive)

    assert reference in archive.address_of(reference)


def test_size_is_what_is_there(archive: Archive):
    """Studies, objects and bytes, where that can be asked."""
    image, _ = sent(archive)
    sent(archive, StudyInstanceUID=image.StudyInstanceUID)
    held = archive.size()

    assert held is None or (1, 2) == (held.studies, held.objects)
    assert held is None or held.file_bytes > 0


def test_many_threads_may_ask_at_once(archive: Archive):
    """Each gets its own answer."""
    files = [dicom_file(make_radiograph()) for _ in range(12)]
    with ThreadPoolExecutor(6) as threads:
        stored = list(threads.map(archive.store, files))
        fetched = list(threads.map(archive.fetch, [each.reference for each in stored]))

    assert [*map(data_set, files)] == [*map(data_set, fetched)]
    assert 12 == len({each.reference for each in stored})
