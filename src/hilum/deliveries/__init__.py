"""Hands messages to systems beside the PACS: MLLP, webhooks, FHIR servers."""
