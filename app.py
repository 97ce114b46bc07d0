"""Entry for `python app.py` and for Spaces: starts the page, nothing else."""

import os

from core.settings import read_settings
from ui.page.app import launch

if __name__ == "__main__":
    on_space = "SPACE_ID" in os.environ
    launch(read_settings(), host="0.0.0.0" if on_space else "127.0.0.1", port=int(os.environ.get("PORT", "7860")))
