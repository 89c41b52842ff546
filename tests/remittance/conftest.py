"""The office's counter closes when the tests of remittance are over."""

from collections.abc import Iterator

import pytest

from tests.remittance.office import COUNTER


@pytest.fixture(scope="package", autouse=True)
def _counter() -> Iterator[None]:
    yield
    COUNTER.close()
