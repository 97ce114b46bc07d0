"""The public endpoints as tools of the Model Context Protocol, where whoever starts the page asks for them."""

from __future__ import annotations

from importlib.util import find_spec

from core.errors import LabError

TOOLS = "/gradio_api/mcp/"  # Where programs find them, on the page's own address.


def check_tools() -> None:
    """Refuse to offer tools without the library that speaks the protocol.

    Raises:
        LabError: It is not installed.
    """
    if find_spec("mcp") is None:
        raise LabError("Tools for other programs (MCP) need a library that is not installed.", "`pip install 'ragft[mcp]'`")
