"""Records read from JSON: typed, tolerant of what is new, plain about what is damaged; names from outside stay inside."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.comparison.runs import Run, list_runs, load_predictions, load_run, save_run
from core.errors import LabError
from core.storage import MANIFEST, child, verify_folder, write_json
from core.stored import Stored, read_each, read_stored, restore
from core.values import Generation, Hit, Issue, Passage, Prediction


@dataclass(frozen=True, slots=True)
class Ship(Stored):
    name: str
    masts: int = 3
    crew: tuple[str, ...] = ()
    cargo: Mapping[str, Any] = field(default_factory=dict)
    speed: float | None = None


JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=2),
)


@given(
    name=some.text(), masts=some.integers(-9, 9), crew=some.lists(some.text(max_size=4), max_size=3), more=some.dictionaries(some.text(max_size=6), JSON, max_size=3)
)  # fmt: skip
def test_a_record_comes_back_with_what_it_does_not_know(name, masts, crew, more):
    values = {**more, "name": name, "masts": masts, "crew": crew, "cargo": {"tea": 1}, "speed": 5}
    ship = restore(Ship, json.dumps(values), origin="ship")
    assert (ship.name, ship.masts, list(ship.crew), ship.speed) == (name, masts, crew, 5)
    assert json.loads(json.dumps(ship.as_json())) == {key: value for key, value in values.items() if key != "extra"} | (
        {"extra": values["extra"]} if "extra" in values else {}
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ("null", "damaged"),
        ("{}", "name"),
        ('{"name": 5}', "name"),
        ('{"name": "a", "masts": "3"}', "masts"),
        ('{"name": "a", "masts": 1.5}', "masts"),
        ('{"name": "a", "crew": "bob"}', "crew"),
        ('{"name": "a", "cargo": []}', "cargo"),
        ("[" * 100_000, "damaged"),
        ("\x00", "damaged"),
    ],
)
def test_damage_is_a_sentence_that_names_the_file(tmp_path, text, words):
    (tmp_path / "ship.json").write_text(text)
    with pytest.raises(LabError, match=words) as caught:
        read_stored(Ship, tmp_path / "ship.json")
    assert str(tmp_path / "ship.json") in str(caught.value)


def test_what_cannot_be_read_is_a_sentence_too(tmp_path):
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xff"}')
    for name in ("latin.json", "absent.json"):
        with pytest.raises(LabError, match=name):
            read_stored(Ship, tmp_path / name)
    listing = read_each([tmp_path / "latin.json", tmp_path / "absent.json"], lambda path: read_stored(Ship, path))
    assert (listing.whole, len(listing.damaged)) == ([], 2)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\0b", "a\nb", "x" * 5000, "ü" * 150])
def test_a_name_from_outside_leads_nowhere_else(tmp_path, name):
    with pytest.raises(LabError, match="There is no run") as caught:
        child(tmp_path, name, what="run", remedy="See the list.")
    assert len(str(caught.value)) < 300
    assert child(tmp_path, "20260101-a-b.c", what="run") == tmp_path / "20260101-a-b.c"


@pytest.mark.parametrize("text", ["[]", "{}", '{"files": []}', '{"files": {"a": 5}}', "{", "[" * 100_000])
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(LabError, match=MANIFEST):
        verify_folder(tmp_path, remedy="Delete it.")


def test_a_run_keeps_what_a_later_version_wrote_and_a_damaged_one_hides_no_other(settings):
    run = Run("r1", "t", "ok", "now", {}, {}, {}, extra={"of_tomorrow": [1]})
    save_run(settings, run, {}, "<p>")
    assert load_run(settings, "r1").as_json()["of_tomorrow"] == [1]
    for name in ("r0", "r2"):
        (settings.folder("runs") / name).mkdir()
        write_json(settings.folder("runs") / name / "run.json", {"id": 5})
    (settings.folder("runs") / "stray.txt").write_text("no run")
    listing = list_runs(settings)
    assert [run.id for run in listing.whole] == ["r1"]
    assert [sentence.split(":")[0] for sentence in listing.damaged] == ["r2", "r0"]


def test_predictions_come_back_as_they_were(settings):
    passage = Passage("pay", "Pay", 3, 9, "a bonus", place="page 2")
    hit = Hit(passage, 0.5, ranks={"dense": 1}, scores={"dense": 0.7})
    generation = Generation('{"a": "ü\u2028"}', 9, 4, 0.1, 0.2, "stop", forced_tokens=2)
    whole = Prediction("rag", "q1", (hit,), generation, {"a": "ü\u2028"}, (), "strict", 1, ("leave",))
    failed = Prediction("base", "q1", (), generation, None, (Issue("", "json", "no JSON"),), "failed")
    folder = save_run(settings, Run("r1", "t", "ok", "now", {}, {}, {}), {"base": [failed], "rag": [whole]}, "<p>")
    assert load_predictions(settings, "r1") == [failed, whole]
    lines = (folder / "predictions.jsonl").read_text()
    for damage in ('{"arm"', '{"arm": "base"}', "[]", "5"):
        (folder / "predictions.jsonl").write_text(f"{lines}\n{damage}\n")
        with pytest.raises(LabError, match=r"predictions\.jsonl:4 is damaged"):
            load_predictions(settings, "r1")
    with pytest.raises(LabError, match="There is no run"):
        load_predictions(settings, "../runs/r1")
