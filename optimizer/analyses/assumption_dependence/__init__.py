"""Dependence on assumptions: best plans of assumption sets, each evaluated under all others."""
