"""Quality assurance of an installation: the self-test and its schedule."""
