//! The documents that the admin API takes and gives: each is written once, and is type, reader or writer, and schema alike.

use std::sync::Arc;

use postern_config::Secret;
use postern_config::decisions::Atom;
use postern_config::directory::{
    AccessKeyId, Alias, ConsoleAtom, Description, Email, KeyRights, Language, Level, Mfa, Name,
    OperatorStatus, Profile, Referrer, RoleAtoms, TenantStatus, Timezone, UserKind, UserStatus,
    WriteDeletes,
};
use postern_config::metering::{By, Moment, Period, Step};
use postern_config::node::TaskKind;
use serde_json::{Value, json};

use crate::api::audit::{ExportFormat, ReviewFormat};
use crate::service::bulk::BulkAction;
use crate::service::jobs::JobState;
use crate::service::keys::Standing;
use crate::service::operators::ScopeKind;
use crate::service::signin::CarrierAsk;
use crate::service::usage::UsageFormat;
use crate::service::users::UserStanding;

/// A password, code or token that somebody has typed: it is lent, and never shown.
#[derive(Clone)]
pub(crate) struct Typed(Arc<Secret>);

impl Typed {
    /// What was typed into a form.
    pub(crate) fn of(text: &str) -> Self {
        Self(Arc::new(Secret::new(text.as_bytes().to_vec())))
    }

    /// A copy, for who takes one.
    pub(crate) fn secret(&self) -> Secret {
        self.lend(|bytes| Secret::new(bytes.to_vec()))
    }

    /// Lends what was typed.
    pub(crate) fn lend<T>(&self, borrow: impl FnOnce(&[u8]) -> T) -> T {
        self.0.lend(borrow)
    }
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(..)")
    }
}

impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        other.lend(|bytes| self.0.is(bytes))
    }
}

impl<'de> serde::Deserialize<'de> for Typed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(Arc::new(Secret::new(text.into_bytes()))))
    }
}

/// A JSON schema, as OpenAPI 3.1 has them.
pub(crate) type Schema = Value;

/// What a value looks like as JSON.
pub(crate) trait Shape {
    /// Whether it may be left out where it is asked for.
    const MAY_BE_LEFT_OUT: bool = false;

    /// Its schema, or the name of one of the document's.
    fn schema() -> Schema;

    /// Its schema where it is not null.
    fn given() -> Schema {
        Self::schema()
    }

