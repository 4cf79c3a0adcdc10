// No refund above a limit without a ticket of the same customer.

import { allow, first, matching, policy, problem, refuse } from "./interlock.js";

// The tool that the rule is about, and the one that unlocks it.
const REFUND = "support/refund";
const TICKET = "support/create_ticket";

let limit;

export const { lifecycle, judge } = policy({
  name: "refund-limit",
  version: "0.1.0",
  summary: "No refund above a limit without a ticket of the same customer.",
  codes: ["ticket_missing"],
  // The JSON Schema of what an operator writes.
  settings: {
    type: "object",
    properties: { limit: { type: "number", description: "Up to how much a refund needs no ticket." } },
    required: ["limit"],
    additionalProperties: false,
  },

  configure(settings) {
    const unknown = Object.keys(settings).filter((key) => key !== "limit");
    const problems = unknown.map((key) => problem(`/${key}`, "unknown key"));
    if (typeof settings.limit !== "number") problems.push(problem("/limit", "must be a number"));
    ({ limit } = settings);
    return problems;
  },

  judge(call) {
    if (call.tool !== REFUND || isSmall(call) || hasTicket(call)) return allow();
    return refuse("ticket_missing", rule(), { unlocks: [first(TICKET)] });
  },

  rules: (tool) => (tool === REFUND ? [rule()] : []),
});

const rule = () => `Refunds above ${limit} need a ticket of the same customer.`;

// An amount that is no number is not small.
const isSmall = (call) => {
  const amount = call.argument("/amount");
  return typeof amount === "number" && amount <= limit;
};

// Whether a ticket was created for this call's customer. To JavaScript two large numbers may be one: texts only.
const hasTicket = (call) => {
  const customer = call.argument("/customer_id");
  if (typeof customer !== "string") return false;
  return matching(TICKET, { "/customer_id": customer }, { outcome: "succeeded", limit: 1 }).length > 0;
};
