"""What ships with the project: scenarios, and presets, which are terms of known schemes.

In the checkout they lie under ``scenarios`` and ``scenarios/presets``; the wheel holds both in
``models/scenarios``.
"""

from pathlib import Path

from models.base import LocalizedText
from models.faults import SourceLocation
from models.files.decoding import decode_text, read_bytes
from models.files.nodes import Node
from models.files.yaml_source import parse_yaml

YAML_SUFFIX = ".yaml"
YAML_SUFFIXES = (YAML_SUFFIX, ".yml")
SCENARIO_SUFFIXES = (*YAML_SUFFIXES, ".json", ".xlsx", ".xlsm")  #: How files of scenarios end.


def _scenario_folder() -> Path:
    """Where scenarios lie, and the presets in a folder among them."""
    package = Path(__file__).parents[1]
    packed = package / "scenarios"
    return packed if packed.is_dir() else package.parent / "scenarios"


def preset_folder() -> Path:
    """Where the presets lie."""
    return _scenario_folder() / "presets"


def preset_files() -> dict[str, Path]:
    """The files of the presets by name, in the order of names."""
    return {path.stem: path for path in sorted(preset_folder().glob(f"*{YAML_SUFFIX}"))}


def scenario_files() -> dict[str, Path]:
    """The files of the scenarios by name, in the order of names."""
    return {path.stem: path for path in sorted(_scenario_folder().glob(f"*{YAML_SUFFIX}"))}


def resolve_scenario(path: str | Path) -> Path:
    """The file that a path means: itself, or the shipped scenario of that name, where nothing here
    is called so, with or without an ending."""
    known = scenario_files().get(str(path))
    if known is None or any(
        Path(f"{path}{ending}").exists() for ending in ("", *SCENARIO_SUFFIXES)
    ):
        return Path(path)
    return known


def companion_files(path: Path) -> dict[str, bytes]:
    """The files in the folder of a shipped scenario, by their paths from where it lies."""
    files = sorted(one for one in path.with_suffix("").rglob("*") if one.is_file())
    return {one.relative_to(path.parent).as_posix(): one.read_bytes() for one in files}


def read_source_text(path: Path) -> str:
    """The text of a scenario or a preset as it was written."""
    return decode_text(read_bytes(path, SourceLocation(str(path)), role="preset"), str(path))


def read_heading(path: Path) -> tuple[LocalizedText, LocalizedText]:
    """Title and description of a scenario or a preset, each empty where it has none.

    Raises ScenarioError where the file cannot be read.
    """
    root = parse_yaml(
        read_bytes(path, SourceLocation(str(path)), role="preset"), str(path), lambda _fault: None
    )
    return _text_of_node(root.child("title")), _text_of_node(root.child("description"))


def _text_of_node(node: Node | None) -> LocalizedText:
    if node is None or not isinstance(node.value, dict):
        return LocalizedText.model_validate("" if node is None else str(node.value))
    return LocalizedText(
        **{key: str(part.value) for key, part in node.value.items() if key in ("en", "de")}
    )
