"""Python's MCP client for the interoperability tests: one JSON line in for each step, one JSON line out for its outcome.

The first line says how to connect: {"mode": "legacy" | "auto", "url": …} or {"mode": …, "command": [...], "cwd": …,
"env": {…}}, and with "person" who sits there: "asks", whose answers to questions are further lines, each after {"asks":
what they are shown} came out; "nobody", who can be asked nothing; else somebody who answers everything. Each further line is {"list": {}}, {"call": {"name": …, "arguments": {…}}}, or {"changed": {}}, which waits
until the list of tools has changed.
"""

import asyncio
import json
import sys
from contextlib import nullcontext

import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters

asked = []
changed = asyncio.Event()


async def elicited(context, params):
    asked.append("elicitation")
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def asks(context, params):
    # The call waits for this, so nobody else reads lines.
    say({"asks": params.message})
    return types.ElicitResult(**json.loads(await asyncio.to_thread(sys.stdin.readline)))


async def sampled(context, params):
    asked.append("sampling")
    content = types.TextContent(type="text", text="a sampled answer")
    return types.CreateMessageResult(role="assistant", content=content, model="none", stop_reason="endTurn")


async def told(message):
    if isinstance(message, types.ToolListChangedNotification):
        changed.set()


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def step(client, line):
    if "list" in line:
        tools, cursor = [], None
        while True:
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            tools += [plain(tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return {"tools": tools}
    if "changed" in line:
        await changed.wait()
        changed.clear()
        return {}
    progress = []

    async def progressed(done, total, message):
        progress.append(done)

    asked.clear()
    called = line["call"]
    try:
        result = await client.call_tool(called["name"], called["arguments"], progress_callback=progressed)
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}
    return {"result": plain(result), "asked": list(asked), "progress": progress}


async def main():
    how = json.loads(sys.stdin.readline())
    if "url" in how:
        server = how["url"]
    else:
        command, *args = how["command"]
        server = StdioServerParameters(command=command, args=args, cwd=how["cwd"], env=how["env"])
    async with Client(
        server,
        mode=how["mode"],
        elicitation_callback={"asks": asks, "nobody": None}.get(how.get("person"), elicited),
        sampling_callback=sampled,
        message_handler=told,
        client_info=types.Implementation(name="python", version="1"),
    ) as client:
        legacy = how["mode"] == "legacy"
        async with nullcontext() if legacy else client.listen(tools_list_changed=True):
            say({"version": client.protocol_version})
            while line := await asyncio.to_thread(sys.stdin.readline):
                say(await step(client, json.loads(line)))


def say(outcome):
    print(json.dumps(outcome), flush=True)


asyncio.run(main())
