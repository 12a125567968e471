"""The uncertain numbers of a scenario, one by one or in groups, and how far each may be off.

A value of an assumption is a factor upon all its numbers, 1 being the scenario as it is; that of a
free one is the number itself. The ranges are those of ``RANGES``:

- hazards, a third to three times the annual probability. Severe events at the largest supplier of
  a material, 32 in 525 years of 2005-2025, are 0.061 a year (90 %: 0.045 to 0.081, Jeffreys), but
  the intervals of 2005-2019 and of 2020-2025 reach from 0.02 to 0.19: a third and three times.
- damage, half to twice: value added that hangs on a tonne is hardly ever measured, and published
  figures for one material differ by more.
- capex, 0.8 to 1.5: mines and refineries cost more than was said far more often than less.
- success and delay, half to twice the probability of failing or of being late.
- prices, half to twice: what prices of small metals do within a few years.
- demand, 0.8 to 1.2. Supply that is given as a share of demand moves along.

None of these is an interval of confidence for the scenario at hand; they are wide on purpose.
"""

from optimizer.analyses.assumptions.choosing import Assumption, NoSuchAssumption, assumptions

__all__ = ["Assumption", "NoSuchAssumption", "assumptions"]
