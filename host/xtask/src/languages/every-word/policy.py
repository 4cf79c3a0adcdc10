"""Says every word that `interlock.py` has for policies; `cases.json` beside it knows what must come of each."""

import interlock
from interlock import after, allow, ask, export_policy, first, hold, problem, refuse, wait


class EveryWord:
    name = "every-word"
    version = "0.1.0"
    summary = "Says every word."
    codes = ["told", "busy"]
    settings = {"type": "object"}

    def configure(self, settings):
        return [problem(f"/{key}", "unknown key") for key in settings]

    def judge(self, call):
        word = call.tool.split("/")[1]
        if word == "refuse":
            unlocks = [first("a/b"), wait(12), after(1767603600000)]
            return refuse("told", "no", unlocks=unlocks, details={"who": call.caller.principal, "hints": call.hints})
        if word == "ask" and call.approval is None:
            return ask("why", f"Pay {call.arguments['amount']}", roles=["finance"], quorum=2, expires_minutes=5)
        if word == "hold":
            return hold(interlock.running("a/*"), 30, "busy", "not now")
        if word == "history":
            latest = interlock.latest("a/b", "succeeded")
            told = {
                "latest": latest.arguments,
                "result": latest.result,
                "age": call.received - latest.admitted,
                "none": interlock.latest("no/such") is None,
                "count": interlock.count("a/**"),
                "lately": interlock.count("a/**", since=call.received - 90_000),
                "recent": [past.id for past in interlock.recent("a/b", 2)],
                "matching": [past.id for past in interlock.matching("a/b", {"/n": 1})],
                "total": interlock.total("a/b", "/n"),
                "matches": [interlock.matches(glob, "a/b.c") for glob in ("a/*", "*", "**", "a/b?c", ["x/y", "a/b.c"])],
            }
            interlock.log("every question was asked")
            return refuse("told", "facts", details=told)
        return allow()


Lifecycle, Judge = export_policy(EveryWord())
