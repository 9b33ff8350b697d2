//! `CORSConfiguration`: which pages of other origins a browser lets read a bucket. It grants nothing: whoever is no browser never asks.
//! Source: S3 User Guide, "Using cross-origin resource sharing"; Fetch Standard, "HTTP CORS protocol".

use crate::error::{S3Code, S3Error};
use crate::limits::{CORS_RULES_MAX, RULE_ID_CHARACTERS_MAX};
use crate::xml::tree::{Node, Tree, malformed};
use crate::xml::write::Xml;

const ROOT: &str = "CORSConfiguration";
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// The rules of a bucket, in their order: the first that fits decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// 1 to 100.
    pub rules: Vec<CorsRule>,
}

/// Who may read what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsRule {
    /// Its name.
    pub id: Option<String>,
    /// Headers that a request may bring; `*` stands for any letters, once.
    pub allowed_headers: Vec<String>,
    /// Methods.
    pub allowed_methods: Vec<String>,
    /// Origins; `*` stands for any letters, once.
    pub allowed_origins: Vec<String>,
    /// Headers of the answer that a page may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may remember it, in seconds.
    pub max_age_seconds: Option<u32>,
}

/// What a page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorsAsk<'a> {
    /// `Origin`.
    pub origin: &'a str,
    /// `Access-Control-Request-Method`, or the request's own.
    pub method: &'a str,
    /// `Access-Control-Request-Headers`, as it came; empty where there is none.
    pub headers: &'a str,
}

/// What the rule that fits allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsAnswer {
    /// `Access-Control-Allow-Origin`.
    pub origin: String,
    /// Whether the page may send what identifies its user: never to everyone.
    pub credentials: bool,
    /// `Access-Control-Allow-Methods`.
    pub methods: String,
    /// `Access-Control-Allow-Headers`: those that were asked for.
    pub headers: Option<String>,
    /// `Access-Control-Expose-Headers`.
    pub expose: Option<String>,
    /// `Access-Control-Max-Age`.
    pub max_age_seconds: Option<u32>,
}

impl Cors {
    /// Reads the document of PutBucketCors.
    ///
    /// # Errors
    /// [`S3Code::MalformedXML`]; [`S3Code::InvalidRequest`] for another method, and for more than one `*` in a text.
    pub fn read(body: &[u8]) -> Result<Self, S3Error> {
        let tree = Tree::read(body)?;
        let mut rules = Vec::new();
        for child in tree.root(ROOT)?.children() {
            if child.name() != "CORSRule" || rules.len() >= CORS_RULES_MAX {
                return Err(malformed());
            }
            rules.push(rule(child)?);
        }
        if rules.is_empty() {
            return Err(malformed());
        }
        Ok(Self { rules })
    }

    /// The document of GetBucketCors.
    pub fn write(&self) -> String {
        let mut xml = Xml::document(ROOT, 256 + self.rules.len() * 256);
        for rule in &self.rules {
            xml.open("CORSRule");
            xml.optional("ID", rule.id.as_deref());
            let lists = [
                ("AllowedHeader", &rule.allowed_headers),
                ("AllowedMethod", &rule.allowed_methods),
                ("AllowedOrigin", &rule.allowed_origins),
                ("ExposeHeader", &rule.expose_headers),
            ];
            for (name, texts) in lists {
                for text in texts {
                    xml.text(name, text);
                }
            }
            if let Some(seconds) = rule.max_age_seconds {
                xml.plain("MaxAgeSeconds", seconds);
            }
            xml.close("CORSRule");
        }
        xml.finish(ROOT)
    }

    /// What a page is told; `None` where no rule fits.
    pub fn answer(&self, ask: CorsAsk<'_>) -> Option<CorsAnswer> {
        self.rules.iter().find_map(|rule| rule.answer(ask))
    }
}

impl CorsRule {
    fn answer(&self, ask: CorsAsk<'_>) -> Option<CorsAnswer> {
        if !self
            .allowed_methods
            .iter()
            .any(|method| method == ask.method)
        {
            return None;
        }
        let origin = self
            .allowed_origins
            .iter()
            .find(|pattern| fits(pattern, ask.origin))?;
        let asked: Vec<String> = ask
            .headers
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        let allowed = |name: &String| {
            let mut patterns = self.allowed_headers.iter();
            patterns.any(|pattern| fits(&pattern.to_ascii_lowercase(), name))
        };
        if !asked.iter().all(allowed) {
            return None;
        }
        let everyone = origin == "*";
        let joined = |texts: &[String]| (!texts.is_empty()).then(|| texts.join(", "));
        Some(CorsAnswer {
            origin: if everyone { "*" } else { ask.origin }.to_owned(),
            credentials: !everyone,
            methods: self.allowed_methods.join(", "),
            headers: joined(&asked),
            expose: joined(&self.expose_headers),
            max_age_seconds: self.max_age_seconds,
        })
    }
}

/// Whether a text fits a pattern with one `*` at most.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| rest.ends_with(after)),
    }
}