    /// The named schemas that it leans on.
    fn named(_: &mut Vec<(&'static str, Schema)>) {}
}

/// A document with fields.
pub(crate) trait Fields: Shape {
    /// Each field: its name, what it is, its schema where it is given, and whether it may be left out.
    fn fields() -> Vec<(&'static str, &'static str, Schema, bool)>;
}

/// Writes documents down: `asked` are read, and unknown fields refused; `told` are written; `both` are both.
macro_rules! shapes {
    ($($way:ident $(#[doc = $doc:literal])+ $name:ident {
        $($(#[doc = $of:literal])+ $field:ident: $type:ty,)*
    })*) => { $(
        $crate::shape::shapes! { @$way
            $(#[doc = $doc])+
            pub(crate) struct $name {
                $($(#[doc = $of])+ pub(crate) $field: $type,)*
            }
        }

        impl $crate::shape::Shape for $name {
            fn schema() -> $crate::shape::Schema {
                $crate::shape::named(stringify!($name))
            }

            fn named(all: &mut Vec<(&'static str, $crate::shape::Schema)>) {
                let is_asked = $crate::shape::shapes!(@is_asked $way);
                let fields: Vec<(&str, &str, _, bool)> = vec![$((
                    stringify!($field),
                    concat!($($of, "\n"),+),
                    <$type as $crate::shape::Shape>::schema(),
                    is_asked && <$type as $crate::shape::Shape>::MAY_BE_LEFT_OUT,
                )),*];
                let schema = $crate::shape::object(concat!($($doc, "\n"),+), fields);
                all.push((stringify!($name), schema));
                $(<$type as $crate::shape::Shape>::named(all);)*
            }
        }

        impl $crate::shape::Fields for $name {
            fn fields() -> Vec<(&'static str, &'static str, $crate::shape::Schema, bool)> {
                vec![$((
                    stringify!($field),
                    concat!($($of, "\n"),+),
                    <$type as $crate::shape::Shape>::given(),
                    <$type as $crate::shape::Shape>::MAY_BE_LEFT_OUT,
                )),*]
            }
        }
    )* };
    (@asked $(#[$doc:meta])+ $item:item) => {
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $item
    };
    (@told $(#[$doc:meta])+ $item:item) => {
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        $item
    };
    (@both $(#[$doc:meta])+ $item:item) => {
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(deny_unknown_fields)]
        $item
    };
    (@is_asked asked) => { true };
    (@is_asked both) => { true };
    (@is_asked told) => { false };
}
pub(crate) use shapes;

/// A schema that stands under this name in the document.
pub(crate) fn named(name: &str) -> Schema {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schema of a document with these fields and no others.
pub(crate) fn object(about: &str, fields: Vec<(&str, &str, Schema, bool)>) -> Schema {
    let required: Vec<&str> = fields
        .iter()
        .filter(|(.., may_be_left_out)| !may_be_left_out)
        .map(|(name, ..)| *name)
        .collect();
    let properties: serde_json::Map<String, Value> = fields
        .into_iter()
        .map(|(name, about, schema, _)| (name.to_owned(), described(schema, about)))
        .collect();
    let mut object = json!({
        "type": "object", "description": sentence(about),
        "properties": properties, "additionalProperties": false,
    });
    if let (false, Some(object)) = (required.is_empty(), object.as_object_mut()) {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

/// A schema with what it is for.
fn described(mut schema: Schema, about: &str) -> Schema {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), sentence(about).into());
    }
    schema
}

/// The lines of a comment as one.
pub(crate) fn sentence(comment: &str) -> String {
    let lines: Vec<&str> = comment.lines().map(str::trim).collect();
    lines.join(" ").trim().to_owned()
}

fn simple(kind: &str) -> Schema {
    json!({ "type": kind })
}

/// One of these words.
fn words<T: serde::Serialize>(all: &[T]) -> Schema {
    json!({ "type": "string", "enum": all })
}

/// A text with bounds.
fn text(pattern: Option<&str>, (least, most): (usize, usize)) -> Schema {
    let mut text = json!({ "type": "string", "minLength": least, "maxLength": most });
    if let (Some(pattern), Some(text)) = (pattern, text.as_object_mut()) {
        text.insert("pattern".to_owned(), pattern.into());
    }
    text
}

impl<T: Shape> Shape for Option<T> {
    const MAY_BE_LEFT_OUT: bool = true;

    fn schema() -> Schema {
        or_null(T::schema())
    }

    fn given() -> Schema {
        T::given()
    }

    fn named(all: &mut Vec<(&'static str, Schema)>) {
        T::named(all);
    }
}

/// A schema, or null.
fn or_null(mut schema: Schema) -> Schema {
    let kind = schema.get("type").cloned();
    match (kind, schema.as_object_mut()) {
        (Some(Value::String(kind)), Some(fields)) if !fields.contains_key("enum") => {
            fields.insert("type".to_owned(), json!([kind, "null"]));
            schema
        }
        _ => json!({ "oneOf": [schema, { "type": "null" }] }),
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn schema() -> Schema {
        json!({ "type": "array", "items": T::schema() })
    }

    fn named(all: &mut Vec<(&'static str, Schema)>) {
        T::named(all);
    }
}

macro_rules! plain {
    ($($type:ty => $schema:expr;)*) => { $(
        impl Shape for $type {
            fn schema() -> Schema {
                $schema
            }
        }
    )* };
}

plain! {
    bool => simple("boolean");
    String => simple("string");
    &'static str => simple("string");
    u64 => whole(u64::MAX);
    u32 => whole(u64::from(u32::MAX));
    i64 => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX });
    usize => whole(u64::MAX);
    Value => json!({});
    Name => text(Some("^[A-Za-z0-9][A-Za-z0-9._@+-]*$"), (1, postern_config::limits::NAME_BYTES_MAX));
    postern_config::directory::Host => text(Some("^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"), (3, postern_config::limits::HOST_BYTES_MAX));
    Alias => text(Some("^[a-z0-9]+(-[a-z0-9]+)*$"), (1, postern_config::limits::ALIAS_BYTES_MAX));
    Description => text(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"), (0, postern_config::limits::DESCRIPTION_BYTES_MAX));
    AccessKeyId => text(Some("^[A-Z0-9]{20}$"), (20, 20));
    Typed => json!({ "type": "string", "format": "password", "writeOnly": true });
    OperatorStatus => words(&[OperatorStatus::Active, OperatorStatus::Passive]);
    Mfa => words(&[Mfa::Off, Mfa::Enrolling, Mfa::On]);
    ScopeKind => words(&[ScopeKind::Deployment, ScopeKind::Reseller, ScopeKind::Tenant, ScopeKind::Users]);
    CarrierAsk => words(&[CarrierAsk::Cookie, CarrierAsk::Bearer]);
    Profile => words(&Profile::ALL);
    Level => words(&Level::ALL);
    WriteDeletes => words(&[WriteDeletes::No, WriteDeletes::Markers, WriteDeletes::All]);
    TenantStatus => words(&[TenantStatus::Active, TenantStatus::ReadOnly, TenantStatus::Suspended, TenantStatus::Closed]);
    UserStanding => words(&UserStanding::ALL);
    BulkAction => words(&[BulkAction::Disable, BulkAction::Enable, BulkAction::Delete]);
    Email => text(Some("^[^@\\s]+@[^@\\s]+$"), (3, postern_config::limits::EMAIL_BYTES_MAX));
    Timezone => text(Some("^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)*$"), (1, postern_config::limits::TAG_BYTES_MAX));
    Language => text(Some("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"), (2, postern_config::limits::TAG_BYTES_MAX));
    Referrer => text(Some("^(\\*|https?://[^*@\\s]+)$"), (1, postern_config::limits::REFERRER_BYTES_MAX));
    UserKind => words(&[UserKind::Root, UserKind::Human, UserKind::Service]);
    Standing => words(&[Standing::Active, Standing::Disabled, Standing::Rotating, Standing::Expired]);
    TaskKind => words(&TaskKind::ALL.map(TaskKind::as_str));
    JobState => words(&[JobState::Running, JobState::Done]);
    ExportFormat => words(&[ExportFormat::Jsonl, ExportFormat::Csv]);
    ReviewFormat => words(&[ReviewFormat::Json, ReviewFormat::Csv]);
    Period => text(Some("^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$"), (7, 10));
    Moment => simple("string");
    Step => words(&Step::ALL);
    By => words(&By::ALL);
    UsageFormat => words(&[UsageFormat::Json, UsageFormat::Csv]);
    UserStatus => words(&[UserStatus::Active, UserStatus::Disabled, UserStatus::Deleting]);
}

fn whole(most: u64) -> Schema {
    json!({ "type": "integer", "minimum": 0, "maximum": most })
}

/// The atoms of a role are a document of the directory, too.
impl Shape for RoleAtoms {
    fn schema() -> Schema {
        named("RoleAtoms")
    }

    fn named(all: &mut Vec<(&'static str, Schema)>) {
        let list = |words: Vec<&str>| {
            let item = json!({ "type": "string", "enum": words });
            json!({ "type": "array", "items": item })
        };
        let data = Atom::ALL.iter().map(|atom| atom.as_str()).collect();
        let console = ConsoleAtom::ALL.iter().map(|atom| atom.as_str()).collect();
        let fields = vec![
            ("data", "What it may do to data.", list(data), false),
            (
                "console",
                "What it may do to the account.",
                list(console),
                false,
            ),
        ];
        all.push(("RoleAtoms", object("What a role may do.", fields)));
    }
}

/// The rights of a key are a document of the directory: its reader is there, its schema here, and a test holds them together.
impl Shape for KeyRights {
    fn schema() -> Schema {
        named("KeyRights")
    }

    fn named(all: &mut Vec<(&'static str, Schema)>) {
        let rights = object(
            "What a key may do: its level, and what narrows it.",
            vec![
                ("level", "The level.", Level::schema(), false),
                (
                    "description",
                    "What a person says about the key.",
                    Description::schema(),
                    true,
                ),
                (
                    "not_before",
                    "The first second at which it works, since 1970.",
                    Option::<u64>::schema(),
                    true,
                ),
                (
                    "expires",
                    "The first second at which it no longer works, since 1970.",
                    Option::<u64>::schema(),
                    true,
                ),
                ("scope", "What it reaches.", named("KeyScope"), true),
                (
                    "networks",
                    "The networks from which it works, such as `10.0.0.0/8`.",
                    key_list(String::schema()),
                    true,
                ),
                (
                    "tls_only",
                    "Whether it works over TLS alone.",
                    bool::schema(),
                    true,
                ),
                ("presign", "Presigned URLs.", named("KeyPresign"), true),
                (
                    "append_only",
                    "Whether what exists may not be replaced by it.",
                    bool::schema(),
                    true,
                ),
                (
                    "max_object_bytes",
                    "The largest object that it may write, in bytes.",
                    Option::<u64>::schema(),
                    true,
                ),
                (
                    "write_deletes",
                    "What it may delete where its level is `write`; at most what the tenant allows.",
                    Option::<WriteDeletes>::schema(),
                    true,
                ),
                (
                    "bypass_governance",
                    "Whether a key of level `full` may shorten retention and bypass governance.",
                    bool::schema(),
                    true,
                ),
            ],
        );
        all.extend([
            ("KeyRights", rights),
            ("KeyScope", scope()),
            ("KeyPresign", presign()),
        ]);
    }
}

/// A list of a key, which may be absent.
fn key_list(item: Schema) -> Schema {
    or_null(
        json!({ "type": "array", "items": item, "maxItems": postern_config::limits::KEY_LIST_ENTRIES_MAX }),
    )
}

/// What a key reaches.
fn scope() -> Schema {
    let bucket = text(Some("^[a-z0-9][a-z0-9.-]*[a-z0-9]$"), (3, 63));
    object(
        "What a key reaches. A list that is absent restricts nothing; an empty one matches nothing.",
        vec![
            (
                "buckets",
                "Buckets, by name in the namespace of the key.",
                key_list(bucket),
                true,
            ),
            (
                "prefixes",
                "Beginnings of object keys, byte by byte: `logs/` fits `logs/a`, `logs` fits `logs-secret/`, too.",
                key_list(text(None, (0, s3_protocol::limits::KEY_BYTES_MAX))),
                true,
            ),
            (
                "operations",
                "Operations, by their S3 API names, such as `GetObject`.",
                key_list(String::schema()),
                true,
            ),
        ],
    )
}

/// Presigned URLs of a key.
fn presign() -> Schema {
    object(
        "Whether presigned URLs of the key work, and for how long.",
        vec![
            ("allowed", "Whether they work.", bool::schema(), false),
            (
                "max_age_seconds",
                "The oldest that such a URL may be, in seconds.",
                Option::<u32>::schema(),
                true,
            ),
        ],
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn properties(schemas: &[(&str, Schema)], name: &str) -> BTreeSet<String> {
        let schema = schemas.iter().find(|(it, _)| *it == name).unwrap();
        let schema = serde_json::to_value(&schema.1).unwrap();
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    fn keys(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_schema_of_a_role_has_the_fields_that_the_directory_reads() {
        let mut schemas = Vec::new();
        RoleAtoms::named(&mut schemas);
        let written = json!(RoleAtoms::default());
        assert_eq!(properties(&schemas, "RoleAtoms"), keys(&written));
    }

    #[test]
    fn the_schema_of_rights_has_the_fields_that_the_directory_reads() {
        let mut schemas = Vec::new();
        KeyRights::named(&mut schemas);
        let written = json!(KeyRights::of_level(Level::Read));
        assert_eq!(properties(&schemas, "KeyRights"), keys(&written));
        assert_eq!(properties(&schemas, "KeyScope"), keys(&written["scope"]));
        assert_eq!(
            properties(&schemas, "KeyPresign"),
            keys(&written["presign"])
        );
    }
}
