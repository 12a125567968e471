"""Sensitivity of a plan: each uncertain number low and high, and where the decision changes."""
