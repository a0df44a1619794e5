"""Files and folders: DICOM files, ZIP files, DICOMDIR; private and atomic writing."""
