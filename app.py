"""Entry for `python app.py` and for Spaces: starts the page, nothing else."""

import os

from core.settings import offers_tools, read_settings
from ui.page.app import launch

if __name__ == "__main__":
    on_space = "SPACE_ID" in os.environ
    host, port = "0.0.0.0" if on_space else "127.0.0.1", int(os.environ.get("PORT", "7860"))
    launch(read_settings(), host=host, port=port, tools=offers_tools())
