// The TypeScript SDK's client for the interoperability tests; it takes and gives the same lines as `client.py`.

const { createInterface } = require("node:readline");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  McpError,
  ProgressNotificationSchema,
  ToolListChangedNotificationSchema,
} = require("@modelcontextprotocol/sdk/types.js");

const asked = [];
const progress = [];
const changes = { told: 0, heard: () => {} };

function transport(how) {
  if (how.url) return new StreamableHTTPClientTransport(new URL(how.url));
  const [command, ...args] = how.command;
  return new StdioClientTransport({ command, args, cwd: how.cwd, env: how.env });
}

async function connect(how) {
  const client = new Client({ name: "typescript", version: "1" }, { capabilities: { elicitation: {}, sampling: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => {
    asked.push("elicitation");
    return { action: "accept", content: { name: "Ada" } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, () => {
    asked.push("sampling");
    return { role: "assistant", content: { type: "text", text: "a sampled answer" }, model: "none" };
  });
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    changes.told += 1;
    changes.heard();
  });
  // Not by `onprogress`: that is dropped when the result comes right behind a report.
  client.setNotificationHandler(ProgressNotificationSchema, ({ params }) => {
    progress.push(params.progress);
  });
  const way = transport(how);
  let version;
  way.setProtocolVersion = ((set) => (agreed) => {
    version = agreed;
    set?.call(way, agreed);
  })(way.setProtocolVersion);
  await client.connect(way);
  return { client, version };
}

async function step(client, line) {
  if (line.list) {
    const tools = [];
    let cursor;
    do {
      const page = await client.listTools({ cursor });
      tools.push(...page.tools);
      cursor = page.nextCursor;
    } while (cursor);
    return { tools };
  }
  if (line.changed) {
    if (changes.told === 0) await new Promise((heard) => (changes.heard = heard));
    changes.told = 0;
    return {};
  }
  asked.length = 0;
  progress.length = 0;
  try {
    const result = await client.callTool({ ...line.call, _meta: { progressToken: "progress" } });
    return { result, asked, progress };
  } catch (error) {
    if (!(error instanceof McpError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

async function main() {
  let connected;
  for await (const text of createInterface({ input: process.stdin })) {
    const line = JSON.parse(text);
    if (connected) {
      say(await step(connected.client, line));
    } else {
      connected = await connect(line);
      say({ version: connected.version });
    }
  }
  await connected.client.close();
}

function say(outcome) {
  process.stdout.write(JSON.stringify(outcome) + "\n");
}

main();
