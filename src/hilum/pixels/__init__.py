"""Stored pixels become what the model sees, by rule and on record."""
