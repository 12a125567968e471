"""The engine behind workbooks: cells with their formulas, styles, charts and checks."""
