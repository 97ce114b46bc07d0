"""The one error that is the user's business.

Three kinds of failure stay apart (ARCHITECTURE.md): a model that answers badly is data and is counted;
a user or environment problem is a `LabError`, translated once at the edge into a message box or exit code 2;
a bug of ours propagates with its traceback.
"""

from __future__ import annotations


class LabError(Exception):
    """Something the user or the environment must mend.

    Args:
        happened: What happened, with the value seen, as one sentence.
        remedy: What to do about it, as one sentence.
    """

    def __init__(self, happened: str, remedy: str = "") -> None:
        super().__init__(f"{happened} {remedy}".strip())
        self.happened = happened
        self.remedy = remedy


class Cancelled(Exception):
    """The user asked a long piece of work to stop; what is useful has been kept."""


class Paused(Exception):
    """The time that work was given is over; a state was kept, and it goes on from there."""


def name_cause(error: BaseException) -> str:
    """Return the first line of what a library says, without its full stop; the error's name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
