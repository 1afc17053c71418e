"""Features of fixed rows against stored digests: who changes them must raise `features_version`.

Features that are kept on disk are found by that number. After a wanted change: raise it in the
kind, run `XLIT_STORE_REVISIONS=1 pytest tests/kinds/test_feature_versions.py`, and commit
`feature_versions.json` with it. A change in xlit/kinds/segments.py touches several kinds at once.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from xlit.kinds.registry import KINDS, find_kind

from .sample_features import FIXED, OPTIONS, plain_features

STORED = Path(__file__).with_name("feature_versions.json")


@pytest.mark.parametrize("name", list(KINDS))
def test_other_features_have_another_version(unigram: Any, wordpiece: Any, name: str) -> None:
    kind = find_kind(name)
    tokenizers = [unigram] if name == "mlm" else [unigram, wordpiece]
    features = [plain_features(kind.features(FIXED[name], t, OPTIONS)) for t in tokenizers]
    found = {
        "version": kind.features_version,
        "digest": hashlib.sha256(repr(features).encode()).hexdigest(),
    }
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    if os.environ.get("XLIT_STORE_REVISIONS"):
        STORED.write_text(json.dumps({**stored, name: found}, indent=1, sort_keys=True) + "\n")
        return
    if found["digest"] != stored[name]["digest"]:
        assert found["version"] > stored[name]["version"], "raise features_version and store"
    assert found == stored[name], f"store the digest of version {found['version']}"
