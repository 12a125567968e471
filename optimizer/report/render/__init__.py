"""Renderers of documents as text, page, workbook and Word file; independent of analyses."""
