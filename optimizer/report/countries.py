"""Names of the countries that materials come from; a code where there is no name."""

import tomllib
from functools import cache
from importlib.resources import files

from models.language import tr


def country(code: str) -> str:
    """The name of a country in the current language, by its ISO 3166 code."""
    return tr(_names()[code]) if code in _names() else code


@cache
def _names() -> dict[str, str]:
    return tomllib.loads((files("optimizer.report") / "countries.toml").read_text(encoding="utf-8"))
