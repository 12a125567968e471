"""Choices of commodities, materials and years that the readers of all files share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.spelling import closest_name
from optimizer.data_files.tables import material_id
from optimizer.errors import Misuse


@dataclass(frozen=True)
class Selection:
    """Options that select what is read from a file.

    ``materials`` are ids for ``commodities``, in their order. ``first_year`` and ``last_year`` are
    None without a limit.
    """

    commodities: Sequence[str] = ()
    materials: Sequence[str] = ()
    first_year: int | None = None
    last_year: int | None = None

    def takes(self, year: int) -> bool:
        """Return whether the figures of a year are taken."""
        return (self.first_year or year) <= year <= (self.last_year or year)

    def materials_by_commodity(self, offered: Mapping[str, str]) -> dict[str, str]:
        """Return the id of the material for each chosen commodity.

        ``offered`` has the commodities of the file and the text from which an id is made. A file
        with a single commodity needs no choice. Raises Misuse if the choice is missing or names a
        commodity that the file lacks.
        """
        by_lowercase = {name.lower(): name for name in offered}
        if not self.commodities and len(offered) != 1:
            names = ", ".join(offered)
            raise Misuse(f"Choose with --commodity from {names}.")
        if self.materials and len(self.materials) != max(1, len(self.commodities)):
            raise Misuse("Give one --material for each --commodity, in the same order.")
        chosen: dict[str, str] = {}
        for number, text in enumerate(self.commodities or list(offered)):
            name = by_lowercase.get(text.strip().lower(), "")
            if not name:
                near = closest_name(text.strip().lower(), by_lowercase)
                names = by_lowercase.get(near) or ", ".join(offered)
                raise Misuse(f"The file has no commodity '{text}'; it has {names}.")
            chosen[name] = self.materials[number] if self.materials else material_id(offered[name])
        return chosen

    def check_any_year(self, years: Sequence[int]) -> None:
        """Raise Misuse if none of the years of the file is taken."""
        if not any(self.takes(year) for year in years):
            names = ", ".join(map(str, sorted(set(years))))
            raise Misuse(f"The file has none of these years; it has {names}.")


def parse_countries(pairs: Sequence[str]) -> dict[str, str]:
    """Return the codes by normalized names that ``NAME=CODE`` options state."""
    from models.countries import is_country_code
    from optimizer.data_files.countries import normalized_name

    codes = {}
    for pair in pairs:
        name, _, code = pair.rpartition("=")
        if not name.strip() or not is_country_code(code.strip()):
            raise Misuse(f"'{pair}' is not NAME=CODE, such as \"Korea, South=KR\".")
        codes[normalized_name(name)] = code.strip()
    return codes
