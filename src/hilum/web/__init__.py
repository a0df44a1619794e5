"""Let a person see it: the viewer beside the PACS."""
