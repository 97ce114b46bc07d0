"""An adapter goes to the Hub, with its model card, where the person is logged in."""

from __future__ import annotations

from core.hub import push_folder, require_token
from core.settings import Settings
from finetune.adapters.export import package


def push_adapter(settings: Settings, adapter: str, repository: str, *, public: bool = False) -> str:
    """Upload an adapter, its card and README; returns the address of the repository, private unless asked otherwise.

    Raises:
        LabError: There is no such adapter; or as `core.hub.push_folder`.
    """
    require_token()
    with package(settings, adapter) as folder:
        return push_folder(folder, repository, message=f"Adapter {adapter}", public=public)
