from core.evaluation.layout import lay_out

ARM = {
    "status": "ok", "n": 12, "json_valid": 1.0, "schema_valid": 0.5, "exact": 0.25, "score": 0.625,
    "primary": {"mean": 0.5, "low": 0.25, "high": 0.75}, "latency_p50": 0.125, "prompt_tokens": 68.0, "new_tokens": 6.0,
}  # fmt: skip
CONTRAST = {
    "a": "rag", "b": "base", "metric": "answer", "slice": "all", "n": 12, "clusters": 12, "difference": 0.25,
    "ci_low": 0.125, "ci_high": 0.375, "p": 0.01, "p_holm": 0.03,
}  # fmt: skip
SUMMARY = {
    "primary_metric": "answer",
    "arms": {"base": ARM, "rag": {"status": "missing", "reason": "There is no index."}},
    "contrasts": [CONTRAST],
    "slices": {"short": {"base": ARM}},
    "verdict": {"state": "better", "arm": "base", "sentence": "Base model is best."},
    "notes": ["A note."],
    "leakage": "",
}


def rows(view, place):
    return [row.cells for row in view.tables[place].rows]


def test_every_number_is_written_once_for_all():
    view = lay_out(SUMMARY)
    assert (view.stamp, view.verdict, view.notes) == ("", "Base model is best.", ("A note.",))
    assert [table.title for table in view.tables] == ["Approaches", "Differences", "Slices"]
    written = ("Base model", "12", "0.500", "0.250 to 0.750", "100 %", "50 %", "25 %", "0.625", "0.12", "68", "6")
    assert rows(view, 0)[0] == written
    assert rows(view, 1) == [("RAG - Base model", "answer", "all (12)", "+0.250", "+0.125 to +0.375", "0.0300", "")]
    assert rows(view, 2) == [("short", "Base model", "12", "0.500", "0.250 to 0.750", "50 %")]
    for table in view.tables:
        assert {len(row.cells) for row in table.rows if not row.remark} == {len(table.columns)}
    assert [column.title for column in view.tables[0].columns][:3] == ["Approach", "Items", "answer"]


def test_an_arm_that_did_not_run_says_why():
    row = lay_out(SUMMARY).tables[0].rows[1]
    assert (row.cells, row.remark) == (("RAG",), "Not run. There is no index.")


def test_a_leak_is_stamped_on_every_table():
    view = lay_out({**SUMMARY, "leakage": "LEAKED: all of it."})
    assert view.stamp == "LEAKED: all of it."
    assert all(table.title.endswith("(stamped, see above)") for table in view.tables)


def test_too_few_groups_give_no_interval():
    few = {**CONTRAST, "clusters": 2, "ci_low": None, "ci_high": None, "p": None, "p_holm": None}
    row = lay_out({**SUMMARY, "contrasts": [few]}).tables[1].rows[0]
    assert row.cells[3:] == ("+0.250", "too few independent groups (2)", "", "")
    assert row.interval is None


def test_only_what_explains_nothing_is_minor():
    unclear = {"ci_low": -0.1, "ci_high": 0.4}
    cases = [CONTRAST, {**CONTRAST, **unclear}, {**CONTRAST, "slice": "short"}, {**CONTRAST, "slice": "short", **unclear}]
    cases.append({**CONTRAST, "metric": "schema_valid", "ci_low": None, "ci_high": None})
    table = lay_out({**SUMMARY, "contrasts": cases}).tables[1]
    assert [row.minor for row in table.rows] == [False, False, False, True, True]


def test_a_difference_outside_the_primary_family_shows_its_plain_p():
    plain = {**CONTRAST, "metric": "schema_valid", "p_holm": None}
    assert rows(lay_out({**SUMMARY, "contrasts": [plain]}), 1)[0][-2] == "0.0100"


def test_a_run_stopped_at_once_has_nothing_to_show():
    view = lay_out({})
    assert view.verdict == "This run was stopped before any arm had finished."
    assert view.tables == ()


