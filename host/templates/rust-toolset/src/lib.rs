//! The toolset `{{name}}`: greets people, and remembers how often.

use interlock_plugin::prelude::*;

/// What the operator writes under `settings`. The published JSON Schema comes from this.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What to say; `Hello` unless given.
    greeting: Option<String>,
}

/// The configured toolset. Every call runs in a fresh copy of it.
pub struct Greeter {
    greeting: String,
}

/// Arguments of `greet`. Models are shown their schema, and each mistake that they make with them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Greet {
    /// Whom to greet.
    #[schemars(length(min = 1))]
    name: String,
}

/// What `greet` gives back beside its text.
#[derive(Serialize, JsonSchema)]
struct Greeted {
    /// How often this name was greeted so far.
    times: i64,
}

impl Greeter {
    // `context` has a store that outlives the call, and tells who calls, and when.
    fn greet(&self, arguments: Greet, context: &Context<'_>) -> Result<Answer<Greeted>, ToolError> {
        let times = context.increment(&arguments.name, 1)?;
        Ok(Answer::new(format!("{}, {}!", self.greeting, arguments.name), Greeted { times }))
    }
}

impl Toolset for Greeter {
    type Settings = Settings;
    const NAME: &'static str = "{{name}}";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Greets people.";

    fn configure(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { greeting: settings.greeting.unwrap_or_else(|| "Hello".to_owned()) })
    }

    fn tools(&self) -> Vec<Tool<Self>> {
        vec![Tool::new("greet", Self::greet).title("Greet").description("Greets someone by name.")]
    }
}

interlock_plugin::export_toolset!(Greeter);

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_plugin::testing::Shelf;

    #[test]
    fn the_operator_chooses_the_greeting() {
        let shelf = Shelf::default();
        let greeter = Shelf::configure::<Greeter>(&json!({"greeting": "Ahoy"})).unwrap();
        assert_eq!(shelf.call(&greeter, "greet", &json!({"name": "Ada"})).unwrap().text, "Ahoy, Ada!");
    }
}
