"""Where meters record, and the executor whose calls they watch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from historian import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found
