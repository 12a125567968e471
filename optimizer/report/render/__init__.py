"""Renderers of documents as text, page, workbook, Word file and slides; independent of analyses."""
