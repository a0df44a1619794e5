"""A radiograph comes in: from files, folders, archives, or the PACS's changes feed."""
