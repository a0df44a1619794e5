"""Logs, metrics and traces; none of them names a patient."""
