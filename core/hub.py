"""A folder goes to the Hub where the person is logged in: in one commit, and nowhere public unless that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from core.errors import LabError

RepositoryKind = Literal["model", "dataset"]


def push_folder(
    folder: Path, repository: str, *, message: str, kind: RepositoryKind = "model", place: str = "", public: bool = False
) -> str:
    """Upload a folder; returns the address of the repository, which is made if absent, private unless asked otherwise.

    The token is the one in the environment (HF_TOKEN) or of `hf auth login`; it is never asked for here.

    Args:
        folder: What is uploaded, all of it.
        repository: OWNER/NAME.
        message: Of the commit.
        kind: What the repository is.
        place: Folder of the repository; its root by default. What else is there stays.
        public: Whether everybody may see it.

    Raises:
        LabError: There is no token, the repository is public already and that was not asked for, or the Hub refuses or cannot
            be reached.
    """
    from huggingface_hub import HfApi

    require_token()
    api = HfApi()
    try:
        address = api.create_repo(repository, repo_type=kind, private=not public, exist_ok=True)
        if not public and not api.repo_info(address.repo_id, repo_type=kind).private:  # One that exists stays as it is.
            raise LabError(f"{address.repo_id} is public already.", "Add --public, or name another; nothing was sent.")
        api.upload_folder(
            repo_id=address.repo_id,
            repo_type=kind,
            folder_path=folder,
            path_in_repo=place or None,
            commit_message=message,
            delete_patterns=None,
        )
    except Exception as error:
        # The Hub's client speaks httpx; its transport errors are neither OSError nor Hub errors.
        if not _is_of_hub(error):
            raise
        raise _explain(repository, error) from error
    return str(address)


def require_token() -> None:
    """Make sure that somebody is logged in, before anything is read or written for the Hub.

    Raises:
        LabError: There is no token.
    """
    from huggingface_hub import get_token

    if not get_token():
        raise LabError("There is no token for the Hub.", "Set HF_TOKEN to one that may write, or run `hf auth login`.")


def _is_of_hub(error: Exception) -> bool:
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    known = isinstance(error, HfHubHTTPError | HFValidationError | OfflineModeIsEnabled | OSError)
    return known or type(error).__module__.startswith("httpx")


def _explain(repository: str, error: Exception) -> LabError:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return LabError(
        f"The Hub did not take {repository}: {line}.", "Check the name (OWNER/NAME), the token's rights and the connection."
    )
