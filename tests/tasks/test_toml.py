import tomllib
from typing import Any

import pytest

from xlit.tasks.toml import write_toml

CASES: dict[str, dict[str, Any]] = {
    "plain": {"a": 1, "b": -0.5, "c": True, "d": "x", "e": [1, 2], "f": []},
    "text": {"a": 'quote " and \\ and \t and \n', "b": "日本語 \u2028 \x7f", "c": ""},
    "keys": {"two words": 1, "a.b": 2, "": 3, "ü": 4},
    "small tables": {"a": {"x": 1, "y": {"z": 2}}, "empty": {}},
    "large table": {"a": {str(i): i for i in range(9)}, "b": 1},
    "tables": {"s": {"t": {"u": [{"k": 1, "v": {"w": [{"q": 1}, {"q": 2}]}}, {"k": 2}]}}, "z": 0},
}


@pytest.mark.parametrize("values", CASES.values(), ids=CASES.keys())
def test_written_toml_reads_as_what_was_written(values: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(values)) == values


def test_what_toml_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match="TOML has no NoneType"):
        write_toml({"a": None})
