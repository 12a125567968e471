"""Names of countries."""

import tomllib
from functools import cache
from importlib.resources import files

from models.language import tr


def country_name(code: str) -> str:
    """Return the name of a country in the current language; without one, its ISO 3166 code."""
    return tr(_country_names()[code]) if code in _country_names() else code


@cache
def _country_names() -> dict[str, str]:
    return tomllib.loads((files("optimizer.report") / "countries.toml").read_text(encoding="utf-8"))
