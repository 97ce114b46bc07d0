"""The web page: shared parts here, a folder for each tab."""

from ui.page.gradio_import import import_gradio

import_gradio()  # Before any module of the page: the first import decides how long a start takes.
