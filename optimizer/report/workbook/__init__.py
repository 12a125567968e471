"""Engine of workbooks: cells with formulas, styles, charts and checks."""
