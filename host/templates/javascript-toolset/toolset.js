// The toolset `{{name}}`: greets people, and remembers how often.

import { ToolError, increment, problem, tool, tools } from "./interlock.js";

let greeting = "Hello";

// `interlock.js` has a store that outlives the call; `context` tells who calls, and when.
const greet = ({ name }, context) => {
  if (typeof name !== "string" || name === "") throw new ToolError("Whom? `name` is missing.");
  return [`${greeting}, ${name}!`, { times: increment(name) }];
};

export const { lifecycle, toolset } = tools({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Greets people.",
  // The JSON Schema of what the operator writes under `settings`.
  settings: {
    type: "object",
    properties: { greeting: { type: "string", description: "What to say; `Hello` unless given." } },
    additionalProperties: false,
  },

  configure(settings) {
    const unknown = Object.keys(settings).filter((key) => key !== "greeting");
    if (unknown.length > 0) return unknown.map((key) => problem(`/${key}`, "unknown key"));
    greeting = settings.greeting ?? greeting;
  },

  tools: [
    tool(
      "greet",
      greet,
      "Greets someone by name.",
      { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
      { title: "Greet", gives: { type: "object", properties: { times: { type: "integer" } }, required: ["times"] } },
    ),
  ],
});
