"""An adapter goes to the Hub, with its model card, where the person is logged in."""

from __future__ import annotations

from core.errors import LabError
from core.settings import Settings
from finetune.adapters.export import package


def push_adapter(settings: Settings, adapter: str, repository: str, *, public: bool = False) -> str:
    """Upload an adapter, its card and README; returns the address of the repository, private unless asked otherwise.

    The token is the one in the environment (HF_TOKEN) or of `hf auth login`; it is never asked for here.

    Raises:
        LabError: There is no token, no such adapter, the repository is public already and that was not asked for, or
            the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if not get_token():
        raise LabError("There is no token for the Hub.", "Set HF_TOKEN to one that may write, or run `hf auth login`.")
    api = HfApi()
    with package(settings, adapter) as folder:
        try:
            address = api.create_repo(repository, private=not public, exist_ok=True)
            if not public and not api.repo_info(address.repo_id).private:  # One that exists stays as it is.
                raise LabError(f"{address.repo_id} is public already.", "Add --public, or name another; nothing was sent.")
            api.upload_folder(
                repo_id=address.repo_id, folder_path=folder, commit_message=f"Adapter {adapter}", delete_patterns=None
            )
        except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
            raise _explain(repository, error) from error
        except Exception as error:
            # The Hub's client speaks httpx; its transport errors are neither OSError nor Hub errors.
            if not type(error).__module__.startswith("httpx"):
                raise
            raise _explain(repository, error) from error
    return str(address)


def _explain(repository: str, error: Exception) -> LabError:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return LabError(
        f"The Hub did not take {repository}: {line}.", "Check the name (OWNER/NAME), the token's rights and the connection."
    )
