"""What every request passes before Gradio sees it, on a page that strangers share.

It says whose the request is, by a signed-in name or by a secret in a cookie that it gives to each new browser; it lets nobody
name another's session, event or file; it refuses events that another site sends, and routes that this page does not use.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.settings import is_on_space, list_hosts, name_visitor
from lab.limits import HOSTED, VisitorLimits
from lab.visitors import make_secret
from ui.page.visitors.claims import Claims
from ui.page.visitors.door import VISITOR, name_session
from ui.page.visitors.offers import find_owner, is_public

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

COOKIE = "ragft-visitor"
SECRET = re.compile(r"[0-9a-f]{32}")
COOKIE_SECONDS = 30 * 24 * 3600  # Longer than anything is kept: an old cookie is a new visitor's.
LONGEST_PATH = 4096  # Of most file systems.
API = "/gradio_api/"
# Of Gradio's routes those that this page uses, by the first word after the prefix; the others do not answer.
ROUTES = frozenset(
    [
        "api_info",
        "app_id",
        "call",
        "cancel",
        "heartbeat",
        "info",
        "login",
        "login_check",
        "mcp",
        "openapi.json",
        "queue",
        "reset",
        "run",
        "startup-events",
        "theme.css",
        "token",
        "upload",
        "upload_progress",
        "user",
    ]
)
EVENTS = frozenset(["call", "cancel", "queue", "reset", "run"])  # Routes whose body is an event.
CAUTIOUS = frozenset(["POST", "PUT", "PATCH", "DELETE"])
LOOPBACK = frozenset(["localhost", "127.0.0.1", "[::1]"])


class Refused(Exception):
    """A request that goes no further.

    Args:
        status: Of HTTP.
        reason: What is wrong and what to do.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Hosts:
    """Under which names the page may be asked to do something.

    Args:
        names: Host names; none where the name is not known beforehand: then only the sender must be the page itself.
        on_space: Whether it stands in a frame of another site, as on a Space: the cookie must work there.
    """

    names: frozenset[str] = frozenset()
    on_space: bool = False


def read_hosts() -> Hosts:
    """Read from the environment under which names this page is reached."""
    return Hosts(list_hosts(), is_on_space())


@dataclass
class Call:
    """A request as the gate sees it.

    Args:
        scope: Of ASGI.
        headers: By small name.
        route: The first word of Gradio's path, `file` for a file; empty for the page itself and what is not Gradio's.
        rest: What follows it.
        owner: The key of whose it is; empty while that is not known.
    """

    scope: Scope
    headers: dict[str, str]
    route: str
    rest: str
    owner: str = ""
    body: Any = None
    query: dict[str, list[str]] = field(default_factory=dict)


