"""The node: what arrives in the PACS is read, and the results are stored beside it."""
