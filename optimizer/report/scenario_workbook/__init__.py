"""A scenario as an Excel workbook that people fill in and Vorrat reads."""
