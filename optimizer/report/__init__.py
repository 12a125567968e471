"""Plans in the words and tables of people who decide; needs no solver."""
