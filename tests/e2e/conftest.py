"""What the end-to-end tests share: a home with the fetched models, a trained adapter, the running app, a browser."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest

from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def home(real_settings, tmp_path_factory):
    """A home of its own that shares only the fetched models."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "models").symlink_to(real_settings.folder("models"))
    return Settings(home=folder, model=real_settings.model)


@pytest.fixture(scope="package")
def environment(home):
    return {**os.environ, "RAGFT_HOME": str(home.home), "RAGFT_MODEL": home.model, "HF_HUB_OFFLINE": "1"}


def ragft(environment, *arguments):
    command = [sys.executable, "-m", "ui.cli", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="package")
def card(environment):
    """The card of an adapter trained for a few steps, beside an index."""
    ragft(environment, "index", "hiring-handbook")
    return ragft(environment, "train", "hiring-handbook", "--prompts", "mixed", "--epochs", "0.15", "--holdout", "0")


@pytest.fixture(scope="package")
def browser_page():
    """A page of the system's Chromium."""
    path = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("needs Chromium: install it with your package manager")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


@pytest.fixture(scope="package")
def address(environment, card, tmp_path_factory):
    """The running app, started as a person would."""
    with serve_page(environment, tmp_path_factory.mktemp("log")) as url:
        yield url


@contextmanager
def serve_page(environment, folder):
    """Start the app, yield its address, stop it; its log stands in the folder."""
    import socket

    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "app.txt").open("wb")
    process = subprocess.Popen(
        [sys.executable, "app.py"], env={**environment, "PORT": str(port)}, cwd=ROOT, stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                httpx.get(url, timeout=2)
                break
            except httpx.TransportError:
                time.sleep(0.5)
        else:
            raise AssertionError(Path(log.name).read_text())
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
