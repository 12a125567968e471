"""Reading of scenario files in YAML, JSON and Excel, and of their tables, with source locations."""

from models.files.reading import LoadedScenario, read_case, read_case_mapping, read_case_text

__all__ = ["LoadedScenario", "read_case", "read_case_mapping", "read_case_text"]
