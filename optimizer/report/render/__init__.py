"""Renderers of documents: terminal, page, workbook, Word, slides; independent of analyses."""
