"""A radiograph comes in: from files, folders, archives, or the PACS's changes feed."""

from hilum.arrive.candidate import Candidate, Kind, read_dicom
from hilum.arrive.earlier import earlier_results
from hilum.arrive.files import file_candidate, find_candidates

__all__ = [
    "Candidate",
    "Kind",
    "earlier_results",
    "file_candidate",
    "find_candidates",
    "read_dicom",
]
