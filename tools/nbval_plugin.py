"""Lets nbval compare notebooks that are stored without execution counts.

nbval takes a cell without a count for one that was never run: it refuses stored outputs there, and accepts any fresh
ones where none are stored. The notebooks of this book are stored executed, all of them, and the counts say nothing.
"""

from collections.abc import Iterable

import pytest
from nbval.plugin import IPyNbCell


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Count the cells, in their order."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.cell.execution_count = item.cell_num + 1
