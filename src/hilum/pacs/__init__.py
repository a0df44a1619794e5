"""The PACS: Orthanc, DICOMweb, DIMSE; credentials, TLS and HTTP."""
