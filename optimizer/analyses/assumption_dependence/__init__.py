"""Dependence on assumptions: the best plan of each assumption set, evaluated under all other
sets."""
