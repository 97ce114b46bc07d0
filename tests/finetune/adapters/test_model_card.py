"""What a reader of an exported adapter is told."""

from dataclasses import replace

from adapter_files import CARD

from finetune.adapters.model_card import write_readme


def test_the_readme_states_base_licence_schema_marks_and_how_to_load_it():
    card = replace(
        CARD, model="SmolLM2-135M-Instruct", licence={"base": "Apache-2.0", "data": "CC-BY-4.0"}, instruction="Answer.",
        schema={"type": "object"}, config={"rank": 16, "storage": "nf4"}, environment={"versions": {"torch": "2.13"}},
        outcome={"last_loss": 0.5, "best": {"exact": 0.75}, "curve": [1, 2]},
    )  # fmt: skip
    text = write_readme(card)
    for words in (
        'base_model: "HuggingFaceTB/SmolLM2-135M-Instruct"', 'license: "apache-2.0"', "- data: CC-BY-4.0", "> Answer.",
        '"type": "object"', "- rank: 16", "- best.exact: 0.75", "- versions.torch: 2.13", "PeftModel.from_pretrained",
        "load_in_4bit=True", "w" * 64,
    ):  # fmt: skip
        assert words in text
    assert "curve" not in text
    assert "Do not load them in 4 bits" in write_readme(card, merged=True)
