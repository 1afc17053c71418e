import json
from pathlib import Path

import pytest

from xlit.commands import doctor
from xlit.commands.doctor import DoctorOptions, faiss_finding, findings
from xlit.errors import UsageError


def test_two_faiss_distributions_are_an_error_that_says_what_to_do() -> None:
    finding = faiss_finding(["faiss-cpu 1.15.1", "faiss-gpu-cu12 1.14.1"])
    assert finding.state == "error"
    assert "pip uninstall faiss-cpu faiss-gpu-cu12" in finding.text


def test_no_faiss_is_an_error_and_one_is_fine() -> None:
    assert faiss_finding([]).state == "error"
    assert faiss_finding(["faiss-cpu 1.15.1"]).state == "ok"


def test_this_machine_has_what_the_tests_need(tmp_path: Path) -> None:
    found = list(findings(tmp_path / "runs"))
    assert {finding.subject for finding in found} >= {"python", "faiss", "device", "runs"}
    assert next(finding for finding in found if finding.subject == "faiss").state == "ok"


def test_two_distributions_fail_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XLIT_DATA", raising=False)
    monkeypatch.setattr(doctor, "faiss_distributions", lambda: ["faiss-cpu 1", "faiss-gpu 1"])
    with pytest.raises(UsageError, match="two distributions"):
        doctor.run(DoctorOptions(json=True))
    found = json.loads(capsys.readouterr().out)
    assert {"subject": "XLIT_DATA", "state": "note"}.items() <= next(
        entry for entry in found if entry["subject"] == "XLIT_DATA"
    ).items()