fn rule(node: Node<'_>) -> Result<CorsRule, S3Error> {
    let mut rule = CorsRule::default();
    for child in node.children() {
        let text = child.text().trim().to_owned();
        match child.name() {
            "ID" if rule.id.is_none() && text.chars().count() <= RULE_ID_CHARACTERS_MAX => {
                rule.id = Some(text);
            }
            "AllowedHeader" => rule.allowed_headers.push(one_star("AllowedHeader", text)?),
            "AllowedOrigin" => rule.allowed_origins.push(one_star("AllowedOrigin", text)?),
            "ExposeHeader" => rule.expose_headers.push(text),
            "AllowedMethod" if METHODS.contains(&text.as_str()) => rule.allowed_methods.push(text),
            "AllowedMethod" => {
                let message = format!(
                    "Found unsupported HTTP method in CORS config. Unsupported method is {text}"
                );
                return Err(S3Error::with(S3Code::InvalidRequest, message));
            }
            "MaxAgeSeconds" if rule.max_age_seconds.is_none() => {
                rule.max_age_seconds = Some(text.parse().map_err(|_| malformed())?);
            }
            _ => return Err(malformed()),
        }
    }
    if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
        return Err(malformed());
    }
    Ok(rule)
}

fn one_star(element: &str, text: String) -> Result<String, S3Error> {
    if text.matches('*').count() > 1 {
        let message = format!("{element} \"{text}\" can not have more than one wildcard.");
        return Err(S3Error::with(S3Code::InvalidRequest, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(rules: &[(&str, &str, &str)]) -> Cors {
        let texts = |text: &str| text.split(' ').map(str::to_owned).collect();
        let rule = |(origins, methods, headers): &(&str, &str, &str)| CorsRule {
            allowed_origins: texts(origins),
            allowed_methods: texts(methods),
            allowed_headers: texts(headers),
            max_age_seconds: Some(30),
            ..CorsRule::default()
        };
        Cors {
            rules: rules.iter().map(rule).collect(),
        }
    }

    fn ask<'a>(origin: &'a str, method: &'a str, headers: &'a str) -> CorsAsk<'a> {
        CorsAsk {
            origin,
            method,
            headers,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let cors = cors(&[
            ("https://a.example *.b", "GET PUT", "x-*"),
            ("*", "HEAD", "*"),
        ]);
        assert_eq!(Cors::read(cors.write().as_bytes()), Ok(cors));
    }

    #[test]
    fn the_first_rule_that_fits_in_all_decides() {
        let cors = cors(&[
            ("https://a.example", "GET", "x-a"),
            ("*suffix start*end", "PUT GET", "x-*"),
            ("*", "GET", ""),
        ]);
        let origin = |ask| {
            cors.answer(ask)
                .map(|answer| (answer.origin, answer.credentials))
        };
        let own = |origin: &str| Some((origin.to_owned(), true));
        assert_eq!(
            origin(ask("https://a.example", "GET", "X-A")),
            own("https://a.example")
        );
        assert_eq!(
            origin(ask("https://a.example", "GET", "")),
            own("https://a.example")
        );
        assert_eq!(
            origin(ask("foo.suffix", "PUT", "x-b, X-C")),
            own("foo.suffix")
        );
        assert_eq!(origin(ask("startend", "PUT", "")), own("startend"));
        assert_eq!(origin(ask("end.start", "PUT", "")), None);
        assert_eq!(
            origin(ask("other", "GET", "")),
            Some(("*".to_owned(), false))
        );
        assert_eq!(origin(ask("other", "GET", "y")), None);
        assert_eq!(origin(ask("other", "DELETE", "")), None);
        let answer = cors.answer(ask("a.suffix", "GET", "x-b,x-c")).unwrap();
        assert_eq!(answer.methods, "PUT, GET");
        assert_eq!(answer.headers.as_deref(), Some("x-b, x-c"));
    }

    #[test]
    fn what_no_browser_could_mean_is_refused() {
        let read = |inner: &str| {
            let text = format!("<{ROOT}><CORSRule>{inner}</CORSRule></{ROOT}>");
            Cors::read(text.as_bytes())
                .map(|_| ())
                .map_err(|error| error.code)
        };
        let (method, origin) = (
            "<AllowedMethod>GET</AllowedMethod>",
            "<AllowedOrigin>*</AllowedOrigin>",
        );
        assert_eq!(read(&format!("{method}{origin}")), Ok(()));
        for (inner, code) in [
            (method.to_owned(), S3Code::MalformedXML),
            (origin.to_owned(), S3Code::MalformedXML),
            (
                format!("{origin}<AllowedMethod>PATCH</AllowedMethod>"),
                S3Code::InvalidRequest,
            ),
            (
                format!("{method}<AllowedOrigin>*.a.*</AllowedOrigin>"),
                S3Code::InvalidRequest,
            ),
            (
                format!("{method}{origin}<MaxAgeSeconds>-1</MaxAgeSeconds>"),
                S3Code::MalformedXML,
            ),
        ] {
            assert_eq!(read(&inner), Err(code), "{inner}");
        }
    }
}
