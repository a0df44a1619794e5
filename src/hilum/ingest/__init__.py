"""What is in the archive already: the reports that a newer one may replace."""
