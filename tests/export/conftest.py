"""Options and fixtures of the tests of the export."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from export.processes import Fresh


@pytest.fixture(scope="session")
def fresh() -> Iterator[Fresh]:
    """Runs modules in processes without IPython."""
    processes = Fresh()
    yield processes
    processes.close()


@pytest.fixture(scope="session")
def modules() -> dict[str, dict[str, str]]:
    """The modules that the notebooks of the corpus gave so far, and the files beside them."""
    return {}
