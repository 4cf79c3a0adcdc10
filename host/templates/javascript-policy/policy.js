// The policy `{{name}}`: no amount above a limit.

import { allow, matches, policy, problem, refuse } from "./interlock.js";

let tools;
let most;

export const { lifecycle, judge } = policy({
  name: "{{name}}",
  version: "0.1.0",
  summary: "No amount above a limit.",
  codes: ["above_limit", "amount_missing"],
  // The JSON Schema of what the operator writes under `settings`.
  settings: {
    type: "object",
    properties: {
      tools: { type: "array", items: { type: "string" }, description: "The tools that it is about." },
      most: { type: "number", description: "Largest `amount` that may go through." },
    },
    required: ["tools", "most"],
    additionalProperties: false,
  },

  configure(settings) {
    const known = ["tools", "most"];
    const unknown = Object.keys(settings).filter((key) => !known.includes(key));
    const missing = known.filter((key) => !(key in settings));
    const problems = [
      ...unknown.map((key) => problem(`/${key}`, "unknown key")),
      ...missing.map((key) => problem("", `the key \`${key}\` is missing`)),
    ];
    if (problems.length > 0) return problems;
    if (settings.most < 0) return [problem("/most", "must not be negative")];
    ({ tools, most } = settings);
  },

  // `interlock.js` also knows what has happened before: `latest("payments/check", "succeeded")`, and more.
  judge(call) {
    if (!matches(tools, call.tool)) return allow();
    const amount = call.argument("/amount");
    if (typeof amount !== "number") return refuse("amount_missing", `${call.tool} needs a number \`amount\`.`);
    if (amount > most) return refuse("above_limit", `${amount} is too much for ${call.tool}: at most ${most}.`);
    return allow();
  },

  rules: (tool) => (matches(tools, tool) ? [`Amounts up to ${most}.`] : []),
});
