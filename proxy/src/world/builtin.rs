//! The modules that come with the product: ownership, the four levels, and what narrows a key. They are compiled from data at
//! start, by the compiler that every other rule goes through.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy_wasm::compiler::levels::{self, Cell as LevelCell, Row as LevelRow};
use policy_wasm::compiler::{CompileError, Condition, Statement, StatementId, compile, key_scope};
use policy_wasm::engine::{Engine, LoadError, Module};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{Layer, LayerKind, TreeScope};
use policy_wasm::registry::{Attribute, Name};
use postern_config::decisions::{Cell, DecisionTable, TableError};
use postern_config::directory::Level;
use s3_protocol::Operation;

/// The modules that come with the product.
#[derive(Debug)]
pub struct Builtin {
    table: DecisionTable,
    public_operations: Vec<&'static str>,
    ownership: Arc<Module>,
    level: Arc<Module>,
    scope: Arc<Module>,
}

/// Why a module that comes with the product does not work. It is a defect of the product, found at its start.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinFault {
    /// The decision table cannot be read.
    #[error("the decision table cannot be read: {0}")]
    Table(#[from] TableError),
    /// It cannot be compiled.
    #[error("the built-in module `{module}` cannot be compiled: {source}")]
    Compile {
        /// Which.
        module: &'static str,
        /// Why.
        #[source]
        source: CompileError,
    },
    /// It cannot be loaded.
    #[error("the built-in module `{module}` cannot be loaded: {source}")]
    Load {
        /// Which.
        module: &'static str,
        /// Why.
        #[source]
        source: LoadError,
    },
}

impl Builtin {
    /// Compiles and loads them.
    ///
    /// # Errors
    /// See [`BuiltinFault`].
    pub fn new(engine: &Engine) -> Result<Self, BuiltinFault> {
        let table = DecisionTable::standard()?;
        let load = |module, description: &str, statements: &[Statement]| {
            let mut manifest = Manifest::new(module, env!("CARGO_PKG_VERSION"));
            description.clone_into(&mut manifest.description);
            let bytes = compile(statements, &manifest)
                .map_err(|source| BuiltinFault::Compile { module, source })?;
            engine
                .load_own(&bytes)
                .map_err(|source| BuiltinFault::Load { module, source })
        };
        Ok(Self {
            ownership: load(
                "ownership",
                "The owner of a namespace may use it.",
                &ownership(),
            )?,
            level: load(
                "level",
                "What the level of an access key allows.",
                &level(&table),
            )?,
            scope: load(
                "scope",
                "What narrows an access key.",
                &key_scope::statements(),
            )?,
            public_operations: public_operations(&table),
            table,
        })
    }

    /// Who may do what.
    pub fn table(&self) -> &DecisionTable {
        &self.table
    }

    /// The operations that a bucket's owner can open to everyone.
    pub fn public_operations(&self) -> &[&'static str] {
        &self.public_operations
    }

    /// Who may do what, as the rows that the module of the levels was compiled from.
    pub(crate) fn level_rows(&self) -> Vec<LevelRow> {
        level_rows(&self.table)
    }

    /// Their layers, in the order in which they are asked.
    pub fn layers(&self) -> Vec<Layer> {
        let layer = |kind, name: &str, module: &Arc<Module>| Layer {
            kind,
            name: name.into(),
            module: Arc::clone(module),
            scope: TreeScope::Shared,
        };
        vec![
            layer(LayerKind::Grant, "ownership", &self.ownership),
            layer(LayerKind::Limit, "level", &self.level),
            layer(LayerKind::Limit, "scope", &self.scope),
        ]
    }
}

fn ownership() -> Vec<Statement> {
    let owner =
        Attribute::plain(Name::Relation).map(|relation| Condition::one_of(relation, ["owner"]));
    let statement = Statement::allow(StatementId::of("owner"));
    owner
        .map(|owner| statement.when(owner))
        .into_iter()
        .collect()
}

/// The decision table, as the statements of one module that serves every level.
fn level(table: &DecisionTable) -> Vec<Statement> {
    let rows = level_rows(table);
    let levels = Attribute::plain(Name::KeyLevel).map(|level| levels::statements(&rows, &level));
    levels
        .into_iter()
        .flatten()
        .chain(anonymous(table))
        .collect()
}

fn level_rows(table: &DecisionTable) -> Vec<LevelRow> {
    table
        .rows()
        .flat_map(|row| {
            row.atoms.iter().map(|atom| LevelRow {
                operation: row.operation.name().to_owned(),
                atom: atom.as_str().to_owned(),
                cells: Level::ALL
                    .into_iter()
                    .map(|level| {
                        (
                            level.as_str().to_owned(),
                            cell(row.operation, row.at(level)),
                        )
                    })
                    .collect::<BTreeMap<_, _>>(),
            })
        })
        .collect()
}

/// Who signs nothing is of no level. What may be public is within his limits, and needs a grant as everything does.
fn anonymous(table: &DecisionTable) -> Option<Statement> {
    let of = |name, values: Vec<&str>| Some(Condition::one_of(Attribute::plain(name)?, values));
    let caller = of(Name::PrincipalType, vec!["Anonymous"])?;
    let operations = of(Name::Operation, public_operations(table))?;
    let statement = Statement::allow(StatementId::of("anonymous"));
    Some(statement.by(caller).to(operations))
}

/// The operations that a bucket's owner can open to everyone.
fn public_operations(table: &DecisionTable) -> Vec<&'static str> {
    let public = table.rows().filter(|row| row.anonymous == Cell::IfPublic);
    public.map(|row| row.operation.name()).collect()
}

/// What a cell of the table is to a level. An existing bucket is answered with 409 where it is denied; nothing is public to a level.
fn cell(operation: Operation, cell: Cell) -> LevelCell {
    match cell {
        Cell::Allowed => LevelCell::Allow,
        Cell::Denied | Cell::IfExists | Cell::IfPublic => LevelCell::Deny,
        Cell::Filtered => LevelCell::Filtered,
        Cell::Own
            if matches!(
                operation,
                Operation::HeadObject | Operation::GetObjectAttributes
            ) =>
        {
            LevelCell::OwnElseNotFound
        }
        Cell::Own => LevelCell::Own,
        Cell::OwnFiltered => LevelCell::OwnFiltered,
        Cell::IfMarkers => LevelCell::DeletesMarkers,
        Cell::IfAll => LevelCell::DeletesAll,
        // Each entry is a check of its own, under the row of its own operation.
        Cell::IfMarkersOrAll => LevelCell::DeletesAll,
    }
}
