"""What is in the archive already: earlier reports, which a newer one may replace."""
