"""Does it work on these patients? Labels, statistics and the report of ``hilum evaluate``."""
