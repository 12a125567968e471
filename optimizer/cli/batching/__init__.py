"""What ``batch`` is asked for, and what it keeps of each run."""
