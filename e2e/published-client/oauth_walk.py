"""The published client with tokens of a person: given, from the credentials file, and as a session. One JSON line per step."""

import asyncio
import json
import os
import stat
import time
from pathlib import Path

import getstack
import httpx
from getstack import AsyncStack, Stack
from getstack.errors import ForbiddenError, UnauthorizedError

from steps import step

base_url = os.environ["STACK_TEST_URL"]
given = json.loads(os.environ["STACK_TEST_TOKENS"])

step("version", getstack.__version__)

stack = Stack.from_oauth(
    client_id=given["client_id"],
    client_secret="",
    access_token=given["access_token"],
    refresh_token=given["refresh_token"],
    token_endpoint=f"{base_url}/v1/oauth/token",
    base_url=base_url,
)
agent = stack.agents.register(name="by-oauth", description="made with an access token")
# A list may be some milliseconds behind the write.
deadline = time.time() + 5
while not stack.agents.list() and time.time() < deadline:
    time.sleep(0.05)
step("registered", [one.id for one in stack.agents.list()] == [agent.id])
auth = stack._client._auth if hasattr(stack._client, "_auth") else stack._client.auth
auth.expires_at = time.time() - 1
step("refreshed", [one.id for one in stack.agents.list()] == [agent.id])
step("rotated", auth.refresh_token != given["refresh_token"])
try:
    stack._client.get("/v1/operator")
    step("scope", None)
except ForbiddenError as error:
    step("scope", error.details.get("needed"))

path = Path(os.path.expanduser("~")) / ".stack" / "credentials.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(
    json.dumps({"client_id": given["client_id"], "refresh_token": auth.refresh_token, "scope": "agents:read", "kept": "as it is"})
)
by_file = Stack(base_url=base_url)
step("file", [one.id for one in by_file.agents.list()] == [agent.id])
stored = json.loads(path.read_text())
step("file_rotated", stored["refresh_token"] != auth.refresh_token and stored["kept"] == "as it is")
step("file_mode", oct(stat.S_IMODE(path.stat().st_mode)))
step("file_again", [one.id for one in Stack(base_url=base_url).agents.list()] == [agent.id])

session = Stack.from_session(given["session"], base_url=base_url)
step("session", [one.id for one in session.agents.list()] == [agent.id])


async def as_async():
    async with AsyncStack.from_session(given["session"], base_url=base_url) as client:
        return [one.id for one in await client.agents.list()] == [agent.id]


step("session_async", asyncio.run(as_async()))

# The first token again: it was spent, and its successor was used.
stolen = Stack.from_oauth(
    client_id=given["client_id"],
    client_secret="",
    access_token="eyJ",
    refresh_token=given["refresh_token"],
    token_endpoint=f"{base_url}/oauth/token",
    base_url=base_url,
)
thief = stolen._client._auth if hasattr(stolen._client, "_auth") else stolen._client.auth
thief.expires_at = time.time() - 1
try:
    stolen.agents.list()
    step("stolen", None)
except httpx.HTTPStatusError as error:
    step("stolen", error.response.json()["error"])
try:
    by_file.agents.list()
    step("family", None)
except UnauthorizedError as error:
    step("family", error.details.get("reason"))
