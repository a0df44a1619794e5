"""Orthanc: its REST client, and the one that hilum starts."""
