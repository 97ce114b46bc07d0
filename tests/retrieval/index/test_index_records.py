"""The records of an index: what a later program wrote is kept, what makes no sense is damage and mended."""

import pytest

from core.errors import LabError
from core.storage import hash_file, hash_json, read_json, write_json
from retrieval.index.index import open_index
from retrieval.index.info import INFO, read_info
from retrieval.index.versions import CURRENT, read_pointer
from tests.index_files import TEXTS, describe, update


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def files(tmp_path):
    place = tmp_path / "documents"
    place.mkdir()
    for name, text in TEXTS.items():
        (place / f"{name}.md").write_text(text)
    return place


def rewrite(folder, version, change):
    """Write another program's `index.json` and a CURRENT that it fits."""
    info = folder / version / INFO
    write_json(info, change(read_json(info)))
    pointer = {**read_json(folder / CURRENT), "later": 1}
    pointer["files"][INFO] = hash_file(info)
    del pointer["check"]
    write_json(folder / CURRENT, {**pointer, "check": hash_json(pointer)})


def test_what_a_later_program_wrote_is_read_and_kept(folder, files, embedder):
    version = update(folder, files, embedder).generation
    rewrite(folder, version, lambda info: {**info, "later": [1]})
    index = open_index(folder, embedder.fingerprint, task="t")
    assert (index.notes, index.version) == ((), version)
    assert read_info(folder / version).as_json()["later"] == [1]
    assert read_pointer(folder).as_json()["later"] == 1


def test_a_record_that_is_whole_and_makes_no_sense_is_damage(folder, files, embedder):
    first = update(folder, files, embedder).generation
    (files / "pay.md").write_text("# Pay\n\nThe heron bonus is 50 euros.")
    second = update(folder, files, embedder).generation
    rewrite(folder, second, lambda info: {**info, "documents": "three"})
    index = open_index(folder, embedder.fingerprint, task="t")
    assert index.version == first
    assert "the state before its last change" in index.notes[0]
    assert f"{second}/{INFO}" in update(folder, files, embedder).notes[0]
    assert describe(folder, embedder)["pay"].endswith("heron bonus is 50 euros.")


@pytest.mark.parametrize("name", ["../elsewhere", "a\0b", "x" * 300])
def test_a_pointer_that_leads_elsewhere_is_damage(folder, files, embedder, name):
    update(folder, files, embedder)
    pointer = {**read_json(folder / CURRENT), "generation": name}
    del pointer["check"]
    write_json(folder / CURRENT, {**pointer, "check": hash_json(pointer)})
    with pytest.raises(LabError, match="There is no state of the index"):
        read_pointer(folder)
    assert open_index(folder, embedder.fingerprint, task="t").notes
    assert update(folder, files, embedder).built
