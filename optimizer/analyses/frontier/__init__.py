"""Frontier: damage as a number of the scenario varies, point by point."""
