//! The modules that come with the product: ownership and membership, the four levels of keys and sub-users, what narrows a key,
//! roles, account and container permissions, what is public, and what an account is barred from. They are compiled from data at
//! start, by the compiler that every other rule goes through. Those that say something of few requests are in the plans of these
//! alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy_wasm::compiler::levels::{self, Cell as LevelCell, Row as LevelRow};
use policy_wasm::compiler::{
    CompileError, Condition, Statement, StatementId, compile, key_scope, permissions,
};
use policy_wasm::engine::{Engine, LoadError, Module};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{Layer, LayerKind, TreeScope};
use policy_wasm::registry::{Attribute, Name};
use postern_config::decisions::{Atom, Cell, DecisionTable, TableError};
use postern_config::directory::Level;
use s3_protocol::Operation;

/// The modules that come with the product.
#[derive(Debug)]
pub struct Builtin {
    table: DecisionTable,
    public_operations: Vec<&'static str>,
    ownership: Arc<Module>,
    membership: Arc<Module>,
    public: Arc<Module>,
    level: Arc<Module>,
    scope: Arc<Module>,
    sub_user: Arc<Module>,
    role: Arc<Module>,
    account: Arc<Module>,
    container: Arc<Module>,
    read_only: Arc<Module>,
    block_public: Arc<Module>,
    bucket_acl: Arc<Module>,
    object_acl: Arc<Module>,
}

/// Which of the modules that are not in every plan have a say. A set, small enough to be part of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Concerned(u16);

impl Concerned {
    /// The caller's account shares a namespace.
    pub(super) const MEMBERSHIP: Self = Self(1);
    /// Something of the bucket may be open to everyone.
    pub(super) const PUBLIC: Self = Self(1 << 1);
    /// The caller is a sub-user.
    pub(super) const SUB_USER: Self = Self(1 << 2);
    /// The caller's role narrows.
    pub(super) const ROLE: Self = Self(1 << 3);
    /// The caller's account has permissions.
    pub(super) const ACCOUNT: Self = Self(1 << 4);
    /// The bucket has permissions.
    pub(super) const CONTAINER: Self = Self(1 << 5);
    /// One of the accounts may only read.
    pub(super) const READ_ONLY: Self = Self(1 << 6);
    /// Nothing of the bucket's account is public.
    pub(super) const BLOCK_PUBLIC: Self = Self(1 << 7);

    /// The caller has a key, or what is said of who has none has a say.
    pub(super) const KEY: Self = Self(1 << 8);
    /// The bucket has an access control list.
    pub(super) const BUCKET_ACL: Self = Self(1 << 9);

    /// Objects of the bucket may have access control lists.
    pub(super) const OBJECT_ACL: Self = Self(1 << 10);

