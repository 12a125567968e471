"""Country codes of ISO 3166, to warn of codes that do not exist, and the European Union."""

_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM
ZW
"""
_UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_27 = frozenset(_UNION.split())  #: Member states of the European Union.
ALPHA_2 = frozenset(_CODES.split())
_OFTEN_MEANT = {"UK": "GB", "EL": "GR", "SU": "RU", "YU": "RS", "ZR": "CD", "DDR": "DE"}
_REGIONS = frozenset(("EU", "XK", "XX", "ZZ"))


def is_known(code: str) -> bool:
    """Whether a code exists; of codes with three letters nothing is known."""
    return code in ALPHA_2 or code in _REGIONS or (len(code) == 3 and code not in _OFTEN_MEANT)


def meant_by(code: str) -> str:
    """The code that is meant by one that does not exist, where that is plain."""
    return _OFTEN_MEANT.get(code, "")
