"""Say it in DICOM, JSON and plain text."""
