"""The admin's app, on a listener of its own, for whoever has the token: limits and knobs, turned while the stack runs.

    GET, PATCH /admin/limits/<law>   {"rate": "290/s"} or {"limit": 40}
    POST       /admin/incidents      {"knob": "stages.intent.servers", "value": 0}
    GET        /admin/log            what was turned, the oldest first

Every change, one of a control process too, is a line of `admin.jsonl` in the stack's folder, written before it is made;
a new upstream makes them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenarios.model import Scenario
from simulator.live.gateway import (
    JSON,
    BadRequestError,
    Receive,
    Scope,
    Send,
    is_authorised,
    read_body,
    send_answer,
)

BY_CONTROLS = "controls"
"""In the log, by whom a change was: control processes, in place of the admin."""


class Log:
    """The changes that were made, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def write(self, change: dict[str, Any]) -> None:
        """Add one."""
        with self._file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(change) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Return all, the oldest first; a line that was cut short by a crash is none."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1]]


class Admin:
    """The app; `turn` makes a change and returns its line of the log, or raises ValueError."""

    def __init__(
        self,
        scenario: Scenario,
        token: str,
        log: Log,
        turn: Callable[[str, Any, str], dict[str, Any]],
    ) -> None:
        self._laws = {law.name: law for law in scenario.admission}
        self._token = token
        self._log = log
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if not is_authorised(scope, self._token):
            await send_answer(send, 401, {"error": "needs the admin token"}, [JSON, (b"www-authenticate", b"Bearer")])
            return
        try:
            said = await self._serve(scope, receive)
        except BadRequestError as bad:
            await send_answer(send, bad.status, {"error": str(bad)}, [JSON])
        else:
            await send_answer(send, 200, said, [JSON])

    async def _serve(self, scope: Scope, receive: Receive) -> Any:
        match scope["method"], scope["path"].removeprefix("/admin/").split("/"):
            case "GET", ["log"]:
                return self._log.read()
            case "GET", ["limits", law]:
                return self._shown(law)
            case "PATCH", ["limits", law]:
                self._shown(law)
                for name, value in (await _object(receive)).items():
                    self._change(f"admission.{law}.{name}", value)
                return self._shown(law)
            case "POST", ["incidents"]:
                told = await _object(receive)
                if told.keys() != {"knob", "value"} or not isinstance(told["knob"], str):
                    raise BadRequestError(400, "needs knob, such as stages.intent.servers, and value")
                return self._change(told["knob"], told["value"])
        raise BadRequestError(404, "there is nothing here; see docs/live.md")

    def _shown(self, name: str) -> dict[str, Any]:
        if name not in self._laws:
            raise BadRequestError(404, f"there is no law {name[:70]!r}; there are {sorted(self._laws)}")
        law = self._laws[name].model_dump(mode="json", by_alias=True)
        turned = {
            one["knob"].rpartition(".")[2]: one["value"]
            for one in self._log.read()
            if one["knob"].startswith(f"admission.{name}.")
        }
        return {**law, **turned}

    def _change(self, knob: str, value: Any) -> dict[str, Any]:
        try:
            return self._turn(knob, value, "admin")
        except ValueError as error:
            raise BadRequestError(400, f"{knob}: {error}") from None


async def _object(receive: Receive) -> dict[str, Any]:
    body = await read_body(receive)
    try:
        told = json.loads(body or b"")
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not told:
        raise BadRequestError(400, "the body is not a JSON object")
    return told