class VisitorGate:
    """The page's outermost check, an ASGI middleware.

    Args:
        app: What it stands before.
        claims: Who owns which session, event and file.
        cache: Gradio's folder of uploads and files to download.
        hosts: Under which names the page is reached.
        limits: How large an event or upload may be.
    """

    def __init__(self, app: Any, *, claims: Claims, cache: Path, hosts: Hosts, limits: VisitorLimits = HOSTED) -> None:
        self._app, self._claims, self._hosts, self._limits = app, claims, hosts, limits
        self._cache = os.path.abspath(cache)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with a sentence."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        call = read_call(scope)
        secret = find_secret(call)
        call.owner = find_user(scope) or (f"cookie:{secret}" if secret else "")
        fresh = "" if call.owner or not _is_page(call) else make_secret()
        call.owner = f"cookie:{fresh}" if fresh else call.owner
        try:
            self._check_sender(call)
            receive = await self._read(call, receive)
            self._check(call)
        except Refused as error:
            await _answer(send, error)
            return
        scope[VISITOR] = call.owner
        await self._app(scope, receive, self._watch(call, send, fresh))

    def _check_sender(self, call: Call) -> None:
        """Refuse what another site sends, and what is sent to a name that this page does not have."""
        if call.scope["method"] not in CAUTIOUS:
            return
        host, origin = call.headers.get("host", "").lower(), call.headers.get("origin")
        if self._hosts.names and _strip_port(host) not in self._hosts.names | LOOPBACK:
            raise Refused(403, f"This page is not called {host[:80]}. Open it under its own address.")
        if origin is None:
            return  # No browser, or one that asks for its own page.
        sender = urlsplit(origin.lower()).netloc
        if sender != host and _strip_port(sender) not in self._hosts.names:
            raise Refused(403, "Another site may not act on this page. Open it itself.")

    async def _read(self, call: Call, receive: Receive) -> Receive:
        """Read an event's body, within its limit, and return what hands it on."""
        length = call.headers.get("content-length", "")
        if call.route == "upload":
            self._check_upload(call.owner, length)
        if call.route not in EVENTS or call.scope["method"] != "POST":
            return receive
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._limits.event_bytes:
                raise Refused(413, f"At most {self._limits.event_bytes / 2**20:g} MB in one event on this page.")
            if not message.get("more_body") or message["type"] == "http.disconnect":
                break
        try:
            call.body = json.loads(body or b"null")
        except (ValueError, RecursionError) as error:
            raise Refused(400, "The body is no JSON.") from error
        return _hand_on(bytes(body), receive)

    def _check_upload(self, owner: str, length: str) -> None:
        """Refuse an upload that says no length, is too large, or comes to a visitor's others or a disk that is full."""
        if not length.isdecimal():
            raise Refused(411, "An upload must say how large it is.")
        if int(length) > self._limits.request_bytes:
            raise Refused(413, f"At most {self._limits.request_bytes / 2**20:g} MB in one upload on this page.")
        waiting = sum(os.path.getsize(path) for path in self._claims.list_files(owner) if os.path.isfile(path))
        if waiting + int(length) > self._limits.disk_bytes:
            raise Refused(413, "You have uploaded as much as a visitor may. Delete what you keep, or come back tomorrow.")
        if shutil.disk_usage(os.path.dirname(self._cache)).free < self._limits.free_bytes:
            raise Refused(507, "The disk of this machine is nearly full. Try again later.")

    def _check(self, call: Call) -> None:
        """Refuse what names a session, event or file of somebody else, and routes that this page does not use."""
        if call.route == "file":
            if not self._may_read(call.owner, call.rest):
                raise Refused(404, "There is no such file.")
            return
        if call.route and call.route not in ROUTES:
            raise Refused(404, "This page has no such address.")
        session = _find_session(call)
        if session:
            call.owner = call.owner or name_session(session)
            if not self._claims.claim("session", session, call.owner):
                raise Refused(403, "This session is another visitor's. Load the page again.")
        for event in _list_events(call):
            # Programs without a cookie know an event by its random id alone.
            if not self._claims.claim("event", event, call.owner or name_event(event)):
                raise Refused(404, "There is no such event.")
        if call.route == "upload" and not call.owner:
            raise Refused(
                403, "An upload needs a cookie, which says whose it is. Allow cookies, or open the page in its own tab."
            )
        if any(not self._may_read(call.owner, path) for path in self._list_paths(call.body)):
            raise Refused(404, "There is no such file. Upload it again.")

    def _may_read(self, owner: str, path: str) -> bool:
        """Whether a path is a file in Gradio's folder that this visitor uploaded or was offered."""
        place = os.path.abspath(path)
        inside = place.startswith(self._cache + os.sep)
        offered = inside and find_owner(self._cache, place) == name_visitor(owner)
        theirs = bool(owner) and (offered or self._claims.owns("file", place, owner))
        return inside and (theirs or is_public(self._cache, place))

    def _list_paths(self, value: Any) -> Iterator[str]:
        """Yield what an event's body names as files: what says it is one, and each text that leads into Gradio's folder."""
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and path and ("meta" in value or "orig_name" in value or "url" in value):
                yield path
            for item in value.values():
                yield from self._list_paths(item)
        elif isinstance(value, list):
            for item in value:
                yield from self._list_paths(item)
        elif isinstance(value, str) and len(value) < LONGEST_PATH and "\0" not in value:
            yield from [value] if os.path.abspath(value).startswith(self._cache) else []

    def _watch(self, call: Call, send: Send, fresh: str) -> Send:
        """Return what sends the answer on: with the cookie of a new visitor, and noting what the answer gives them."""
        noted = bytearray()
        notes = call.route == "upload" or (call.route in EVENTS and call.scope["method"] == "POST")

        async def pass_on(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(b"set-cookie", write_cookie(fresh, on_space=self._hosts.on_space).encode())] if fresh else []
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            elif notes and len(noted) < self._limits.event_bytes:
                noted.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._note(call, bytes(noted))
            await send(message)

        return pass_on

    def _note(self, call: Call, answer: bytes) -> None:
        """Note whose the files or the event are that an answer names."""
        try:
            value = json.loads(answer)
        except ValueError:
            return
        if call.route == "upload" and isinstance(value, list):
            for path in value:
                self._claims.share("file", os.path.abspath(str(path)), call.owner)
        elif isinstance(value, dict) and isinstance(event := value.get("event_id"), str):
            self._claims.claim("event", event, call.owner or name_event(event))


