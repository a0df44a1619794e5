"""Durable jobs: the work on each image, which goes on after a crash. The only package with DBOS."""
