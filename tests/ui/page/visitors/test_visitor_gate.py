"""Raw requests of one visitor with the ids and paths of another: sessions, events, uploads, offers, and foreign sites."""

import asyncio
import json
import secrets
from pathlib import Path

import httpx
import pytest

from core.generation.fake import FakeGenerator
from core.settings import Settings
from lab.lab import Lab
from lab.limits import HOSTED, VisitorLimits
from tests.conftest import HashingEmbedder, row, write_task
from ui.page.app import serve
from ui.page.visitors.claims import Claims
from ui.page.visitors.gate import COOKIE, Hosts, VisitorGate, read_hosts, write_cookie
from ui.page.visitors.offers import offer_folder

API = "/gradio_api"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A hosted page with an offered task, and its address."""
    place = tmp_path_factory.mktemp("gate")
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(place / "gradio"))
    rows = [row(number, f"Question {number}?", "40 euros", "pay") for number in range(4)]
    write_task(place / "home" / "tasks" / "offered", train=rows, test=rows[:1])
    lab = Lab(Settings(home=place / "home", hosted=True), FakeGenerator({}, context_tokens=4096), HashingEmbedder())
    page, address = serve(lab)
    yield lab, address.rstrip("/")
    page.close()
    patch.undo()


@pytest.fixture
def visitors(served):
    """Two browsers that have opened the page."""
    with httpx.Client(base_url=served[1], timeout=30) as first, httpx.Client(base_url=served[1], timeout=30) as second:
        first.get("/")
        second.get("/")
        yield first, second


def join(client, name="tasks", data=(), **more):
    session = more.pop("session_hash", secrets.token_hex(6))
    index = find_index(client, name)
    body = {"data": list(data), "fn_index": index, "session_hash": session, "event_data": None, "trigger_id": None, **more}
    return session, client.post(f"{API}/queue/join", json=body)


def find_index(client, name):
    fns = client.get("/config").json()["dependencies"]
    return next(fn["id"] for fn in fns if fn["api_name"] == name)


def read_result(client, name, data=()):
    """Call an endpoint as a program does, and return what it says."""
    started = client.post(f"{API}/call/{name}", json={"data": list(data)})
    if started.status_code != 200:
        return started.text
    return client.get(f"{API}/call/{name}/{started.json()['event_id']}").text


def test_a_browser_gets_a_secret_that_no_script_can_read(served):
    answer = httpx.get(served[1] + "/")
    (told,) = [value for value in answer.headers.get_list("set-cookie") if value.startswith(COOKIE)]
    assert "HttpOnly; SameSite=Lax" in told
    assert len(answer.cookies[COOKIE]) == 32
    again = httpx.get(served[1] + "/", cookies={COOKIE: answer.cookies[COOKIE]})
    assert COOKIE not in again.cookies


def test_the_cookie_holds_in_a_frame_of_a_space(monkeypatch):
    assert write_cookie("0" * 32, on_space=True).endswith("HttpOnly; SameSite=None; Secure; Partitioned")
    monkeypatch.delenv("RAGFT_HOSTS", raising=False)
    monkeypatch.setenv("SPACE_ID", "me/lab")
    monkeypatch.setenv("SPACE_HOST", "me-lab.hf.space, Lab.example.org")
    assert read_hosts() == Hosts(frozenset(["me-lab.hf.space", "lab.example.org"]), on_space=True)


@pytest.mark.parametrize("told", ["", "short", "Z" * 32, "../" * 11, "a" * 33, "%00" * 11])
def test_a_made_up_cookie_is_a_new_visitor(served, told):
    answer = httpx.get(served[1] + "/", headers={"cookie": f"{COOKIE}={told}"})
    assert answer.status_code == 200
    assert len(answer.cookies[COOKIE]) == 32
    made_up = httpx.get(served[1] + "/", headers={"cookie": f"{COOKIE}={secrets.token_hex(16)}"})
    assert (made_up.status_code, made_up.cookies) == (200, httpx.Cookies())


def test_only_a_hash_of_the_secret_is_on_the_disk(served, visitors):
    lab, _ = served
    secret = visitors[0].cookies[COOKIE]
    home = lab.for_visitor(f"cookie:{secret}").settings.home
    assert secret not in str(home)


def test_a_session_and_its_events_are_of_whoever_named_them_first(visitors):
    first, second = visitors
    session, joined = join(first)
    event = joined.json()["event_id"]
    assert join(second, session_hash=session)[1].status_code == 403
    assert second.get(f"{API}/queue/data", params={"session_hash": session}).status_code == 403
    assert second.get(f"{API}/heartbeat/{session}").status_code == 403
    cancel = {"session_hash": "other", "fn_index": 0, "event_id": event}
    assert second.post(f"{API}/cancel", json=cancel).status_code == 404
    assert second.get(f"{API}/call/tasks/{event}").status_code == 404
    assert (
        httpx.get(f"{str(second.base_url).rstrip('/')}{API}/call/tasks/{event}").status_code == 404
    )  # Without any cookie too.
    with first.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as answer:
        assert answer.status_code == 200
        assert "process_completed" in "".join(answer.iter_text())


def test_an_upload_is_read_and_used_by_its_owner_alone(visitors):
    first, second = visitors
    (path,) = first.post(f"{API}/upload", files={"files": ("mine.csv", b"QUOKKA,b\n1,2\n")}).json()
    assert "QUOKKA" in first.get(f"{API}/file={path}").text
    for wrong in (path, path.replace("/", "//"), f"{Path(path).parent}/../{Path(path).parent.name}/mine.csv"):
        answer = second.get(f"{API}/file={wrong}")
        assert answer.status_code == 404, wrong
        assert "QUOKKA" not in answer.text
    assert httpx.get(f"{str(first.base_url).rstrip('/')}{API}/file={path}").status_code == 404
    value = {"path": path, "orig_name": "mine.csv", "meta": {"_type": "gradio.FileData"}}
    for data in ([value], [[value]], [path], [{"path": path}], [{"deep": [{"path": path}]}]):
        assert join(second, data=data)[1].status_code == 404, data
    assert join(first, data=[value])[1].status_code == 200
    for outside in ("/etc/passwd", "http://127.0.0.1:1/x"):
        assert join(first, data=[{**value, "path": outside}])[1].status_code == 404
    # Equal files are stored once, and each who has one reads it.
    assert second.post(f"{API}/upload", files={"files": ("mine.csv", b"QUOKKA,b\n1,2\n")}).json() == [path]
    assert "QUOKKA" in second.get(f"{API}/file={path}").text


def test_an_offered_file_is_its_visitors(served, visitors):
    first, second = visitors
    mine = served[0].for_visitor(f"cookie:{first.cookies[COOKIE]}").settings
    file = offer_folder(mine) / "run.json"
    file.write_text("QUOKKA")
    assert first.get(f"{API}/file={file}").text == "QUOKKA"
    assert second.get(f"{API}/file={file}").status_code == 404


def test_a_home_is_never_served_not_even_to_its_owner(served, visitors):
    mine = served[0].for_visitor(f"cookie:{visitors[0].cookies[COOKIE]}").settings
    secret = mine.home / "tasks" / "note.txt"
    secret.parent.mkdir(parents=True)
    secret.write_text("QUOKKA")
    for client in visitors:
        assert client.get(f"{API}/file={secret}").status_code == 404
        assert "QUOKKA" not in read_result(client, "validate", [str(secret.parent), "{}"])


def test_two_tasks_of_one_name_are_two_tasks(served, visitors):
    for number, client in enumerate(visitors):
        home = served[0].for_visitor(f"cookie:{client.cookies[COOKIE]}").settings.home
        folder = write_task(home / "tasks" / "same", train=[row(1, "A?", "b", "pay")], test=[row(2, "C?", "d", "pay")])
        (folder / "task.toml").write_text(f'title = "TITLE{number}"\ndescription = "x"\ninstruction = "y"\n')
    for number, client in enumerate(visitors):
        told = read_result(client, "tasks")
        assert (f"TITLE{number}" in told, f"TITLE{1 - number}" in told, "offered" in told) == (True, False, True)
    with httpx.Client(base_url=visitors[0].base_url) as stranger:
        told = read_result(stranger, "tasks")
    assert ("TITLE" in told, "offered" in told) == (False, True)


@pytest.mark.parametrize("name", ["../../tasks/offered", "/etc", "..", "a/b", "~root", "offered/../offered", "\x00"])
def test_a_task_is_a_name_and_no_path(visitors, name):
    told = read_result(visitors[0], "validate", [name, "{}"])
    assert "event: error" in told or "no name" in told or "no task" in told.lower()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_another_site_may_not_act(visitors, origin):
    session, answer = join(visitors[0])
    assert answer.status_code == 200
    body = {"data": [], "fn_index": 0, "session_hash": session}
    for path, extra in ((f"{API}/queue/join", {"json": body}), (f"{API}/upload", {"files": {"files": ("a", b"a")}})):
        assert visitors[0].post(path, headers={"origin": origin}, **extra).status_code == 403
    own = str(visitors[0].base_url).rstrip("/")
    assert visitors[0].post(f"{API}/upload", headers={"origin": own}, files={"files": ("a", b"a")}).status_code == 200


def test_too_much_is_refused_in_a_sentence(visitors):
    big = visitors[0].post(f"{API}/queue/join", json={"data": ["x" * (HOSTED.event_bytes + 1)]})
    assert (big.status_code, "one event" in big.json()["detail"]) == (413, True)
    unmeasured = visitors[0].post(f"{API}/upload", content=iter([b"x"]), headers={"content-type": "multipart/form-data"})
    assert unmeasured.status_code == 411
    assert visitors[0].post(f"{API}/queue/join", content=b"{").status_code == 400


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (VisitorLimits(), 200),
        (VisitorLimits(request_bytes=9), 413),
        (VisitorLimits(disk_bytes=9), 413),
        (VisitorLimits(free_bytes=2**60), 507),
    ],
)
def test_an_upload_has_limits(tmp_path, limits, status):
    """Without a server: of one upload, of all uploads of a visitor, and of the disk."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", b"10"), (b"cookie", f"{COOKIE}={'a' * 32}".encode())]
    scope = {"type": "http", "method": "POST", "path": f"{API}/upload", "headers": headers, "query_string": b""}
    gate = VisitorGate(app, claims=Claims(), cache=tmp_path / "cache", hosts=Hosts(), limits=limits)
    asyncio.run(gate(scope, None, send))
    assert sent[0]["status"] == status


@pytest.mark.parametrize(
    "path", ["/proxy=http://x", "/stream/x", "/component_server", "/run-history/records", "/file/etc/passwd"]
)
def test_routes_that_the_page_does_not_use_do_not_answer(visitors, path):
    assert visitors[0].get(f"{API}{path}").status_code == 404
    assert visitors[0].post(f"{API}{path}", json={}).status_code == 404


def test_the_page_itself_is_served_whole(served, visitors):
    assert json.loads(visitors[0].get("/config").text)["components"]
    assert visitors[0].get("/health").json()["status"] == "ok"
    assert visitors[0].get(f"{API}/openapi.json").status_code == 200
