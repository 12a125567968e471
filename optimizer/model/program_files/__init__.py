"""Files of programs that any solver reads: LP and MPS."""

from optimizer.model.program_files.formats import (
    FILE_FORMATS as FILE_FORMATS,
    render_lp as render_lp,
    render_mps as render_mps,
)
from optimizer.model.program_files.names import (
    file_names as file_names,
    named_program as named_program,
    symbol_map as symbol_map,
)
