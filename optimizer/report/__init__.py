"""Reports: results as documents for decision makers; needs no solver."""
