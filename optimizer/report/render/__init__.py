"""One document as text for a terminal, as a page and as a workbook; none knows an analysis."""
