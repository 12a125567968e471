"""Damage against a number of the scenario, point by point."""
