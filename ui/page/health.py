"""Whether the page is well, for who watches over it: a few numbers that cost nothing, no secret and no path."""

from __future__ import annotations

import shutil
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.environment import find_version
from lab.lab import Lab

HEALTH = "/health"


def describe_health(lab: Lab, page: gr.Blocks) -> dict[str, Any]:
    """Return how the page is: loads nothing, computes nothing, waits for nobody.

    Args:
        lab: The lab of whoever runs the page.
        page: The page.

    Returns:
        `status`; `version`; `model` and whether it is loaded, and where it computes; how many questions `wait` in the page's
        queue and how many are being `answered`; bytes free on the disk that holds the state.
    """
    device = lab.slot.device if lab.generator is None else str(lab.generator.description["device"])
    queue = page._queue  # Gradio tells its length nowhere else.
    home = next(place for place in (lab.settings.home, *lab.settings.home.parents) if place.is_dir())
    return {
        "status": "ok",
        "version": find_version(),
        "model": lab.settings.model.rstrip("/").rsplit("/", 1)[-1],
        "model_loaded": device is not None,
        "device": device,
        "waiting": len(queue),
        "answering": sum(len(jobs) for jobs in queue.active_jobs if jobs),
        "disk_free_bytes": shutil.disk_usage(home).free,
    }


def make_health_route(lab: Lab, page: gr.Blocks) -> Route:
    """Return the route of `GET /health`."""

    def answer(request: Request) -> JSONResponse:
        return JSONResponse(describe_health(lab, page), headers={"Cache-Control": "no-store"})

    return Route(HEALTH, answer, methods=["GET"])
