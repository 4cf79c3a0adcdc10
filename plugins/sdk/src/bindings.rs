//! What wit-bindgen makes of `wit/since_v0.1.0`, for the export macros of this crate.
//!
//! One module for each exported interface rather than one for each world, as `lifecycle` is exported by all of them and
//! its export macro can exist only once. wit-component joins what a guest uses: `lifecycle` and `judge` make the world
//! `policy`, `lifecycle` and `toolset` the world `tools`, and so on.
#![allow(missing_docs, clippy::all, reason = "generated code; the WIT files carry the documentation")]

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../wit/since_v0.1.0",
        inline: "
            package interlock:guest-lifecycle;
            world exports-lifecycle {
                import interlock:plugin/arguments@0.1.0;
                import interlock:plugin/history@0.1.0;
                import interlock:plugin/log@0.1.0;
                export interlock:plugin/lifecycle@0.1.0;
            }
        ",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        type_section_suffix: "lifecycle",
    });
}

pub mod judge {
    wit_bindgen::generate!({
        path: "../../wit/since_v0.1.0",
        inline: "
            package interlock:guest-judge;
            world exports-judge { export interlock:plugin/judge@0.1.0; }
        ",
        generate_all,
        with: { "interlock:plugin/types@0.1.0": super::lifecycle::interlock::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_judge",
        type_section_suffix: "judge",
    });
}

pub mod transform {
    wit_bindgen::generate!({
        path: "../../wit/since_v0.1.0",
        inline: "
            package interlock:guest-transform;
            world exports-transform { export interlock:plugin/transform@0.1.0; }
        ",
        generate_all,
        with: { "interlock:plugin/types@0.1.0": super::lifecycle::interlock::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_transform",
        type_section_suffix: "transform",
    });
}

pub mod review {
    wit_bindgen::generate!({
        path: "../../wit/since_v0.1.0",
        inline: "
            package interlock:guest-review;
            world exports-review { export interlock:plugin/review@0.1.0; }
        ",
        generate_all,
        with: { "interlock:plugin/types@0.1.0": super::lifecycle::interlock::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_review",
        type_section_suffix: "review",
    });
}

pub mod toolset {
    wit_bindgen::generate!({
        path: "../../wit/since_v0.1.0",
        inline: "
            package interlock:guest-toolset;
            world exports-toolset {
                import interlock:plugin/simulation@0.1.0;
                import interlock:plugin/store@0.1.0;
                export interlock:plugin/toolset@0.1.0;
            }
        ",
        generate_all,
        with: { "interlock:plugin/types@0.1.0": super::lifecycle::interlock::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_toolset",
        type_section_suffix: "toolset",
    });
}
