"""Files that publishers of statistics offer for download, as tables of a scenario.

``mcs``, ``comtrade`` and ``prices`` read the files of one publisher each. They share the reading of
rows (``rows``), cells (``cells``), countries (``countries``) and units (``units``), and the tables
that they fill (``tables``). Nothing is downloaded."""
