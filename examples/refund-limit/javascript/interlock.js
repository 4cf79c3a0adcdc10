// What an author of an Interlock policy in JavaScript needs: verdicts, what has happened before, and the exports.
//
// A policy is an object with `name`, `version`, `summary`, `codes` (every code that its refusals can have), `settings`
// (the JSON Schema of what the operator writes), and
//
//   configure(settings)   takes the settings, parsed, once; returns a list of `problem(…)`, or nothing
//   judge(call)           returns `allow()`, `refuse(…)`, `ask(…)` or `hold(…)`
//   rules(tool)           optional: what it demands of callers of a tool, a short sentence each
//
// and the module says `export const { lifecycle, judge } = policy({ … })`. Nothing that a call leaves behind is seen by
// another. There is no clock, no randomness, no file and no network. `call.received` is "now", in milliseconds since 1970.
// (To QuickJS, which `interlock plugin build` takes, integers of 64 bits are numbers; other engines want a `BigInt` each.)

import { get } from "interlock:plugin/arguments@0.1.0";
import * as history from "interlock:plugin/history@0.1.0";
import { write } from "interlock:plugin/log@0.1.0";

// Verdicts

/** Nothing against it. */
export const allow = () => ({ tag: "allow" });

/** It may not go through. `unlocks` are `first(tool)`, `wait(seconds)`, `after(milliseconds)`; `details` an object. */
export const refuse = (code, reason, { unlocks = [], details } = {}) =>
  ({ tag: "refuse", val: refusal(code, reason, unlocks, details) });

/** A person decides: `preview` says, in their words, what would be done; one with one of the `roles`, if given. */
export const ask = (reason, preview, options = {}) => {
  const { roles = [], quorum = 1, expiresMinutes = 0, selfApproval = false, channel = "desk" } = options;
  const expiresIn = Math.round(expiresMinutes * 60_000);
  return { tag: "ask", val: { reason, preview, roles, quorum, expiresIn, selfApproval, channel } };
};

/** Not now: wait until one of `calls` (past calls, or their ids) has ended; after `seconds`, refuse so. */
export const hold = (calls, seconds, code, reason) => ({
  tag: "hold",
  val: {
    calls: calls.map((call) => call.id ?? call),
    longest: Math.round(seconds * 1000),
    otherwise: refusal(code, reason, [], undefined),
  },
});

/** What would unlock the call: this tool, called first. */
export const first = (tool) => ({ tag: "call", val: tool });

/** What would unlock the call: waiting so long. */
export const wait = (seconds) => ({ tag: "wait", val: Math.ceil(seconds * 1000) });

/** What would unlock the call: coming back at this time, in milliseconds since 1970. */
export const after = (moment) => ({ tag: "after", val: moment });

const refusal = (code, reason, unlocks, details) =>
  ({ code, reason, unlocks, details: details === undefined ? undefined : JSON.stringify(details) });

/** Something that is wrong with the settings, at a JSON Pointer such as `/rules/0`. */
export const problem = (pointer, message) => ({ pointer, message });

// What has happened in the policy's scope. Tools may be patterns; an outcome is `running`, `succeeded`, `failed`,
// `cancelled` or `unknown`. A past call has `id`, `tool`, `arguments`, `outcome`, `result`, `admitted`, `finished`, `caller`.

const past = (call) => ({
  ...call,
  arguments: JSON.parse(call.arguments),
  result: call.result == null ? undefined : JSON.parse(call.result),
  admitted: Number(call.admitted),
  finished: call.finished == null ? undefined : Number(call.finished),
});

/** The call admitted last, or undefined. */
export const latest = (tool, outcome) => {
  const call = history.latest(tool, outcome);
  return call == null ? undefined : past(call);
};

/** All that have not ended for certain, oldest first. */
export const running = (tool) => history.running(tool).map(past);

/** How many were admitted at `since` or later. */
export const count = (tool, { outcome, since = 0 } = {}) => Number(history.count(tool, outcome, since));

/** The calls admitted last, newest first. */
export const recent = (tool, limit = 256) => history.recent(tool, limit).map(past);

/** As `recent`, of those whose arguments have these values: `{"/customer_id": "c1"}`. */
export const matching = (tool, same, { outcome, limit = 256 } = {}) => {
  const equal = Object.entries(same).map(([pointer, value]) => ({ pointer, value: JSON.stringify(value) }));
  return history.matching(tool, outcome, equal, limit).map(past);
};

/** Sum of the numbers at a JSON Pointer into the arguments, over all admitted at `since` or later. */
export const total = (tool, argument, since = 0) => history.sum(tool, argument, since);

/** A line for the operator's log: `debug`, `info`, `warn` or `error`. */
export const log = (message, level = "info") => write(level, message);

/** Whether a tool fits one of several patterns: `*` within a name, `**` across `/`. */
export const matches = (patterns, tool) => [].concat(patterns).some((pattern) => {
  const parts = pattern.split(/(\*\*|\*)/).map((part) =>
    part === "**" ? "[^]*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`^${parts.join("")}$`).test(tool);
});

// The exports

/** The exports of a policy. */
export const policy = (made) => ({
  lifecycle: {
    describe: () => ({
      name: made.name,
      version: made.version,
      summary: made.summary,
      settingsSchema: JSON.stringify(made.settings),
      codes: made.codes,
    }),
    configure(settings) {
      const problems = made.configure(JSON.parse(settings)) ?? [];
      if (problems.length > 0) throw problems;
    },
  },
  judge: {
    judge: (call) => made.judge({
      ...call,
      received: Number(call.received),
      /** All arguments, an object. */
      arguments: JSON.parse(call.arguments),
      /** The argument at a JSON Pointer; undefined where there is none. */
      argument(pointer) {
        const text = get(pointer);
        return text == null ? undefined : JSON.parse(text);
      },
    }),
    rules: (tool) => made.rules?.(tool) ?? [],
  },
});
