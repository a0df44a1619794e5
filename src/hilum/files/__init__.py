"""Files and folders: DICOM files, archives, DICOMDIR; private and atomic writing."""
