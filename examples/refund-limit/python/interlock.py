"""What an author of an Interlock plugin in Python needs: verdicts, what has happened before, and the exports.

A policy is an object with `name`, `version`, `summary`, `codes` (every code that its refusals can have), `settings` (the
JSON Schema of what the operator writes), and

    configure(settings)     takes the settings, parsed, once; returns a list of `problem(…)`, or nothing
    judge(call)             returns `allow()`, `refuse(…)`, `ask(…)` or `hold(…)`
    rules(tool)             optional: what it demands of callers of a tool, a short sentence each

and the module says `Lifecycle, Judge = export_policy(MyPolicy())`. The memory that `configure` leaves behind is what
every call starts from, so compile there whatever can be. Nothing that a call leaves behind is seen by another.

A toolset has `name`, `version`, `summary`, `settings`, `configure(settings)`, and `tools`, a list of `tool(…)`; the
module says `Lifecycle, Toolset = export_toolset(MyTools())`.

There is no clock, no randomness, no file and no network. `call.received` is "now", in milliseconds since 1970.
"""

import json
from functools import lru_cache

from componentize_py_types import Err
from wit_world.imports import types as wit

try:
    from wit_world.imports import arguments, history
except ImportError:  # a toolset
    arguments = history = None
try:
    from wit_world.imports import store
except ImportError:  # a policy
    store = None
from wit_world.imports import log as _log


# Verdicts


def allow():
    """Nothing against it."""
    return wit.Verdict_Allow()


def refuse(code, reason, unlocks=(), details=None):
    """It may not go through. `unlocks` are `first(tool)`, `wait(seconds)` or `after(milliseconds)`; `details` a dict."""
    return wit.Verdict_Refuse(_refusal(code, reason, unlocks, details))


def ask(reason, preview, roles=(), quorum=1, expires_minutes=0, self_approval=False, channel="desk"):
    """A person decides: `preview` says, in their words, what would be done; one with one of the `roles`, if given."""
    expires = int(expires_minutes * 60_000)
    return wit.Verdict_Ask(wit.Question(reason, preview, list(roles), quorum, expires, self_approval, channel))


def hold(calls, seconds, code, reason):
    """Not now: wait until one of `calls` (past calls, or their ids) has ended; after `seconds`, refuse so."""
    ids = [getattr(call, "id", call) for call in calls]
    return wit.Verdict_Hold(wit.HoldUntil(ids, int(seconds * 1000), _refusal(code, reason, (), None)))


def first(tool):
    """What would unlock the call: this tool, called first."""
    return wit.Unlock_Call(tool)


def wait(seconds):
    """What would unlock the call: waiting so long."""
    return wit.Unlock_Wait(int(seconds * 1000))


def after(moment):
    """What would unlock the call: coming back at this time, in milliseconds since 1970."""
    return wit.Unlock_After(moment)


def _refusal(code, reason, unlocks, details):
    return wit.Refusal(code, reason, list(unlocks), None if details is None else json.dumps(details))


def problem(pointer, message):
    """Something that is wrong with the settings, at a JSON Pointer such as `/rules/0`."""
    return wit.Problem(pointer, message)


# Calls


class Call:
    """The call to be judged: `id`, `tool` (`server/tool`), `caller` (`principal`, `roles`), `session`, `received`, `hints`,
    and `approval`, once this policy's own question about it was answered with yes."""

    def __init__(self, call):
        self._text = call.arguments
        self.id, self.tool, self.caller, self.session = call.id, call.tool, call.caller, call.session
        self.received, self.hints, self.approval = call.received, call.hints, call.approval

    def argument(self, pointer):
        """The argument at a JSON Pointer; None where there is none. Cheaper than `arguments`."""
        text = arguments.get(pointer)
        return None if text is None else json.loads(text)

    @property
    def arguments(self):
        """All arguments, a dict."""
        return json.loads(self._text)


class Past:
    """A call that was admitted earlier: `id`, `tool`, `arguments`, `outcome`, `result`, `admitted`, `finished`, `caller`."""

    def __init__(self, call):
        self.id, self.tool, self.outcome, self.caller = call.id, call.tool, call.outcome, call.caller
        self.admitted, self.finished = call.admitted, call.finished
        self.arguments = json.loads(call.arguments)
        self.result = None if call.result is None else json.loads(call.result)


# What has happened in the policy's scope. Tools may be patterns; an outcome is `running`, `succeeded`, `failed`,
# `cancelled` or `unknown`.


def latest(tool, outcome=None):
    """The call admitted last, or None."""
    call = history.latest(tool, outcome)
    return None if call is None else Past(call)


