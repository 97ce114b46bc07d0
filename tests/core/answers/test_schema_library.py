import subprocess
import sys

# What the library's own check of `iri` needs; it compiles grammars for three seconds, and ours does not use it.
CODE = """
import sys
from core.answers.validation import validate
right = validate("https://example.org/käse", {"type": "string", "format": "iri"})
wrong = validate("no address", {"type": "string", "format": "iri"})
print(right == [], [issue.keyword for issue in wrong], sorted({"rfc3987_syntax", "lark"} & set(sys.modules)))
import rfc3987_syntax
"""


def test_checking_imports_no_grammar_and_hides_none():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True ['format'] []"
