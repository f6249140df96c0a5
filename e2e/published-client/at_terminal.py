"""The published client as a person starts it at a terminal: it opens a browser, somebody answers there, and it makes a real call.

Arguments: `sign-in`, or `enrol` and an agent's id. Prints one JSON object per step. Standard output is a terminal of its own while the client looks.
"""

import asyncio
import importlib.metadata
import json
import os
import pty
import stat
import sys
from pathlib import Path

answers = os.fdopen(os.dup(1), "w")
_, terminal = pty.openpty()
os.dup2(terminal, 1)

from getstack import AsyncStack, Stack  # noqa: E402


def say(step, value):
    answers.write(json.dumps({"step": step, "value": value}) + "\n")
    answers.flush()


def mode(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


base_url = os.environ["STACK_BASE_URL"]
home = Path(os.path.expanduser("~")) / ".stack"
say("version", importlib.metadata.version("getstack"))
say("terminal", sys.stdout.isatty())
if sys.argv[1] == "sign-in":
    with Stack(base_url=base_url) as stack:
        say("agents", [agent.id for agent in stack.agents.list()])
        agent = stack.agents.register(name="made-by-oauth", description="")
        say("registered", agent.id)
    path = home / "credentials.json"
    say("mode", mode(path))
    first = json.loads(path.read_text())["refresh_token"]
    # The next run finds the file, asks nobody, and turns the refresh token over.
    with Stack(base_url=base_url) as stack:
        say("again", agent.id in [one.id for one in stack.agents.list()])
    say("rotated", json.loads(path.read_text())["refresh_token"] != first)
else:
    agent_id = sys.argv[2]

    async def again():
        async with AsyncStack(agent_id=agent_id, base_url=base_url) as stack:
            return (await stack.agents.get(agent_id)).id

    with Stack(agent_id=agent_id, base_url=base_url) as stack:
        say("agent", stack.agents.get(agent_id).id)
    say("mode", mode(home / "agents" / f"{agent_id}.json"))
    say("again", asyncio.run(again()))