def running(tool):
    """All that have not ended for certain, oldest first."""
    return [Past(call) for call in history.running(tool)]


def count(tool, outcome=None, since=0):
    """How many were admitted at `since` or later."""
    return history.count(tool, outcome, since)


def recent(tool, limit=256):
    """The calls admitted last, newest first."""
    return [Past(call) for call in history.recent(tool, limit)]


def matching(tool, same, outcome=None, limit=256):
    """As `recent`, of those whose arguments have these values: `{"/customer_id": "c1"}`."""
    equal = [history.Equal(pointer, json.dumps(value)) for pointer, value in same.items()]
    return [Past(call) for call in history.matching(tool, outcome, equal, limit)]


def total(tool, argument, since=0):
    """Sum of the numbers at a JSON Pointer into the arguments, over all admitted at `since` or later."""
    return history.sum(tool, argument, since)


def log(message, level="info"):
    """A line for the operator's log: `debug`, `info`, `warn` or `error`."""
    _log.write(_log.Level[level.upper()], message)


def matches(patterns, tool):
    """Whether a tool fits a pattern, or one of several: `*` within a name, `**` across `/`."""
    if isinstance(patterns, str):
        patterns = (patterns,)
    return any(_pattern(pattern).fullmatch(tool) for pattern in patterns)


@lru_cache(maxsize=None)
def _pattern(text):
    import re

    parts = re.split(r"(\*\*|\*)", text)
    translated = {"**": "(?:.|\n)*", "*": "[^/]*"}
    return re.compile("".join(translated.get(part) or re.escape(part) for part in parts))


# Exports


class _Lifecycle:
    plugin = None

    def describe(self):
        plugin, codes = self.plugin, list(getattr(self.plugin, "codes", ()))
        return wit.Manifest(plugin.name, plugin.version, plugin.summary, json.dumps(plugin.settings), codes)

    def configure(self, settings):
        problems = self.plugin.configure(json.loads(settings))
        if problems:
            raise Err(list(problems))


def export_policy(policy):
    """The exports of a policy; assign them to `Lifecycle, Judge`."""

    class Judge:
        def judge(self, call):
            return policy.judge(Call(call))

        def rules(self, tool):
            return list(policy.rules(tool)) if hasattr(policy, "rules") else []

    return type("Lifecycle", (_Lifecycle,), {"plugin": policy}), Judge


def tool(name, run, description, arguments, title=None, answer=None, hints=()):
    """A tool: `run(arguments, context)` gets a dict and returns a text, or a text and a dict, or raises `ToolError`.
    `arguments` and `answer` are the JSON Schemas of what it takes and of the dict that it returns; `hints` those of
    `read_only`, `destructive`, `idempotent` and `open_world` that hold."""
    return name, run, title or name, description, arguments, answer, list(hints)


class ToolError(Exception):
    """The tool failed; the model reads why."""


class Context:
    """Circumstances of a call: `id`, `caller`, `session`, `received`; and the toolset's own store, which outlives it."""

    def __init__(self, context):
        self.id, self.caller, self.session, self.received = context.id, context.caller, context.session, context.received

    def get(self, key):
        """What was stored under a key, or None."""
        text = store.get(key)
        return None if text is None else json.loads(text)

    def set(self, key, value):
        """Stores any JSON under a key."""
        store.set(key, json.dumps(value))

    def keys(self, prefix="", limit=1000):
        """The keys that begin so, in order."""
        return store.list(prefix, limit)

    def delete(self, key):
        """Removes a key; whether it was there."""
        return store.delete(key)

    def increment(self, key, by=1):
        """Adds to a counter, atomically, and returns its new value."""
        return store.increment(key, by)


def export_toolset(toolset):
    """The exports of a toolset; assign them to `Lifecycle, Toolset`."""
    from wit_world.exports import toolset as out

    class Toolset:
        def tools(self):
            told = []
            for name, _, title, description, takes, answers, hints in toolset.tools:
                answers = None if answers is None else json.dumps(answers)
                told.append(out.ToolDefinition(name, title, description, json.dumps(takes), answers, hints))
            return told

        def call_tool(self, tool, arguments, context):
            found = [run for name, run, *_ in toolset.tools if name == tool]
            if not found:
                raise Err(wit.Fault("unknown_tool", f"this set has no tool `{tool}`"))
            try:
                answer = found[0](json.loads(arguments), Context(context))
            except ToolError as error:
                return out.ToolResult(str(error), None, True)
            text, structured = answer if isinstance(answer, tuple) else (answer, None)
            return out.ToolResult(text, None if structured is None else json.dumps(structured), False)

    return type("Lifecycle", (_Lifecycle,), {"plugin": toolset}), Toolset
