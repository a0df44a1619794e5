"""Hand it back: to Orthanc, over DICOMweb, or over DIMSE."""
