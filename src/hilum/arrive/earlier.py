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
    query = {"StudyInstanceUID": study_instance_uid, "Modality": "SR"}
    found: list[Dataset] = []
    for instance in orthanc.find("Instance", query):
        try:
            if orthanc.tags(instance).get("ManufacturerModelName") == PRODUCT:
                found.append(dicomfile.parse(orthanc.file(instance), name="an earlier report"))
        except NotInPacs:  # deleted between the question and the answer
            continue
    return found
