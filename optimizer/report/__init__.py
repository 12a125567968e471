"""Reports: results turned into documents for decision makers, without calling a solver."""
