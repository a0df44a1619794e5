"""What a process needs of its machine and its time: cores, memory, caches, waits."""
