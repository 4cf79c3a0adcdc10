// Says every word that `interlock.js` has for policies; `cases.json` beside it knows what must come of each.

import * as interlock from "./interlock.js";
import { after, allow, ask, first, hold, policy, problem, refuse, wait } from "./interlock.js";

export const { lifecycle, judge } = policy({
  name: "every-word",
  version: "0.1.0",
  summary: "Says every word.",
  codes: ["told", "busy"],
  settings: { type: "object" },
  configure: (settings) => Object.keys(settings).map((key) => problem(`/${key}`, "unknown key")),
  judge(call) {
    const word = call.tool.split("/")[1];
    if (word === "refuse") {
      const unlocks = [first("a/b"), wait(12), after(1767603600000)];
      return refuse("told", "no", { unlocks, details: { who: call.caller.principal, hints: call.hints } });
    }
    if (word === "ask" && call.approval == null) {
      return ask("why", `Pay ${call.arguments.amount}`, { roles: ["finance"], quorum: 2, expiresMinutes: 5 });
    }
    if (word === "hold") return hold(interlock.running("a/*"), 30, "busy", "not now");
    if (word === "history") {
      const latest = interlock.latest("a/b", "succeeded");
      const details = {
        latest: latest.arguments,
        result: latest.result,
        age: call.received - latest.admitted,
        none: interlock.latest("no/such") === undefined,
        count: interlock.count("a/**"),
        lately: interlock.count("a/**", { since: call.received - 90_000 }),
        recent: interlock.recent("a/b", 2).map((past) => past.id),
        matching: interlock.matching("a/b", { "/n": 1 }).map((past) => past.id),
        total: interlock.total("a/b", "/n"),
        matches: ["a/*", "*", "**", "a/b?c", ["x/y", "a/b.c"]].map((glob) => interlock.matches(glob, "a/b.c")),
      };
      interlock.log("every question was asked");
      return refuse("told", "facts", { details });
    }
    return allow();
  },
});
