//! Which tenant a command means, and how it asks the admin API about what is in it.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::admin::Raw;
use super::module::encoded;
use super::{AdminError, CliError, Connection};

/// Bytes of a key by which the server knows a retry.
const RETRY_KEY_BYTES: usize = 16;

/// Whose things are meant.
#[derive(Clone, Debug, Args)]
pub(super) struct Whose {
    /// The tenant, by name or number. [default: that of the context, or `demo` in development mode]
    #[arg(long, short, env = "POSTERN_TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Whose {
    /// The tenant.
    pub(super) fn tenant(&self) -> Result<String, CliError> {
        let named = match &self.tenant {
            Some(tenant) => Some(tenant.clone()),
            None => self.connection.tenant()?,
        };
        named.ok_or_else(|| {
            let how =
                "which tenant? (--tenant NAME; `postern tenant list` shows those that there are)";
            CliError::Usage(how.to_owned())
        })
    }

    /// A path below the tenant: its words are encoded.
    pub(super) fn path(&self, words: &[&str]) -> Result<String, CliError> {
        Ok(path(&self.tenant()?, words))
    }

    /// Asks about something below the tenant.
    pub(super) fn get(&self, words: &[&str]) -> Result<Value, CliError> {
        Ok(self.connection.ask(Method::GET, &self.path(words)?, None)?)
    }

    /// A step that takes no document.
    pub(super) fn step(&self, words: &[&str]) -> Result<Value, CliError> {
        Ok(self
            .connection
            .ask(Method::POST, &self.path(words)?, None)?)
    }

    /// The path of the user whose key it is, and the key.
    pub(super) fn key(&self, id: &str) -> Result<(String, Value), CliError> {
        let key = self.get(&["keys", id])?;
        let user = key.get("user").and_then(Value::as_str).unwrap_or_default();
        // A user who is called by a number is told from the one who has it.
        let user = format!("name:{user}");
        Ok((user, key))
    }
}

/// A path below a tenant.
pub(super) fn path(tenant: &str, words: &[&str]) -> String {
    let mut path = format!("/api/v1/tenants/{}", encoded(tenant));
    for word in words {
        path.push('/');
        path.push_str(&encoded(word));
    }
    path
}

/// Makes something, once: where no answer comes, it is asked again under the same key, and the server makes nothing twice.
pub(super) fn create(
    connection: &Connection,
    path: &str,
    document: &Value,
) -> Result<Value, CliError> {
    let mut random = [0; RETRY_KEY_BYTES];
    getrandom::fill(&mut random).map_err(|fault| CliError::Io {
        what: "make a random number".to_owned(),
        source: std::io::Error::other(fault.to_string()),
    })?;
    let key = hex::encode(random);
    let ask = || -> Result<Raw, AdminError> {
        let body = Some(("application/json", document.to_string().into_bytes()));
        connection.send(Method::POST, path, body, &[("idempotency-key", &key)])
    };
    let raw = match ask() {
        Err(AdminError::Unreachable { .. }) => ask()?,
        done => done?,
    };
    Ok(raw.value()?)
}

/// Changes something as a document says.
pub(super) fn change(
    connection: &Connection,
    (method, path): (Method, &str),
    document: &Value,
    if_match: Option<u64>,
) -> Result<Value, CliError> {
    let body = Some(("application/json", document.to_string().into_bytes()));
    let tag = if_match.map(|revision| format!("\"{revision}\""));
    let headers: Vec<(&str, &str)> = tag.iter().map(|tag| ("if-match", tag.as_str())).collect();
    Ok(connection.send(method, path, body, &headers)?.value()?)
}

/// A document without what was not given.
pub(super) fn given<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    json!(fields.collect::<serde_json::Map<String, Value>>())
}
