"""The toolset `{{name}}`: greets people, and remembers how often."""

from interlock import ToolError, export_toolset, problem, tool


class Greeter:
    name = "{{name}}"
    version = "0.1.0"
    summary = "Greets people."
    # The JSON Schema of what the operator writes under `settings`.
    settings = {
        "type": "object",
        "properties": {"greeting": {"type": "string", "description": "What to say; `Hello` unless given."}},
        "additionalProperties": False,
    }

    def configure(self, settings):
        unknown = [problem(f"/{key}", "unknown key") for key in settings.keys() - {"greeting"}]
        if unknown:
            return unknown
        self.greeting = settings.get("greeting", "Hello")

    @property
    def tools(self):
        takes = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        answers = {"type": "object", "properties": {"times": {"type": "integer"}}, "required": ["times"]}
        return [tool("greet", self.greet, "Greets someone by name.", takes, title="Greet", answer=answers)]

    # `context` has a store that outlives the call, and tells who calls, and when.
    def greet(self, arguments, context):
        name = arguments.get("name")
        if not isinstance(name, str) or not name:
            raise ToolError("Whom? `name` is missing.")
        return f"{self.greeting}, {name}!", {"times": context.increment(name)}


Lifecycle, Toolset = export_toolset(Greeter())
