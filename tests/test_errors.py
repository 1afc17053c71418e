import re
from pathlib import Path

import xlit.errors
from xlit.errors import EXIT_CODES, InputError, XlitError

ROOT = Path(__file__).parent.parent


def test_every_error_has_a_documented_exit_code() -> None:
    classes = [
        value
        for value in vars(xlit.errors).values()
        if isinstance(value, type) and issubclass(value, XlitError)
    ]
    assert {each.exit_code for each in classes} == set(EXIT_CODES) - {0}


def test_a_message_names_the_place_first_and_the_next_step_last() -> None:
    failure = InputError("3 columns\nare needed", path="a.tsv", line=7, hint="see xlit tasks")
    assert str(failure) == "a.tsv:7: 3 columns are needed (see xlit tasks)"


def test_the_documented_table_is_the_table() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", page, re.MULTILINE))
    assert documented == {str(code): text for code, text in EXIT_CODES.items()}
