import pytest
from transformers.utils import logging

from xlit.models.quiet import quiet


def test_logging_is_as_before_even_after_an_error() -> None:
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with pytest.raises(RuntimeError, match="inside"), quiet():
        assert logging.get_verbosity() == logging.ERROR
        assert not logging.is_progress_bar_enabled()
        raise RuntimeError("inside")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