def read_call(scope: Scope) -> Call:
    """Read a request's address and headers."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
    path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))
    route, rest = "", path
    if path.startswith(API):
        route, _, rest = path.removeprefix(API).partition("/")
        if path.startswith(f"{API}file="):
            route, rest = "file", path.removeprefix(f"{API}file=")
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return Call(scope, headers, route, rest, query=query)


def find_secret(call: Call) -> str:
    """Return the secret in a request's cookie; empty where there is none that could be one."""
    cookies = SimpleCookie()
    try:
        cookies.load(call.headers.get("cookie", ""))
    except CookieError:
        return ""
    value = cookies[COOKIE].value if COOKIE in cookies else ""
    return value if SECRET.fullmatch(value) else ""


def find_user(scope: Scope) -> str:
    """Return the key of a visitor who signed in with Hugging Face; elsewhere than on a Space nobody does: Gradio mocks it."""
    if not is_on_space():
        return ""
    told = scope.get("session", {}).get("oauth_info") or {}
    name = told.get("userinfo", {}).get("sub") if isinstance(told, dict) else None
    return f"user:{name}" if name else ""


def write_cookie(secret: str, *, on_space: bool) -> str:
    """Write the cookie of a new visitor; on a Space the page stands in a frame of another site, where only such a one holds."""
    where = "SameSite=None; Secure; Partitioned" if on_space else "SameSite=Lax"
    return f"{COOKIE}={secret}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; {where}"


def name_event(event: str) -> str:
    """Return the key of a program that sent an event and keeps neither cookie nor session."""
    return f"event:{event}"


def _is_page(call: Call) -> bool:
    """Whether a request opens the page: a browser gets its cookie there, before anything else is asked."""
    return call.scope["method"] == "GET" and not call.route and call.rest in ("", "/")


def _find_session(call: Call) -> str:
    """Return the session of Gradio that a request names."""
    told = call.body.get("session_hash") if isinstance(call.body, dict) else None
    if call.route == "heartbeat":
        told = call.rest.split("/")[0]
    return str(told or next(iter(call.query.get("session_hash", [])), ""))


def _list_events(call: Call) -> list[str]:
    """Return the events that a request names: to read their answer, or to cancel them."""
    told = call.body.get("event_id") if isinstance(call.body, dict) else None
    parts = call.rest.split("/") if call.route == "call" and call.scope["method"] == "GET" else []
    return [str(name) for name in (told, parts[-1] if len(parts) > 1 else "") if name]


def _strip_port(host: str) -> str:
    return host.rsplit(":", 1)[0] if re.search(r":\d+$", host) else host


def _hand_on(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read once more, and then what follows it."""
    waiting = [body]

    async def give() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return give


async def _answer(send: Send, error: Refused) -> None:
    """Answer a request that is refused; the page shows `detail` as a message."""
    body = json.dumps({"detail": error.reason, "error": error.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
