"""Classes and functions that write workbooks: cells with formulas, styles, charts and checks."""
