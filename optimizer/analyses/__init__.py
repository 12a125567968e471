"""Analyses of scenarios and plans."""
