"""Scenario files in: YAML, JSON and their tables, with the place of every value."""

from models.files.reading import LoadedScenario, read_case, read_case_text

__all__ = ["LoadedScenario", "read_case", "read_case_text"]
