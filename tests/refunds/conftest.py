"""The office's counter closes when the tests of refunds are over."""

from tests.remittance.conftest import _counter

__all__ = ["_counter"]
