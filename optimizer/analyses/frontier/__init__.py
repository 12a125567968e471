"""Frontier: damage against a number of the scenario, point by point."""
