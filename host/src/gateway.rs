//! The door for AI apps: MCP over stdio and streamable HTTP. It can call; it cannot grant, approve or configure.
