"""Any DICOMweb server as the archive: QIDO-RS, WADO-RS, STOW-RS."""
