"""Names of countries, as publishers write them, as codes of ISO 3166."""

import re
import unicodedata
from functools import cache
from importlib.util import find_spec

from optimizer.errors import VorratError

UNKNOWN = "XX"  #: Code of an origin that the publisher does not name.
WORLD = "world"  #: Stands for a row with the sum over all countries.
NAMES = {
    "Bahamas, The": "BS",
    "The Bahamas": "BS",
    "Bolivia (Plurinational State of)": "BO",
    "Bosnia Herzegovina": "BA",
    "Brunei": "BN",
    "Burma": "MM",
    "Cape Verde": "CV",
    "Central African Rep.": "CF",
    "China, Hong Kong SAR": "HK",
    "China, Macao SAR": "MO",
    "Congo (Brazzaville)": "CG",
    "Congo (Kinshasa)": "CD",
    "Congo, Dem. Rep.": "CD",
    "Congo, Rep.": "CG",
    "Dem. People's Rep. of Korea": "KP",
    "Dem. Rep. of the Congo": "CD",
    "Democratic Republic of the Congo": "CD",
    "Dominican Rep.": "DO",
    "DR Congo": "CD",
    "Egypt, Arab Rep.": "EG",
    "European Union": "EU",
    "Gambia, The": "GM",
    "Iran (Islamic Republic of)": "IR",
    "Iran, Islamic Rep.": "IR",
    "Ivory Coast": "CI",
    "Korea, Dem. People's Rep.": "KP",
    "Korea, North": "KP",
    "Korea, Rep.": "KR",
    "Korea, South": "KR",
    "Kosovo": "XK",
    "Lao People's Dem. Rep.": "LA",
    "Macau": "MO",
    "Macedonia": "MK",
    "Other Asia, nes": "TW",
    "Rep. of Korea": "KR",
    "Rep. of Moldova": "MD",
    "Rep. of the Congo": "CG",
    "Russia": "RU",
    "Solomon Isds": "SB",
    "State of Palestine": "PS",
    "Swaziland": "SZ",
    "TFYR of Macedonia": "MK",
    "Turkey": "TR",
    "Turkiye": "TR",
    "United Rep. of Tanzania": "TZ",
    "USA": "US",
    "Venezuela (Bolivarian Republic of)": "VE",
}
"""Names that publishers write and pycountry does not know."""
AGGREGATES = {
    "Bunkers": UNKNOWN,
    "Free Zones": UNKNOWN,
    "Neutral Zone": UNKNOWN,
    "Other": UNKNOWN,
    "Other countries": UNKNOWN,
    "Special Categories": UNKNOWN,
    "Undistributed": UNKNOWN,
    "Unspecified": UNKNOWN,
    "World": WORLD,
    "World total": WORLD,
}
"""Rows that stand for no single country, as all names that end in ``nes`` (not elsewhere
specified). Rows of an unknown origin keep their tonnes under ``XX``."""
TRADE_CODES = {"W00": WORLD, "WLD": WORLD, "S19": "TW", "EUR": "EU", "EU2": "EU", "R20": UNKNOWN}
TRADE_CODES |= dict.fromkeys(("X1", "_X", "XX", "F19", "E19", "A79", "A59", "O19"), UNKNOWN)
"""Codes of UN Comtrade that are none of ISO 3166."""


class CountryNamesUnavailable(VorratError):
    """pycountry, which knows the names of countries, is not installed."""

    exit_code = 2


def check_installed() -> None:
    """Check that pycountry is installed; raises CountryNamesUnavailable if not."""
    if find_spec("pycountry") is None:
        command = "pip install 'vorrat[data]'"
        message = f"names of countries need pycountry: {command}"
        raise CountryNamesUnavailable(message)


def normalized_name(name: str) -> str:
    """Return the name of a country without footnotes and with plain spaces and apostrophes, in
    lower case."""
    text = unicodedata.normalize("NFKC", name).replace("’", "'").replace("`", "'")
    text = re.sub(r"[\s*]*(\(?\d{1,2}\)?/?[\s,]*)*$", "", " ".join(text.split()))
    return re.sub(r"^(world total|total world)\b.*", "world total", text.lower())


@cache
def _codes_by_name() -> dict[str, str]:
    """Return the codes by the names that pycountry knows, and those of the lists above."""
    import pycountry

    codes = {}
    for country in pycountry.countries:
        for key in ("name", "common_name", "official_name"):
            if name := getattr(country, key, ""):
                codes[normalized_name(name)] = str(country.alpha_2)
    return codes | {normalized_name(name): code for name, code in (NAMES | AGGREGATES).items()}


def country_code(name: str) -> str:
    """Return the code of a country by its name, ``XX`` for an unknown origin, :data:`WORLD` for the
    sum of all, and an empty text for an unknown name."""
    folded = normalized_name(name)
    return _codes_by_name().get(folded) or (UNKNOWN if folded.endswith(", nes") else "")


def code_of_trade_row(code: str, name: str) -> str:
    """Return the code of a country by its code in UN Comtrade, or else by its name."""
    import pycountry

    if code in TRADE_CODES:
        return TRADE_CODES[code] if country_code(name) in ("", UNKNOWN) else country_code(name)
    country = pycountry.countries.get(alpha_3=code) if code else None
    return str(country.alpha_2) if country else country_code(name)