    /// With these, if they have a say.
    #[must_use]
    pub(super) const fn with(self, other: Self, has_a_say: bool) -> Self {
        if has_a_say {
            Self(self.0 | other.0)
        } else {
            self
        }
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
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
    #[expect(clippy::too_many_lines, reason = "a table: one entry for each module")]
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
                &related("owner"),
            )?,
            membership: load(
                "membership",
                "The members of an account may use its namespace.",
                &related("member"),
            )?,
            public: load(
                "public-container",
                "What of a container is open to everyone.",
                &public(&table),
            )?,
            sub_user: load(
                "sub-user",
                "What the level of a sub-user allows.",
                &level(&table, Name::SubuserLevel),
            )?,
            role: load("role", "What a role allows.", &permissions::role())?,
            account: load(
                "account-permissions",
                "What the permissions of an account allow its members.",
                &permissions::account(),
            )?,
            container: load(
                "container-permissions",
                "What the permissions of a container allow members of the account.",
                &permissions::container(),
            )?,
            read_only: load(
                "read-only",
                "An account that is suspended to reading.",
                &read_only(),
            )?,
            block_public: load(
                "block-public",
                "Nothing of the account is public.",
                &block_public(),
            )?,
            object_acl: load(
                "object-acl",
                "What the access control list of an object gives.",
                &object_acl(),
            )?,
            bucket_acl: load(
                "bucket-acl",
                "What the access control list of a bucket gives.",
                &bucket_acl(),
            )?,
            level: load(
                "level",
                "What the level of an access key allows.",
                &level(&table, Name::KeyLevel),
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

    /// The layers that are in every plan, in the order in which they are asked.
    pub fn layers(&self) -> Vec<Layer> {
        self.layers_of(Concerned::KEY)
    }

    /// The same, with those that have a say here.
    pub(super) fn layers_of(&self, concerned: Concerned) -> Vec<Layer> {
        use LayerKind::{Grant, Guard, Limit};
        let always = Concerned::default();
        let all = [
            (always, Grant, "ownership", &self.ownership),
            (Concerned::MEMBERSHIP, Grant, "membership", &self.membership),
            (Concerned::PUBLIC, Grant, "public-container", &self.public),
            (Concerned::BUCKET_ACL, Grant, "bucket-acl", &self.bucket_acl),
            (Concerned::OBJECT_ACL, Grant, "object-acl", &self.object_acl),
            (Concerned::KEY, Limit, "level", &self.level),
            (Concerned::KEY, Limit, "scope", &self.scope),
            (Concerned::SUB_USER, Limit, "sub-user", &self.sub_user),
            (Concerned::ROLE, Limit, "role", &self.role),
            (
                Concerned::ACCOUNT,
                Limit,
                "account-permissions",
                &self.account,
            ),
            (
                Concerned::CONTAINER,
                Limit,
                "container-permissions",
                &self.container,
            ),
            (Concerned::READ_ONLY, Limit, "read-only", &self.read_only),
            (
                Concerned::BLOCK_PUBLIC,
                Guard,
                "block-public",
                &self.block_public,
            ),
        ];
        all.into_iter()
            .filter(|(which, ..)| concerned.has(*which))
            .map(|(_, kind, name, module)| Layer {
                kind,
                name: name.into(),
                module: Arc::clone(module),
                scope: TreeScope::Shared,
            })
            .collect()
    }
}

/// A grant to those who are joined to the bucket in this way.
fn related(relation: &'static str) -> Vec<Statement> {
    let related =
        Attribute::plain(Name::Relation).map(|attribute| Condition::one_of(attribute, [relation]));
    let statement = Statement::allow(StatementId::of(relation));
    related
        .map(|related| statement.when(related))
        .into_iter()
        .collect()
}

/// What is open is what the table calls possible for the anonymous: a signed stranger gets no more.
fn public(table: &DecisionTable) -> Vec<Statement> {
    let operations = Attribute::plain(Name::Operation)
        .map(|operation| Condition::one_of(operation, public_operations(table)));
    let Some(operations) = operations else {
        return Vec::new();
    };
    permissions::public()
        .into_iter()
        .map(|statement| statement.when(operations.clone()))
        .collect()
}

/// An account that may only read: what a Read key may, and the access control of its buckets.
fn read_only() -> Vec<Statement> {
    let atoms = Level::Read.atoms().iter().chain(&[Atom::AclRead]);
    let reads = Attribute::plain(Name::Atom)
        .map(|atom| Condition::one_of(atom, atoms.map(|atom| atom.as_str())));
    let statement = Statement::allow(StatementId::of("reads"));
    reads.map(|reads| statement.to(reads)).into_iter().collect()
}

/// What each permission of an object's list lets its holders do.
fn object_acl() -> Vec<Statement> {
    use Operation as O;
    let gives: [(&str, &[Operation]); 3] = [
        ("read", &[O::GetObject, O::HeadObject]),
        ("read-acp", &[O::GetObjectAcl]),
        ("write-acp", &[O::PutObjectAcl]),
    ];
    by_list(Name::ObjectAclPermissions, &gives)
}

/// What each permission of a bucket's list lets its holders do.
fn bucket_acl() -> Vec<Statement> {
    use Operation as O;
    let gives: [(&str, &[Operation]); 4] = [
        (
            "read",
            &[
                O::HeadBucket,
                O::GetBucketLocation,
                O::ListObjects,
                O::ListObjectsV2,
                O::ListObjectVersions,
                O::ListMultipartUploads,
            ],
        ),
        (
            "write",
            &[
                O::PutObject,
                O::PostObject,
                O::CopyObject,
                O::CreateMultipartUpload,
                O::UploadPart,
                O::UploadPartCopy,
                O::CompleteMultipartUpload,
                O::AbortMultipartUpload,
                O::ListParts,
                O::DeleteObject,
            ],
        ),
        ("read-acp", &[O::GetBucketAcl]),
        ("write-acp", &[O::PutBucketAcl]),
    ];
    by_list(Name::AclPermissions, &gives)
}

/// Who holds a permission may do these. Source: S3 User Guide, "Mapping of ACL permissions and access policy permissions".
fn by_list(held: Name, gives: &[(&'static str, &[Operation])]) -> Vec<Statement> {
    let statement = |(permission, operations): &(&'static str, &[Operation])| {
        let held = Attribute::plain(held)?;
        let done = Attribute::plain(Name::Operation)?;
        let operations = operations.iter().map(|operation| operation.name());
        let statement = Statement::allow(StatementId::of(permission));
        Some(
            statement
                .when(Condition::one_of(held, [*permission]))
                .to(Condition::one_of(done, operations)),
        )
    };
    gives.iter().filter_map(statement).collect()
}

/// Who signs nothing is denied, whatever a policy says.
fn block_public() -> Vec<Statement> {
    let anonymous =
        Attribute::plain(Name::PrincipalType).map(|kind| Condition::one_of(kind, ["Anonymous"]));
    let statement = Statement::deny(StatementId::of("block-public"));
    anonymous
        .map(|anonymous| statement.by(anonymous))
        .into_iter()
        .collect()
}

/// The decision table, as the statements of one module that serves every level.
fn level(table: &DecisionTable, of: Name) -> Vec<Statement> {
    let rows = level_rows(table);
    let levels = Attribute::plain(of).map(|level| levels::statements(&rows, &level));
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
        Cell::IfFlag => LevelCell::LockBypass,
        Cell::IfMarkers => LevelCell::DeletesMarkers,
        Cell::IfAll => LevelCell::DeletesAll,
        // Each entry is a check of its own, under the row of its own operation.
        Cell::IfMarkersOrAll => LevelCell::DeletesAll,
    }
}
