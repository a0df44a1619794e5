"""Whether an installation still works as it did: the self-test and its schedule."""
