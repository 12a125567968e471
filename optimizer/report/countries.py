"""Names of the countries that materials come from; a code where there is no name."""

import tomllib
from functools import cache
from importlib.resources import files

from models.language import tr


def country_name(code: str) -> str:
    """The name of a country in the current language, by its ISO 3166 code."""
    return tr(_country_names()[code]) if code in _country_names() else code


@cache
def _country_names() -> dict[str, str]:
    return tomllib.loads((files("optimizer.report") / "countries.toml").read_text(encoding="utf-8"))
