//! What a browser sends: the fields of a form, or of a query. A field that is left empty says nothing.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::modules::check_type;
use crate::api::read_body;
use crate::{Admin, Problem};

/// The fields, and what is wrong with those that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pairs: Vec<(String, String)>,
    faults: Vec<(&'static str, String)>,
}

/// The fields of a form that was sent.
#[derive(Debug)]
pub(crate) struct Sent(pub(crate) Fields);

/// The fields of a query.
#[derive(Debug)]
pub(crate) struct Asked(pub(crate) Fields);

impl Fields {
    fn of(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text).into_owned().collect();
        Self {
            pairs,
            faults: Vec::new(),
        }
    }

    /// What a field holds; nothing, where it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// What a field holds to the last blank: a password.
    pub(crate) fn exactly(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// Every value of a field that stands there several times, such as check boxes.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.pairs.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.trim())
    }

    /// Whether a field holds this.
    pub(crate) fn holds(&self, name: &str, value: impl AsRef<str>) -> bool {
        self.text(name) == value.as_ref()
    }

    /// Whether a check box is checked.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// Puts a value where none was sent: how a form stands before anybody has touched it.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.pairs.push((name.to_owned(), value.to_string()));
        self
    }

    /// What a field that must be filled in means.
    pub(crate) fn need<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        if self.text(name).is_empty() {
            self.fault(name, "this is needed");
            return None;
        }
        self.may(name).flatten()
    }

    /// What a field means, if it is filled in. None: it means nothing that can be used.
    #[expect(
        clippy::option_option,
        reason = "the outer one is whether it can be used, the inner one whether it is there"
    )]
    pub(crate) fn may<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<Option<T>> {
        let text = self.text(name).to_owned();
        if text.is_empty() {
            return Some(None);
        }
        // A number is written as one; everything else is a word.
        let number = || {
            serde_json::from_str::<Value>(&text)
                .ok()
                .filter(Value::is_number)
        };
        let word = serde_json::from_value(Value::String(text.clone()));
        match (word, number()) {
            (Ok(value), _) => Some(Some(value)),
            (Err(_), Some(number)) => match serde_json::from_value(number) {
                Ok(value) => Some(Some(value)),
                Err(fault) => self.fails(name, &fault),
            },
            (Err(fault), None) => self.fails(name, &fault),
        }
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn fails<T>(&mut self, name: &'static str, fault: &serde_json::Error) -> Option<Option<T>> {
        self.fault(name, fault.to_string().trim_end_matches('.'));
        None
    }

    /// The lines of a field.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = self.text(name);
        let lines = text.split(['\n', ',']).map(str::trim);
        lines
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Says what is wrong with a field, as problems are said: without a large letter and a full stop, which pages add.
    pub(crate) fn fault(&mut self, name: &'static str, fault: &str) {
        self.faults.push((name, fault.to_owned()));
    }

    /// What is wrong with a field.
    pub(crate) fn wrong(&self, name: &str) -> Option<&str> {
        let found = self.faults.iter().find(|(key, _)| *key == name);
        found.map(|(_, fault)| fault.as_str())
    }

    /// The query with one word another; without it where there is nothing to say. It begins with a question mark.
    pub(crate) fn query_with(&self, changes: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = self.pairs.iter().filter(|(key, value)| {
            !value.is_empty() && changes.iter().all(|(changed, _)| changed != key)
        });
        for (key, value) in kept {
            query.append_pair(key, value);
        }
        for (key, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(key, value);
        }
        let query = query.finish();
        format!("?{query}")
    }
}

impl FromRequest<Admin> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Problem> {
        check_type(request.headers(), &["application/x-www-form-urlencoded"])?;
        let bytes = read_body(request.into_body(), admin.body_bytes_max).await?;
        Ok(Self(Fields::of(&bytes)))
    }
}

impl FromRequestParts<Admin> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Fields::of(query.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use postern_config::directory::{Level, Name};

    use super::*;

    #[test]
    fn what_is_left_empty_says_nothing_and_what_is_wrong_is_said_beside_the_field() {
        let mut fields = Fields::of(b"name=+web+&level=read&days=7&bad=%2F&empty=");
        assert_eq!(fields.need::<Name>("name").unwrap().as_str(), "web");
        assert_eq!(fields.need::<Level>("level"), Some(Level::Read));
        assert_eq!(fields.may::<u32>("days"), Some(Some(7)));
        assert_eq!(fields.may::<u32>("empty"), Some(None));
        assert_eq!(fields.need::<Name>("empty"), None);
        assert_eq!(fields.may::<Name>("bad"), None);
        assert_eq!(fields.wrong("empty"), Some("this is needed"));
        assert!(fields.wrong("bad").unwrap().starts_with("a name has"));
        assert_eq!(fields.wrong("name"), None);
    }

    #[test]
    fn a_query_changes_word_by_word() {
        let fields = Fields::of(b"q=a%26b&status=&cursor=x");
        assert_eq!(fields.query_with(&[("cursor", "")]), "?q=a%26b");
        assert_eq!(fields.query_with(&[("cursor", "y")]), "?q=a%26b&cursor=y");
    }
}
