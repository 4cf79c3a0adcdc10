"""Python's MCP client as a client of OAuth, which finds its way from a URL alone: prints what a tool answered, and which
scopes its token had in the end.

Arguments: the URL, the issuer, a client's name and its secret, `legacy` or `auto`, and the tool.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client


class Memory:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def main(url, issuer, name, secret, mode, tool):
    memory = Memory()
    auth = ClientCredentialsOAuthProvider(url, memory, name, secret, issuer=issuer)
    async with httpx2.AsyncClient(auth=auth) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            answer = await client.call_tool(tool, {"revision": "r1"})
    text = " ".join(block.text for block in answer.content)
    print(json.dumps({"error": bool(answer.is_error), "text": text, "scope": memory.tokens.scope}))


asyncio.run(main(*sys.argv[1:]))
