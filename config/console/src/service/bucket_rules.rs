//! Rules of a bucket that S3 keeps as a document of XML: which pages of other origins read it, and what of it ends by itself. They are
//! asked and set at the gate under the access key that a person has given, like what is in the bucket.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use s3_protocol::setting::{Cors, Lifecycle};
use s3_protocol::{S3Code, S3Error};

use super::objects::{CODE, Visitor, fault_code, text};
use crate::Problem;

/// Which rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Cors,
    Lifecycle,
}

/// The rules, by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    Cors(Cors),
    Lifecycle(Lifecycle),
}

impl Rules {
    /// Reads a document, by the parser of the gate itself.
    ///
    /// # Errors
    /// What the gate would say of it.
    pub(crate) fn read(kind: Kind, document: &str) -> Result<Self, Problem> {
        let document = document.as_bytes();
        let read = match kind {
            Kind::Cors => Cors::read(document).map(Self::Cors),
            Kind::Lifecycle => Lifecycle::read(document).map(Self::Lifecycle),
        };
        read.map_err(|error| wrong(&error))
    }

    /// The document, an element in a line.
    pub(crate) fn document(&self) -> String {
        indented(&match self {
            Self::Cors(rules) => rules.write(),
            Self::Lifecycle(rules) => rules.write(),
        })
    }
}

impl Visitor {
    /// The rules of the bucket, if it has some.
    pub(crate) async fn rules(&self, kind: Kind) -> Result<Option<Rules>, Problem> {
        let nothing = (HeaderMap::new(), Bytes::new());
        let answer = self
            .send(Method::GET, (None, kind.query()), nothing)
            .await?;
        if answer.status().is_success() {
            return Rules::read(kind, &text(&answer)).map(Some);
        }
        let is_missing = fault_code(&text(&answer)).as_deref() == Some(kind.missing().as_str());
        if is_missing {
            Ok(None)
        } else {
            Err(self.refusal(&answer))
        }
    }

    /// Sets the rules of the bucket: those of before are gone.
    pub(crate) async fn set_rules(&self, kind: Kind, document: String) -> Result<(), Problem> {
        let body = (HeaderMap::new(), Bytes::from(document));
        let asked = self.ask(Method::PUT, (None, kind.query()), body);
        asked.await.map(|_| ())
    }

    /// Takes the rules of the bucket away.
    pub(crate) async fn remove_rules(&self, kind: Kind) -> Result<(), Problem> {
        let nothing = (HeaderMap::new(), Bytes::new());
        let asked = self.ask(Method::DELETE, (None, kind.query()), nothing);
        asked.await.map(|_| ())
    }
}

impl Kind {
    const fn query(self) -> &'static str {
        match self {
            Self::Cors => "cors=",
            Self::Lifecycle => "lifecycle=",
        }
    }

    /// What the gate says where there are none.
    const fn missing(self) -> S3Code {
        match self {
            Self::Cors => S3Code::NoSuchCORSConfiguration,
            Self::Lifecycle => S3Code::NoSuchLifecycleConfiguration,
        }
    }
}

/// What is wrong with a document, as the gate says it.
fn wrong(error: &S3Error) -> Problem {
    let message = error.message.trim_end_matches('.');
    let detail = format!("{}: {message}", error.code.as_str());
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, CODE, detail)
}

/// A document of ours with an element in a line. In ours an element holds elements or a text, and never both.
fn indented(document: &str) -> String {
    let mut lines = String::new();
    let mut depth = 0_usize;
    let mut is_leaf = false;
    for piece in document.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        if tag.starts_with('?') {
            continue;
        }
        let is_end = tag.starts_with('/');
        if is_end {
            depth = depth.saturating_sub(1);
        }
        // What ends where it began stays in its line.
        if !(is_end && is_leaf) {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.extend(std::iter::repeat_n("  ", depth));
        }
        lines.extend(["<", tag, ">", text]);
        is_leaf = !is_end && !tag.ends_with('/');
        if is_leaf {
            depth += 1;
        }
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORS: &str = "<CORSConfiguration><CORSRule><ID>a &lt;b&gt; &amp; c</ID><AllowedMethod>GET</AllowedMethod>\
         <AllowedOrigin>https://a.example</AllowedOrigin></CORSRule></CORSConfiguration>";

    #[test]
    fn a_document_stands_in_lines_and_means_the_same() {
        let rules = Rules::read(Kind::Cors, CORS).unwrap();
        let document = rules.document();
        let lines: Vec<&str> = document.lines().collect();
        assert_eq!(lines[1], "  <CORSRule>");
        assert_eq!(lines[2], "    <ID>a &lt;b&gt; &amp; c</ID>");
        assert_eq!(lines.len(), 7, "{document}");
        assert_eq!(Rules::read(Kind::Cors, &document).unwrap(), rules);
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_gate() {
        let said = |text: &str| Rules::read(Kind::Cors, text).unwrap_err().detail;
        assert!(said("no xml").starts_with("MalformedXML: "));
        let method = CORS.replace(">GET<", ">FETCH<");
        assert!(said(&method).starts_with("InvalidRequest: Found unsupported HTTP method"));
        let other = Rules::read(Kind::Lifecycle, CORS).unwrap_err();
        assert!(other.detail.starts_with("MalformedXML: "));
    }
}
