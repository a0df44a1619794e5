"""What arrives in the PACS: the changes feed, and what is there already."""
