"""Files that publishers of statistics offer for download, as tables of a scenario.

``mcs``, ``comtrade`` and ``prices`` read the files of one publisher each. They share the reading of
files and the tables that they fill (``files``), countries (``countries``) and units (``units``).
Nothing is downloaded."""
