"""Several plans side by side: tables, sentences and sections of a comparison."""
