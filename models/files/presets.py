"""What ships with the project: scenarios, and presets, which are terms of known schemes.

In the checkout they lie under ``scenarios`` and ``scenarios/presets``; the wheel holds both in
``models/scenarios``.
"""

from pathlib import Path

from models.base import Text
from models.faults import Place
from models.files.decoding import decode, read_bytes
from models.files.nodes import Node
from models.files.yaml_source import parse

SUFFIX = ".yaml"
YAML = (SUFFIX, ".yml")
ENDINGS = (*YAML, ".json", ".xlsx", ".xlsm")  #: How files of scenarios end.


def _shelf() -> Path:
    """Where scenarios lie, and the presets in a folder among them."""
    package = Path(__file__).parents[1]
    packed = package / "scenarios"
    return packed if packed.is_dir() else package.parent / "scenarios"


def folder() -> Path:
    """Where the presets lie."""
    return _shelf() / "presets"


def shipped() -> dict[str, Path]:
    """The files of the presets by name, in the order of names."""
    return {path.stem: path for path in sorted(folder().glob(f"*{SUFFIX}"))}


def scenarios() -> dict[str, Path]:
    """The files of the scenarios by name, in the order of names."""
    return {path.stem: path for path in sorted(_shelf().glob(f"*{SUFFIX}"))}


def meant(path: str | Path) -> Path:
    """The file that a path means: itself, or the shipped scenario of that name, where nothing here
    is called so, with or without an ending."""
    known = scenarios().get(str(path))
    if known is None or any(Path(f"{path}{ending}").exists() for ending in ("", *ENDINGS)):
        return Path(path)
    return known


def belonging(path: Path) -> dict[str, bytes]:
    """The files in the folder of a shipped scenario, by their paths from where it lies."""
    files = sorted(one for one in path.with_suffix("").rglob("*") if one.is_file())
    return {one.relative_to(path.parent).as_posix(): one.read_bytes() for one in files}


def written(path: Path) -> str:
    """The text of a scenario or a preset as it was written."""
    return decode(read_bytes(path, Place(str(path)), role="preset"), str(path))


def heading(path: Path) -> tuple[Text, Text]:
    """Title and description of a scenario or a preset, each empty where it has none.

    Raises ScenarioError where the file cannot be read.
    """
    root = parse(read_bytes(path, Place(str(path)), role="preset"), str(path), lambda _fault: None)
    return _text(root.child("title")), _text(root.child("description"))


def _text(node: Node | None) -> Text:
    if node is None or not isinstance(node.value, dict):
        return Text.model_validate("" if node is None else str(node.value))
    return Text(**{key: str(part.value) for key, part in node.value.items() if key in ("en", "de")})
