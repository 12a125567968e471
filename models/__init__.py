"""Data models of scenario files and of results."""