def test_older_runs_have_no_notes_and_no_slices():
    old = {name: value for name, value in SUMMARY.items() if name not in {"notes", "leakage"}}
    view = lay_out({**old, "slices": {}, "arms": {"gone": ARM}, "contrasts": [{**CONTRAST, "b": "gone"}]})
    assert [table.title for table in view.tables] == ["Approaches", "Differences"]
    assert rows(view, 0)[0][0] == "gone"
    assert rows(view, 1)[0][0] == "RAG - gone"


def test_what_is_left_of_a_lucky_lead_is_shown_where_groups_are_few():
    few = {**CONTRAST, "clusters": 40, "shrunken": 0.12}
    assert rows(lay_out({**SUMMARY, "contrasts": [few]}), 1)[0][-1] == "+0.120"
    assert rows(lay_out({**SUMMARY, "contrasts": [{**few, "clusters": 200}]}), 1)[0][-1] == ""


def test_a_baseline_has_marks_but_neither_tokens_nor_seconds():
    ours = SUMMARY["arms"]["base"]
    timed = {"status", "latency_p50", "latency_p95", "prompt_tokens", "new_tokens", "seconds", "stages", "truncated"}
    nearest = {"status": "baseline", **{name: value for name, value in ours.items() if name not in timed}}
    cells = rows(lay_out({**SUMMARY, "arms": {"nearest": nearest}}), 0)[0]
    assert cells[:3] == ("Copied nearest example", "12", "0.500")
    assert cells[-3:] == ("", "", "")


def test_a_misfit_is_stamped_before_a_leak():
    view = lay_out({**SUMMARY, "misfit": "MISFIT: x.", "leakage": "LEAKED: y."})
    assert view.stamp == "MISFIT: x. LEAKED: y."


def test_slips_and_scales_are_shown_where_they_were_counted():
    arm = {
        **SUMMARY["arms"]["base"],
        "slips": {"invented": 3, "missing": 1, "wrong": 7},
        "truncated": 2,
        "ordinals": {"grade": {"n": 12, "exact": 0.5, "within_one": 0.75, "kappa": 0.4, "rated": 12}, "never": EMPTY_SCALE},
    }
    view = lay_out({**SUMMARY, "arms": {"base": arm}})
    assert [table.title for table in view.tables] == ["Approaches", "Differences", "Slices", "Slips", "Scales"]
    assert rows(view, 3) == [("Base model", "3", "1", "7", "2")]
    assert rows(view, 4) == [("Base model", "grade", "50 %", "75 %", "0.40"), ("Base model", "never", "", "", "")]


EMPTY_SCALE = {"n": 0, "exact": None, "within_one": None, "kappa": None, "rated": 0}


def test_losses_effects_and_refusals_are_shown_where_they_were_measured():
    causes = {"right": {"count": 3, "lost": 0.0}, "passage ignored": {"count": 9, "lost": 0.5}}
    arm = {**ARM, "causes": causes, "refusals": {"expected": 4, "given": 2, "precision": 0.5, "recall": 0.25}}
    effects = [
        {"name": "retrieval", "size": 0.25, "low": 0.125, "high": 0.375, "p": 0.01},
        {"name": "interaction", "size": 1.5, "low": 1.25, "high": 1.75, "p": 0.01},
        {"name": "training", "size": 0.1, "low": None, "high": None, "p": None},
    ]
    view = lay_out({**SUMMARY, "arms": {"base": arm, "rag": ARM}, "effects": effects})
    tables = {table.title: [row.cells for row in table.rows] for table in view.tables}
    assert tables["Where marks are lost"] == [("Base model", "3", "9 (-0.50)")]
    assert [row[1:] for row in tables["Effects"]] == [
        ("+0.250", "+0.125 to +0.375"), ("+1.500", "+1.250 to +1.750"), ("+0.100", "too few independent groups"),
    ]  # fmt: skip
    assert [row.interval is None for table in view.tables if table.title == "Effects" for row in table.rows] == [
        False,
        True,
        True,
    ]
    assert tables["Saying that there is no answer"] == [("Base model", "2", "50 %", "25 % of 4")]
    for table in view.tables:
        assert {len(row.cells) for row in table.rows if not row.remark} == {len(table.columns)}
