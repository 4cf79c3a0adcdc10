//! Components with flaws that no compiler makes: a good one, taken apart and put together with one thing changed.

use std::convert::Infallible;

use wasm_encoder::{
    BlockType, CodeSection, Component, Function, FunctionSection, ImportSection, Instruction, MemoryType, Module,
    SectionId, StartSection, TableType, TypeSection,
    reencode::{Error, Reencode, ReencodeComponent, utils},
};
use wasmparser::{CodeSectionReader, FunctionSectionReader, ImportSectionReader, Parser, TypeSectionReader};

use crate::plugins::fault;

/// What is changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Forgery {
    /// Memories begin with so much, at least.
    Memory { mib: u64 },
    /// Tables begin with so many elements.
    Table { elements: u64 },
    /// Something runs when the component is instantiated, and never ends.
    EndlessStart,
}

/// The policy `misbehaves`, changed.
pub(crate) fn forged(forgery: Forgery) -> Vec<u8> {
    let good = std::fs::read(fault("misbehaves")).unwrap();
    let mut component = Component::new();
    let mut forger = Forger { forgery, endless_type: 0, imported: 0, endless: None };
    forger.parse_component(&mut component, Parser::new(0), &good).unwrap();
    component.finish()
}

struct Forger {
    forgery: Forgery,
    // Of the module at hand: the type of the endless function, how many functions are imported, and its index.
    endless_type: u32,
    imported: u32,
    endless: Option<u32>,
}

type Done = Result<(), Error<Infallible>>;

impl Reencode for Forger {
    type Error = Infallible;

    fn memory_type(&mut self, from: wasmparser::MemoryType) -> Result<MemoryType, Error<Infallible>> {
        let mut memory = utils::memory_type(self, from);
        if let Forgery::Memory { mib } = self.forgery {
            memory.minimum = memory.minimum.max(mib << 4);
        }
        Ok(memory)
    }

    fn table_type(&mut self, from: wasmparser::TableType) -> Result<TableType, Error<Infallible>> {
        let mut table = utils::table_type(self, from)?;
        if let Forgery::Table { elements } = self.forgery {
            (table.minimum, table.maximum) = (elements, table.maximum.map(|_| elements));
        }
        Ok(table)
    }

    fn parse_type_section(&mut self, types: &mut TypeSection, from: TypeSectionReader<'_>) -> Done {
        // Every module begins with its types.
        (self.imported, self.endless) = (0, None);
        utils::parse_type_section(self, types, from)?;
        self.endless_type = types.len();
        types.ty().function([], []);
        Ok(())
    }

    fn parse_import_section(&mut self, imports: &mut ImportSection, from: ImportSectionReader<'_>) -> Done {
        let all = from.clone().into_imports().filter_map(Result::ok);
        let functions = all.filter(|import| matches!(import.ty, wasmparser::TypeRef::Func(_))).count();
        self.imported = functions.try_into().unwrap();
        utils::parse_import_section(self, imports, from)
    }

    fn parse_function_section(&mut self, functions: &mut FunctionSection, from: FunctionSectionReader<'_>) -> Done {
        utils::parse_function_section(self, functions, from)?;
        if let Forgery::EndlessStart = self.forgery {
            self.endless = Some(self.imported + functions.len());
            functions.function(self.endless_type);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, from: CodeSectionReader<'_>) -> Done {
        utils::parse_code_section(self, code, from)?;
        if let Forgery::EndlessStart = self.forgery {
            let mut endless = Function::new([]);
            endless.instruction(&Instruction::Loop(BlockType::Empty));
            endless.instruction(&Instruction::Br(0));
            endless.instruction(&Instruction::End);
            endless.instruction(&Instruction::End);
            code.function(&endless);
        }
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Done {
        // The start comes after the exports.
        if matches!(before, Some(SectionId::Element | SectionId::DataCount | SectionId::Code))
            && let Some(function_index) = self.endless.take()
        {
            module.section(&StartSection { function_index });
        }
        Ok(())
    }
}

impl ReencodeComponent for Forger {}
