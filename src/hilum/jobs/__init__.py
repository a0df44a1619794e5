"""Holds it together when power fails: what was done, and what was not."""
