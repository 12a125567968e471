"""Currencies, exchange rates and prices of materials, used only to detect wrong units."""

import re
from functools import lru_cache

from models.language import tr

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCY_CODES = frozenset(_CODES.split())  #: Currencies of ISO 4217.
_CODE_BY_NAME = {
    "$": "USD", "us$": "USD", "dollar": "USD", "yen": "JPY", "¥": "JPY", "rmb": "CNY",
    "renminbi": "CNY", "yuan": "CNY", "元": "CNY", "£": "GBP", "pound": "GBP", "€": "EUR",
    "euro": "EUR",
}  # fmt: skip
UNITS_PER_EURO = {
    "EUR": 1, "USD": 1.13, "GBP": 0.86, "CHF": 0.94, "AUD": 1.75, "CAD": 1.58, "NZD": 1.94,
    "SGD": 1.47, "BGN": 1.96, "ILS": 3.9, "PEN": 4, "AED": 4.2, "PLN": 4.2, "SAR": 4.2, "MYR": 4.8,
    "RON": 5, "BRL": 6.3, "DKK": 7.5, "CNY": 8.1, "HKD": 8.8, "SEK": 11, "NOK": 12, "MXN": 22,
    "ZAR": 20, "CZK": 25, "TWD": 35, "THB": 37, "TRY": 45, "UAH": 47, "EGP": 56, "PHP": 65,
    "RUB": 94, "INR": 98, "RSD": 117, "ISK": 143, "JPY": 169, "PKR": 318, "HUF": 398, "KZT": 590,
    "CLP": 1075, "ARS": 1400, "KRW": 1610, "NGN": 1730, "COP": 4600, "IDR": 18600, "VND": 29500,
    "GEL": 3.1, "TND": 3.4, "BOB": 7.8, "TJS": 11, "GHS": 13, "MAD": 10.5, "BWP": 15, "NAD": 20,
    "ZMW": 28, "MZN": 72, "KGS": 99, "BDT": 138, "KES": 146, "DZD": 147, "XPF": 119, "LKR": 340,
    "AMD": 440, "XAF": 656, "XOF": 656, "AOA": 1050, "RWF": 1630, "MMK": 2370, "TZS": 2900,
    "CDF": 3200, "MNT": 4000, "UGX": 4100, "MGA": 5100, "PYG": 8400, "GNF": 9800, "UZS": 14200,
    "LAK": 24500,
}  # fmt: skip
"""Approximate units of a currency per euro in 2025."""
_REFERENCE_PRICES = {
    "ndpr|(neo|praseo)dym(ium)?": 61_000, "dysprosium": 198_000, "terbium": 717_000,
    "lithium": 8_000, "[ck]obalt": 29_000, "nickel": 13_000, "gra(ph|f)ite?": 900,
    "gallium": 513_000, "germanium": 3_600_000, "antimony?": 49_000, "tungsten|wolfram": 42_000,
    "magnesium": 2_200, "sili[ck]on|sili[zc]ium": 2_500, "titan(ium)?": 11_000,
    "vanadium": 17_000, "bismuth?": 39_000, "indium": 336_000, "platin(um)?": 34_000_000,
    "palladium": 31_000_000, "copper|kupfer": 8_600, "tantal(um)?": 195_000, "niob(ium)?": 23_000,
}  # fmt: skip
"""EUR per tonne, 2025 averages of the USGS Mineral Commodity Summaries 2026, by the name of the
metal."""
_METAL_FORMS = (
    r"\b((high|hoch)[ -]?(purity|pure|rein)|refined|raffiniert|primary|primär|natural|as|als|and"
    r"|und|in|lce|(class|klasse) 1|(technical|battery)([ -]grade)?|technischer qualität)\b"
    r"|natur|metall?s?\b|sponge|schwamm|(tri|pent)?oxid(es?)?\b|hydroxide?"
    r"|(?<!magnesium)(?<!magnesium )[ck]arbonate?"
)  #: Words and parts of words that do not change which metal a name means.


_EUR_OR_QUOTED = re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"|„[^“]*“|\bEUR\b")
"""The currency in a message, or a quoted text of the user, which is kept."""


def replace_currency(text: str, code: str) -> str:
    """Return a message in which another currency code replaces EUR.

    Quoted parts of the message are not changed.
    """
    return _EUR_OR_QUOTED.sub(lambda match: code if match[0] == "EUR" else match[0], text)


@lru_cache(20_000)
def reference_price(name: str) -> float | None:
    """Return the 2025 price of a material in EUR per tonne, by its name.

    None if the price is unknown, as for ores, scrap and products.
    """
    prices = [
        price for metal, price in _REFERENCE_PRICES.items() if re.search(f"(?i){metal}", name)
    ]
    if re.sub(
        rf"(?i){_METAL_FORMS}|{'|'.join(_REFERENCE_PRICES)}|[\W_]", "", name.replace("_", " ")
    ):
        return None
    return float(prices[0]) if prices and max(prices) < 10 * min(prices) else None


def currency_code_hint(currency: str) -> str:
    """Return a hint with the ISO 4217 code that the name of a currency probably means."""
    name = currency.strip().lower()
    code = _CODE_BY_NAME.get(name.removesuffix("s"), name.upper())
    if code in CURRENCY_CODES:
        return tr("write {value}", value=code)
    return tr("write a code of ISO 4217 such as EUR or USD")
