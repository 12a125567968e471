"""What the answer rests on, for a reader: names, sentences and tables of a sensitivity analysis."""
