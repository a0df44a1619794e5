"""Many files at once, without a node: what ``hilum read`` does."""
