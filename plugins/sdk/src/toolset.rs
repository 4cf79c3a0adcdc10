//! The trait of a set of tools, and its export macro.

mod context;
#[cfg(test)]
mod tests;
mod tool;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use context::{Context, ToolHost};
pub use tool::{Answer, Tool, ToolError, run};

use crate::Problem;

/// A component that offers tools.
///
/// ```
/// use interlock_plugin::prelude::*;
///
/// #[derive(Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {}
///
/// #[derive(Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Greet {
///     /// Whom to greet.
///     #[schemars(length(min = 1))]
///     name: String,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct Greeted {
///     /// How often this name was greeted so far.
///     times: i64,
/// }
///
/// struct Greeter;
///
/// impl Greeter {
///     fn greet(&self, arguments: Greet, context: &Context<'_>) -> Result<Answer<Greeted>, ToolError> {
///         let times = context.increment(&arguments.name, 1)?;
///         Ok(Answer::new(format!("Hello, {}!", arguments.name), Greeted { times }))
///     }
/// }
///
/// impl Toolset for Greeter {
///     type Settings = Settings;
///     const NAME: &'static str = "greeter";
///     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
///     const SUMMARY: &'static str = "Greets.";
///
///     fn configure(_: Settings) -> Result<Self, Vec<Problem>> {
///         Ok(Self)
///     }
///
///     fn tools(&self) -> Vec<Tool<Self>> {
///         vec![Tool::new("greet", Self::greet).title("Greet").description("Greets someone by name.")]
///     }
/// }
///
/// interlock_plugin::export_toolset!(Greeter);
///
/// # fn main() {
/// use interlock_plugin::testing::Shelf;
/// let shelf = Shelf::default();
/// assert_eq!(shelf.call(&Greeter, "greet", &json!({"name": "Ada"})).unwrap().text, "Hello, Ada!");
/// let wrong = shelf.call(&Greeter, "greet", &json!({"nam": "Ada"})).unwrap();
/// assert!(wrong.is_error && wrong.text.contains("did you mean `name`?"));
/// # }
/// ```
pub trait Toolset: Sized {
    /// What the operator writes under `settings`. Derive `Deserialize` and `JsonSchema`, with `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Lower case and hyphens.
    const NAME: &'static str;
    /// Usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;

    /// Takes the settings, once.
    ///
    /// # Errors
    /// Everything that is wrong with the settings beyond what their schema says.
    fn configure(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// The tools, as configured, in a fixed order.
    fn tools(&self) -> Vec<Tool<Self>>;

    /// Runs before each handler, for what all tools of the set have in common: a simulated delay or failure.
    ///
    /// # Errors
    /// What it returns is what the call returns; the handler does not run.
    fn before(&self, _tool: &str, _context: &Context<'_>) -> Result<(), ToolError> {
        Ok(())
    }
}

/// Exports a type that implements [`Toolset`] as this crate's component. Write it once.
#[macro_export]
macro_rules! export_toolset {
    ($set:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Guest;
            static CONFIGURED: $crate::guest::Configured<$set> = $crate::guest::Configured::new();

            impl $crate::bindings::toolset::exports::interlock::plugin::toolset::Guest for Guest {
                fn tools() -> Vec<$crate::ToolDefinition> {
                    let tools = CONFIGURED.get().map($crate::Toolset::tools).unwrap_or_default();
                    tools.iter().map($crate::Tool::definition).collect()
                }

                fn call_tool(
                    tool: String,
                    arguments: String,
                    context: $crate::CallContext,
                ) -> Result<$crate::ToolResult, $crate::Fault> {
                    let context = $crate::Context::new(&context, &$crate::guest::Imports);
                    $crate::guest::run_tool(CONFIGURED.get()?, &tool, &arguments, &context)
                }
            }

            $crate::__export_lifecycle!(Guest, CONFIGURED, $set as $crate::Toolset, &[]);
    $crate::bindings::toolset::export_toolset!(Guest with_types_in $crate::bindings::toolset);
        };
    };
}
