"""A server of the newer era that asks back; the published ones do not. Its tools also change while it runs."""

from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve, Sample
from mcp_types import CreateMessageResult, SamplingMessage, TextContent
from pydantic import BaseModel

server = MCPServer("asking")


class Person(BaseModel):
    name: str


def who() -> Elicit[Person]:
    return Elicit("Who is there?", Person)


def draft() -> Sample:
    text = TextContent(type="text", text="Say something.")
    return Sample([SamplingMessage(role="user", content=text)], max_tokens=10)


@server.tool()
async def greet(
    ctx: Context, person: Annotated[Person, Resolve(who)], said: Annotated[CreateMessageResult, Resolve(draft)]
) -> str:
    """Asks for a name, and has the client's model write a greeting."""
    await ctx.report_progress(1, 2)
    await ctx.report_progress(2, 2)
    return f"To {person.name}: {said.content.text}"


@server.tool()
async def grow(ctx: Context) -> str:
    """Adds a tool to this server."""
    server.add_tool(lambda: "new", name="grown")
    await ctx.notify_tools_changed()
    return "grown"


server.run()
