"""A radiograph comes in: from files, folders, archives, or the PACS's changes feed."""

from hilum.arrive.candidate import Candidate, Kind, read_dicom
from hilum.arrive.earlier import EarlierReports
from hilum.arrive.files import file_candidate, find_candidates

__all__ = [
    "Candidate",
    "EarlierReports",
    "Kind",
    "file_candidate",
    "find_candidates",
    "read_dicom",
]
