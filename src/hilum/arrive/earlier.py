"""What was said about a study before: the reports that a newer one may replace."""

from pydicom import Dataset

from hilum import PRODUCT, dicomfile
from hilum.errors import NotInPacs
from hilum.orthanc import Orthanc


def earlier_results(orthanc: Orthanc, study_instance_uid: str) -> list[Dataset]:
    """Return hilum's own structured reports in one study.

    Raises
    ------
    PacsUnavailable
        No answer, or not now.
    SourceUnreadable
        The PACS gave a report that cannot be parsed.
    """
    files = earlier_files(orthanc, study_instance_uid)
    return [dicomfile.parse(file, name="an earlier report") for file in files]


def earlier_files(orthanc: Orthanc, study_instance_uid: str) -> list[bytes]:
    """Return the files of hilum's own structured reports in one study.

    Raises
    ------
    PacsUnavailable
        No answer, or not now.
    """
    query = {"StudyInstanceUID": study_instance_uid, "Modality": "SR"}
    found: list[bytes] = []
    for instance in orthanc.find("Instance", query):
        try:
            if orthanc.tags(instance).get("ManufacturerModelName") == PRODUCT:
                found.append(orthanc.file(instance))
        except NotInPacs:  # deleted between the question and the answer
            continue
    return found
