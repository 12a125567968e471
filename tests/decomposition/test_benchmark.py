"""Options of the benchmark that have to reach the search."""

import pytest

from benchmarks.decomposition import Job, solve


@pytest.mark.slow
def test_states_that_are_alike_are_merged_unless_the_job_says_no() -> None:
    """Four materials in 50 states: unmerged, each state is evaluated for each of them."""
    job: Job = {"states": 50, "materials": 4, "projects": 5, "periods_per_year": 1, "gap": 1e-2}
    assert solve({**job, "merge": False})["node_states"] == 4 * 50
    assert solve(job)["node_states"] < 4 * 50
