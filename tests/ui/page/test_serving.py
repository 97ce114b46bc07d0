"""What the page's server offers beside the page: its health, its description of endpoints, tools where they are wanted."""

import json
import sys
from importlib.util import find_spec

import httpx
import pytest

from core.environment import find_version
from core.errors import LabError
from core.generation.fake import FakeGenerator
from core.settings import Settings, offers_tools
from lab.lab import Lab
from tests.ui.page.test_api import PUBLIC, make_lab
from ui.page.app import build_page, launch, serve
from ui.page.health import describe_health
from ui.page.tools import TOOLS, check_tools


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    page, address = serve(make_lab(tmp_path_factory.mktemp("serving") / "home"), tools=find_spec("mcp") is not None)
    yield address.rstrip("/")
    page.close()


def test_health_is_a_few_numbers_without_paths(address, tmp_path_factory):
    answer = httpx.get(f"{address}/health")
    told = answer.json()
    assert (answer.status_code, told["status"], told["version"]) == (200, "ok", find_version())
    assert (told["model_loaded"], told["device"], told["waiting"], told["answering"]) == (True, "none", 0, 0)
    assert told["disk_free_bytes"] > 0
    assert str(tmp_path_factory.getbasetemp()) not in answer.text
    assert httpx.post(f"{address}/health").status_code == 405


def test_health_loads_no_model_and_hides_where_one_lies(tmp_path):
    lab = Lab(Settings(home=tmp_path / "not" / "there", model="/srv/secret/models/mine"))
    told = describe_health(lab, build_page(lab))
    assert (told["model"], told["model_loaded"], told["device"]) == ("mine", False, None)
    assert "/" not in json.dumps(told)


def test_the_description_for_other_programs_names_the_six(address):
    described = httpx.get(f"{address}/gradio_api/openapi.json").json()
    called = [path.partition("/call/")[2] for path in described["paths"] if "/call/" in path]
    assert {name.removeprefix("v2/").partition("/")[0] for name in called} == PUBLIC


@pytest.mark.parametrize(("value", "wanted"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_tools_are_offered_only_where_asked_for(monkeypatch, value, wanted):
    monkeypatch.delenv("RAGFT_MCP", raising=False)
    if value is not None:
        monkeypatch.setenv("RAGFT_MCP", value)
    assert offers_tools() is wanted


def test_without_the_library_tools_are_refused_before_anything_starts(monkeypatch, settings):
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setattr("ui.page.tools.find_spec", lambda name: None)
    with pytest.raises(LabError, match="pip install 'ragft"):
        launch(settings, tools=True)


def test_tools_read_and_answer_and_nothing_else(address):
    pytest.importorskip("mcp", reason="needs the extra mcp")
    import anyio
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    check_tools()

    async def talk():
        async with streamablehttp_client(f"{address}{TOOLS}") as (reading, writing, _):
            async with ClientSession(reading, writing) as session:
                await session.initialize()
                listed = await session.list_tools()
                called = await session.call_tool("validate", {"task": "tiny", "answer": '{"answer": 4}'})
                refused = await session.call_tool("ask", {"task": "nowhere", "question": "x"})
                return listed.tools, called, refused

    tools, called, refused = anyio.run(talk)
    assert {tool.name for tool in tools} == {"ask", "compare", "search", "validate", "list_tasks", "list_runs"}
    ask = next(tool for tool in tools if tool.name == "ask")
    assert "one approach" in ask.description
    assert "qlora" in ask.inputSchema["properties"]["approach"]["description"]
    assert '"valid": false' in called.content[0].text.replace("False", "false").replace("'", '"')
    assert refused.isError
    assert "There is no task" in refused.content[0].text


def test_a_space_with_sign_in_makes_nothing_else_public(tmp_path, monkeypatch):
    told = {"SYSTEM": "spaces", "SPACE_ID": "me/lab", "OAUTH_CLIENT_ID": "x", "OAUTH_CLIENT_SECRET": "y"}
    told |= {"OPENID_PROVIDER_URL": "https://huggingface.co", "OAUTH_SCOPES": "openid profile"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setattr(f"gradio.oauth.{name}", value, raising=False)  # Read there when Gradio was imported.
    page = build_page(Lab(Settings(home=tmp_path / "home", hosted=True), FakeGenerator()))
    assert any(type(block).__name__ == "LoginButton" for block in page.blocks.values())
    assert {handler.api_name for handler in page.fns.values() if handler.api_visibility != "private"} == PUBLIC
    assert set(page.get_api_info(all_endpoints=True)["named_endpoints"]) == {f"/{name}" for name in PUBLIC}


def test_without_wish_there_are_no_tools(tmp_path):
    page, address = serve(Lab(Settings(home=tmp_path / "home"), FakeGenerator()))
    try:
        assert not page.mcp_server
        assert httpx.get(f"{address.rstrip('/')}{TOOLS}").status_code == 404
    finally:
        page.close()
