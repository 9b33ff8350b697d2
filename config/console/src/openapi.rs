//! The document that describes the admin API (OpenAPI 3.1), made from the documents that the handlers read and write.
//!
//! Each operation is a line in [`operations`]; a test holds the lines and the routes together, and another the document and its
//! copy in `docs/openapi.json`.

mod operations;

use serde_json::{Map, Value, json};

use crate::caller;
use crate::limits::{IDEMPOTENCY_KEY_BYTES_MAX, PAGE_ENTRIES_MAX};
use crate::needs::{self, Need};
use crate::shape::{Fields, Schema, Shape, named, object, sentence};

/// How operations say who may ask them.
const TOKEN: &str = "token";
/// How browsers do.
const COOKIE: &str = "session";

/// The document, as it is served.
pub fn text() -> String {
    format!("{:#}\n", document())
}

/// One operation of the API.
#[expect(
    clippy::struct_excessive_bools,
    reason = "what an operation has or has not, each by itself"
)]
struct Described {
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    query: Vec<(&'static str, &'static str, Schema, bool)>,
    body: Option<(&'static str, Schema)>,
    answers: Vec<(u16, &'static str, &'static str, Schema)>,
    is_conditional: bool,
    is_creation: bool,
    is_tagged: bool,
    is_table_too: bool,
    names: Vec<(&'static str, Schema)>,
}

impl Described {
    fn new(method: &'static str, path: &'static str, summary: &'static str) -> Self {
        let tag = path.split('/').rfind(|part| {
            matches!(
                *part,
                "tenants"
                    | "users"
                    | "sub-users"
                    | "roles"
                    | "keys"
                    | "buckets"
                    | "audit"
                    | "modules"
                    | "policies"
                    | "tools"
                    | "operators"
                    | "tokens"
                    | "me"
                    | "session"
            )
        });
        Self {
            method,
            path,
            tag: tag.unwrap_or("server"),
            summary,
            query: Vec::new(),
            body: None,
            answers: Vec::new(),
            is_conditional: false,
            is_creation: false,
            is_tagged: false,
            is_table_too: false,
            names: Vec::new(),
        }
    }

    /// It takes this query.
    fn asks<T: Fields>(mut self) -> Self {
        self.query = T::fields();
        self
    }

    /// It takes this document.
    fn takes<T: Shape>(mut self) -> Self {
        T::named(&mut self.names);
        self.body = Some(("application/json", T::schema()));
        self
    }

    /// It takes a document that is not described further, of this type.
    fn takes_any(mut self, kind: &'static str) -> Self {
        self.body = Some((kind, anything()));
        self
    }

    /// It answers with this document.
    fn tells<T: Shape>(mut self, status: u16, about: &'static str) -> Self {
        T::named(&mut self.names);
        self.answers
            .push((status, about, "application/json", T::schema()));
        self
    }

    /// It answers with a page of these.
    fn pages<T: Shape>(mut self) -> Self {
        T::named(&mut self.names);
        let fields = vec![
            ("items", "The entries.", Vec::<T>::schema(), false),
            (
                "next",
                "The cursor of the next page; null after the last.",
                Option::<String>::schema(),
                false,
            ),
            (
                "total",
                "How many entries fit the filters, on all pages.",
                usize::schema(),
                false,
            ),
        ];
        let page = object("A page.", fields);
        self.answers
            .push((200, "A page.", "application/json", page));
        self
    }

    /// It answers with something else.
    fn tells_any(mut self, status: u16, about: &'static str, kind: &'static str) -> Self {
        let schema = if kind == "application/json" {
            anything()
        } else {
            String::schema()
        };
        self.answers.push((status, about, kind, schema));
        self
    }

    /// It makes something: it takes an `Idempotency-Key`.
    fn creates<T: Shape>(self, about: &'static str) -> Self {
        let mut made = self.tells::<T>(201, about).tells::<T>(
            200,
            "It was made before, by a request with the same `Idempotency-Key`.",
        );
        made.is_creation = true;
        made.is_tagged = true;
        made
    }

    /// It changes a record: it takes an `If-Match`.
    fn conditional(mut self) -> Self {
        self.is_conditional = true;
        self
    }

    /// Its answer has an `ETag`.
    fn tagged(mut self) -> Self {
        self.is_tagged = true;
        self
    }

    /// Its answer may be asked for as a table.
    fn tabled(mut self) -> Self {
        self.is_table_too = true;
        self
    }

    fn parameters(&self) -> Vec<Value> {
        let words = self.path.split('/').filter_map(|part| {
            let name = part.strip_prefix('{')?.strip_suffix('}')?;
            Some(json!({
                "name": name, "in": "path", "required": true, "description": word_of(name),
                "schema": { "type": "string", "minLength": 1 },
            }))
        });
        let query = self
            .query
            .iter()
            .map(|(name, about, schema, may_be_left_out)| {
                let page = json!({ "type": "integer", "minimum": 1, "maximum": PAGE_ENTRIES_MAX });
                let schema = if *name == "limit" { &page } else { schema };
                json!({
                    "name": name, "in": "query", "required": !may_be_left_out,
                    "description": sentence(about), "schema": schema,
                })
            });
        let mut all: Vec<Value> = words.chain(query).collect();
        if self.is_conditional {
            all.push(json!({
                "name": "If-Match", "in": "header", "required": false,
                "description": "The `ETag` of the record as it was read: if it has changed since, the answer is 412 and nothing is done.",
                "schema": { "type": "string", "pattern": "^(\\*|\"[0-9]{1,19}\")$" },
            }));
        }
        if self.is_creation {
            all.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "A text of the client's own, such as a UUID: for a day, a retry with the same one makes nothing twice.",
                "schema": {
                    "type": "string", "pattern": "^[!-~]+$",
                    "minLength": 1, "maxLength": IDEMPOTENCY_KEY_BYTES_MAX,
                },
            }));
        }
        all
    }

    fn operation(&self) -> Value {
        let mut responses = Map::new();
        let problem = json!({ "$ref": "#/components/responses/Problem" });
        responses.insert("default".to_owned(), problem);
        for (status, about, kind, schema) in &self.answers {
            let mut content = json!({ *kind: { "schema": schema } });
            if let (true, Some(content)) = (self.is_table_too, content.as_object_mut()) {
                content.insert("text/csv".to_owned(), json!({ "schema": String::schema() }));
            }
            let mut response = json!({ "description": about, "content": content });
            if let (true, Some(response)) = (kind.is_empty(), response.as_object_mut()) {
                response.remove("content");
            }
            if let (true, Some(response)) = (self.is_tagged, response.as_object_mut()) {
                let tag = json!({ "ETag": {
                    "description": "The revision of the record, for `If-Match`.",
                    "schema": { "type": "string" },
                } });
                response.insert("headers".to_owned(), tag);
            }
            responses.insert(status.to_string(), response);
        }
        let mut operation = json!({
            "tags": [self.tag], "summary": self.summary, "operationId": self.id(),
            "parameters": self.parameters(), "responses": responses,
            "security": [{ TOKEN: [] }, { COOKIE: [] }],
        });
        if let (Some(row), Some(operation)) =
            (needs::of(self.method, self.path), operation.as_object_mut())
        {
            operation.insert("x-postern-permission".to_owned(), row.sentence().into());
            if row.need == Need::Nothing {
                operation.insert("security".to_owned(), json!([]));
            }
        }
        if let (Some((kind, schema)), Some(operation)) = (&self.body, operation.as_object_mut()) {
            let body = json!({ "required": true, "content": { *kind: { "schema": schema } } });
            operation.insert("requestBody".to_owned(), body);
        }
        operation
    }

    /// Method and words of the path.
    fn id(&self) -> String {
        let words = self.path.trim_start_matches("/api/v1/").split('/');
        let words = words.map(|word| word.trim_matches(['{', '}']).replace(['.', '-'], "_"));
        let words: Vec<String> = words.collect();
        format!("{}_{}", self.method.to_lowercase(), words.join("_"))
    }
}

