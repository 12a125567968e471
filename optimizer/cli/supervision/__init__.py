"""Commands that solve in a process of their own, and the one that watches it."""
