"""Files of programs that any solver reads: LP and MPS."""

from optimizer.model.program_files.formats import FILE_FORMATS as FILE_FORMATS
from optimizer.model.program_files.formats import render_lp as render_lp
from optimizer.model.program_files.formats import render_mps as render_mps
from optimizer.model.program_files.names import file_names as file_names
from optimizer.model.program_files.names import named_program as named_program
from optimizer.model.program_files.names import symbol_map as symbol_map