/// What a word of a path means.
fn word_of(name: &str) -> &'static str {
    match name {
        "tenant" => {
            "The account, by name or number. Digits alone are a number; `name:2026` is what is called so."
        }
        "user" => {
            "The user, by name or number. Digits alone are a number; `name:2026` is who is called so."
        }
        "sub_user" => {
            "The sub-user, by name or number. Digits alone are a number; `name:2026` is who is called so."
        }
        "role" => {
            "The role, by name, or by number where the account has made it. Digits alone are a number."
        }
        "key" => "The access key, by its public half.",
        "bucket" => "The bucket, by name or by number, which is 32 hexadecimal digits.",
        "module" => "The module, by name.",
        "period" => {
            "The billing period: a month such as `2026-11` or a day such as `2026-11-22`, of UTC."
        }
        "operator" => "The operator, by number or e-mail address.",
        "token" => "The token, by number.",
        "domain" => "The domain, such as `s3.example.org`.",
        "job" => "The job, by number.",
        _ => "The id.",
    }
}

fn anything() -> Schema {
    Value::schema()
}

fn document() -> Value {
    let operations = operations::all();
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problem());
    for described in operations {
        for (name, schema) in &described.names {
            schemas.insert((*name).to_owned(), schema.clone());
        }
        let path = paths.entry(described.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(described.method.to_lowercase(), described.operation());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Postern admin API", "version": "1", "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "It was refused: the sentence in `detail` says why, and what to do.",
                "content": { "application/problem+json": { "schema": named("Problem") } },
            } },
            "securitySchemes": {
                TOKEN: { "type": "http", "scheme": "bearer" },
                COOKIE: { "type": "apiKey", "in": "cookie", "name": caller::COOKIE },
            },
        },
    })
}

