"""The policy `{{name}}`: no amount above a limit."""

from interlock import allow, export_policy, matches, problem, refuse


class Limit:
    name = "{{name}}"
    version = "0.1.0"
    summary = "No amount above a limit."
    codes = ["above_limit", "amount_missing"]
    # The JSON Schema of what the operator writes under `settings`.
    settings = {
        "type": "object",
        "properties": {
            "tools": {"type": "array", "items": {"type": "string"}, "description": "The tools that it is about."},
            "most": {"type": "number", "description": "Largest `amount` that may go through."},
        },
        "required": ["tools", "most"],
        "additionalProperties": False,
    }

    def configure(self, settings):
        unknown = [problem(f"/{key}", "unknown key") for key in settings.keys() - {"tools", "most"}]
        missing = [problem("", f"the key `{key}` is missing") for key in ("tools", "most") if key not in settings]
        if unknown or missing:
            return unknown + missing
        if settings["most"] < 0:
            return [problem("/most", "must not be negative")]
        self.tools, self.most = settings["tools"], settings["most"]

    # `interlock` also knows what has happened before: `latest("payments/check", "succeeded")`, and more.
    def judge(self, call):
        if not matches(self.tools, call.tool):
            return allow()
        amount = call.argument("/amount")
        if not isinstance(amount, (int, float)) or isinstance(amount, bool):
            return refuse("amount_missing", f"{call.tool} needs a number `amount`.")
        if amount > self.most:
            return refuse("above_limit", f"{amount} is too much for {call.tool}: at most {self.most}.")
        return allow()

    def rules(self, tool):
        return [f"Amounts up to {self.most}."] if matches(self.tools, tool) else []


Lifecycle, Judge = export_policy(Limit())
