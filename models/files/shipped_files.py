"""Scenarios and presets (terms of known funding schemes) that ship with the project.

In a checkout they are in ``scenarios`` and ``scenarios/presets``; in the wheel in
``models/scenarios``.
"""

from pathlib import Path

from models.base import LocalizedText
from models.faults import SourceLocation
from models.files.decoding import decode_text, read_bytes
from models.files.nodes import Node
from models.files.yaml_source import parse_yaml
from models.language import LANGUAGES

YAML_SUFFIX = ".yaml"
YAML_SUFFIXES = (YAML_SUFFIX, ".yml")
SCENARIO_SUFFIXES = (*YAML_SUFFIXES, ".json", ".xlsx", ".xlsm")  #: Suffixes of scenario files.


def _scenario_folder() -> Path:
    """Return the folder of the shipped scenarios, which contains the folder of the presets."""
    package = Path(__file__).parents[1]
    wheel_folder = package / "scenarios"
    return wheel_folder if wheel_folder.is_dir() else package.parent / "scenarios"


def preset_folder() -> Path:
    """Return the path of the folder that contains the presets."""
    return _scenario_folder() / "presets"


def preset_files() -> dict[str, Path]:
    """Return the path of each preset by its name, sorted by name."""
    return {path.stem: path for path in sorted(preset_folder().glob(f"*{YAML_SUFFIX}"))}


def scenario_files() -> dict[str, Path]:
    """Return the path of each shipped scenario by its name, sorted by name."""
    return {path.stem: path for path in sorted(_scenario_folder().glob(f"*{YAML_SUFFIX}"))}


def resolve_scenario(path: str | Path) -> Path:
    """Return the file that a path means: itself, or the shipped scenario of that name.

    A file of that name in the working directory, with or without suffix, takes precedence.
    """
    shipped = scenario_files().get(str(path))
    if shipped is None or any(
        Path(f"{path}{ending}").exists() for ending in ("", *SCENARIO_SUFFIXES)
    ):
        return Path(path)
    return shipped


def companion_files(path: Path) -> dict[str, bytes]:
    """Return the contents of the files in the folder that belongs to a shipped scenario.

    The folder has the name of the scenario file without suffix. The keys are file paths relative to
    the folder of the scenario file.
    """
    files = sorted(entry for entry in path.with_suffix("").rglob("*") if entry.is_file())
    return {file.relative_to(path.parent).as_posix(): file.read_bytes() for file in files}


def read_source_text(path: Path) -> str:
    """Return the text of a scenario or a preset as it was written."""
    return decode_text(read_bytes(path, SourceLocation(str(path)), role="preset"), str(path))


def read_heading(path: Path) -> tuple[LocalizedText, LocalizedText]:
    """Return title and description of a scenario or a preset, each empty if missing.

    Raises ScenarioError if the file cannot be read.
    """
    root = parse_yaml(
        read_bytes(path, SourceLocation(str(path)), role="preset"), str(path), lambda _fault: None
    )
    return _text_of_node(root.child("title")), _text_of_node(root.child("description"))


def _text_of_node(node: Node | None) -> LocalizedText:
    if node is None or not isinstance(node.value, dict):
        return LocalizedText.model_validate("" if node is None else str(node.value))
    return LocalizedText(
        **{key: str(child.value) for key, child in node.value.items() if key in LANGUAGES}
    )
