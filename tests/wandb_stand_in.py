"""What xlit uses of wandb, in a package of the same shape, which writes down how it was used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WANDB = """
import json, os
from pathlib import Path

class Settings:
    def __init__(self, **values):
        self.values = values

class Run:
    offline = True

    def __init__(self, about):
        self.place = Path(about["dir"]) / "told.jsonl"
        self.tell(init={k: v for k, v in about.items() if k not in ("dir", "settings")})

    def tell(self, **values):
        with self.place.open("a") as lines:
            lines.write(json.dumps(values) + "\\n")

    def log(self, values, step):
        if step == int(os.environ.get("FAILS_AT", "0")):
            raise ConnectionError("the wire was cut")
        self.tell(log=values, step=step)

    def finish(self, exit_code):
        self.tell(finish=exit_code)

def init(**about):
    if os.environ.get("FAILS_AT") == "init":
        raise RuntimeError("api_key not configured (no-tty)")
    return Run(about)
"""


@contextmanager
def wandb_stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package wandb below `folder`, whether or not there is a real one here. Each run's directory
    then has what it was told in `told.jsonl`."""
    (folder / "wandb").mkdir(parents=True)
    (folder / "wandb" / "__init__.py").write_text(WANDB)
    monkeypatch.syspath_prepend(str(folder))
    before = sys.modules.pop("wandb", None)
    try:
        yield
    finally:
        sys.modules.pop("wandb", None)
        if before is not None:
            sys.modules["wandb"] = before