const ABOUT: &str = "Accounts, users, access keys, buckets, policies and modules of a gate, and its audit log. Every request needs a \
bearer token or the cookie of a session, and its operator the permission that `x-postern-permission` says. Answers are never to be cached. What is refused is a problem (RFC 9457) whose `code` programs compare and whose \
`detail` people read.";

/// What is answered to whoever is refused.
fn problem() -> Schema {
    let fields = vec![
        ("type", "`about:blank`.", String::schema(), false),
        ("title", "The status in words.", String::schema(), false),
        ("status", "The status.", u64::schema(), false),
        (
            "code",
            "A name that programs compare, such as `not-found`.",
            String::schema(),
            false,
        ),
        (
            "detail",
            "A sentence for people: why, and what to do.",
            String::schema(),
            false,
        ),
        (
            "faults",
            "Each fault by itself, where there are several.",
            Vec::<String>::schema(),
            true,
        ),
    ];
    object("A refusal (RFC 9457).", fields)
}

/// The operations that the document describes, as methods and paths.
pub fn described_operations() -> Vec<(&'static str, &'static str)> {
    operations::all()
        .iter()
        .map(|it| (it.method, it.path))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::{self, Permission};

    #[test]
    fn every_route_of_the_api_is_described_and_nothing_else() {
        let described: BTreeSet<_> = described_operations().into_iter().collect();
        let api = routes::ALL
            .iter()
            .filter(|route| route.permission == Permission::Token);
        let served: BTreeSet<_> = api
            .flat_map(|route| route.methods.iter().map(|method| (*method, route.path)))
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn every_name_that_the_document_refers_to_is_in_it() {
        let document: Value = serde_json::from_str(&text()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        for rest in text.split("#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            let schema = &document["components"]["schemas"][name];
            assert!(schema.is_object(), "{name}");
        }
        let ids: Vec<String> = operations::all().iter().map(Described::id).collect();
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len());
    }
}
