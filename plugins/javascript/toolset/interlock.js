// What an author of an Interlock toolset in JavaScript needs: its store, and the exports.
//
// A toolset is an object with `name`, `version`, `summary`, `settings` (the JSON Schema of what the operator writes), and
//
//   configure(settings)   takes the settings, parsed, once; returns a list of `problem(…)`, or nothing
//   tools                 a list of `tool(…)`
//
// and the module says `export const { lifecycle, toolset } = tools({ … })`. Nothing that a call leaves in memory is seen
// by another; what is to be remembered goes into the store. There is no clock, no randomness, no file and no network.

import * as store from "interlock:plugin/store@0.1.0";
import { write } from "interlock:plugin/log@0.1.0";

/** Something that is wrong with the settings, at a JSON Pointer such as `/rules/0`. */
export const problem = (pointer, message) => ({ pointer, message });

/** A line for the operator's log: `debug`, `info`, `warn` or `error`. */
export const log = (message, level = "info") => write(level, message);

/** The tool failed; the model reads why. */
export class ToolError extends Error {}

/** What was stored under a key, or undefined. */
export const get = (key) => {
  const text = store.get(key);
  return text == null ? undefined : JSON.parse(text);
};

/** Stores any JSON under a key. */
export const set = (key, value) => store.set(key, JSON.stringify(value));

/** The keys that begin so, in order. */
export const keys = (prefix = "", limit = 1000) => store.list(prefix, limit);

/** Removes a key; whether it was there. */
export const remove = (key) => store.delete(key);

/** Adds to a counter, atomically, and returns its new value. */
export const increment = (key, by = 1) => Number(store.increment(key, by));

/**
 * A tool: `run(arguments, context)` returns a text, or `[text, object]`, or throws a `ToolError`. `context` has `id`,
 * `caller`, `session` and `received`. `takes` and `gives` are JSON Schemas of its arguments and of the object.
 */
export const tool = (name, run, description, takes, { title = name, gives, hints = [] } = {}) =>
  ({ name, run, title, description, takes, gives, hints });

/** The exports of a toolset. */
export const tools = (made) => ({
  lifecycle: {
    describe: () => ({
      name: made.name,
      version: made.version,
      summary: made.summary,
      settingsSchema: JSON.stringify(made.settings),
      codes: [],
    }),
    configure(settings) {
      const problems = made.configure(JSON.parse(settings)) ?? [];
      if (problems.length > 0) throw problems;
    },
  },
  toolset: {
    tools: () => made.tools.map(({ name, title, description, takes, gives, hints }) => ({
      name,
      title,
      description,
      inputSchema: JSON.stringify(takes),
      outputSchema: gives === undefined ? undefined : JSON.stringify(gives),
      hints,
    })),
    callTool(name, text, context) {
      const found = made.tools.find((one) => one.name === name);
      if (found === undefined) throw { code: "unknown_tool", message: `this set has no tool \`${name}\`` };
      try {
        const answer = found.run(JSON.parse(text), { ...context, received: Number(context.received) });
        const [told, structured] = Array.isArray(answer) ? answer : [answer, undefined];
        return { text: told, structured: structured === undefined ? undefined : JSON.stringify(structured), isError: false };
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        return { text: error.message, structured: undefined, isError: true };
      }
    },
  },
});
