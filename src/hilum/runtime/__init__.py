"""Resources of a process: cores, memory, caches, waits."""
