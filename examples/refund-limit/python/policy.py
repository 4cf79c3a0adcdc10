"""No refund above a limit without a ticket of the same customer."""

from interlock import allow, export_policy, first, matching, problem, refuse

# The tool that the rule is about, and the one that unlocks it.
REFUND = "support/refund"
TICKET = "support/create_ticket"


class RefundLimit:
    name = "refund-limit"
    version = "0.1.0"
    summary = "No refund above a limit without a ticket of the same customer."
    codes = ["ticket_missing"]
    # The JSON Schema of what an operator writes.
    settings = {
        "type": "object",
        "properties": {"limit": {"type": "number", "description": "Up to how much a refund needs no ticket."}},
        "required": ["limit"],
        "additionalProperties": False,
    }

    def configure(self, settings):
        problems = [problem(f"/{key}", "unknown key") for key in settings if key != "limit"]
        self.limit = settings.get("limit")
        if not is_number(self.limit):
            problems.append(problem("/limit", "must be a number"))
        return problems

    def judge(self, call):
        if call.tool != REFUND or self.is_small(call) or has_ticket(call):
            return allow()
        return refuse("ticket_missing", self.rule(), unlocks=[first(TICKET)])

    def rules(self, tool):
        return [self.rule()] if tool == REFUND else []

    def rule(self):
        return f"Refunds above {self.limit} need a ticket of the same customer."

    def is_small(self, call):
        """An amount that is no number is not small."""
        amount = call.argument("/amount")
        return is_number(amount) and amount <= self.limit


def has_ticket(call):
    """Whether a ticket was created for this call's customer."""
    customer = call.argument("/customer_id")
    return customer is not None and bool(matching(TICKET, {"/customer_id": customer}, "succeeded", limit=1))


def is_number(value):
    # To Python, True is 1.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


Lifecycle, Judge = export_policy(RefundLimit())
