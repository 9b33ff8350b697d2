//! Links to pages: only to those that whoever reads may open.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admission;
use crate::caller::Caller;
use crate::needs::Need;
use crate::routes::{PAGES, Route};

use postern_config::directory::State;

/// What stands in a part of a path as it is. Source: RFC 3986 section 2.3.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// The page of this path, if somebody may do what it is for. The words fill the path.
pub(crate) fn link(
    state: &State,
    caller: Option<&Caller>,
    path: &str,
    words: &[(&str, &str)],
) -> Option<String> {
    let route = page(path)?;
    let method = route.methods.first()?;
    let row = route.row(method)?;
    if row.need != Need::Nothing {
        let word = |name: &str| find(words, name).unwrap_or_default();
        admission::may(state, (caller?, &row), word).ok()?;
    }
    Some(filled(path, words))
}

fn page(path: &str) -> Option<&'static Route> {
    let found = PAGES.iter().find(|route| route.path == path);
    if found.is_none() {
        tracing::error!(path, "a page links to one that is not there");
    }
    found
}

fn find<'w>(words: &[(&str, &'w str)], name: &str) -> Option<&'w str> {
    let found = words.iter().find(|(key, _)| *key == name);
    found.map(|(_, word)| *word)
}

/// A path with its words in their places.
pub(crate) fn filled(path: &str, words: &[(&str, &str)]) -> String {
    let parts = path.split('/').map(|part| {
        let name = part.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        match name.map(|name| find(words, name).unwrap_or_default()) {
            Some(word) => encoded(word),
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A path of ours to which somebody is sent back; any other is the first page. Source: a path that begins with two slashes, or a slash
/// and a backslash, is another host's to browsers.
pub(crate) fn own(path: &str) -> &str {
    let is_own = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control);
    if is_own { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_within_their_part_of_a_path() {
        let path = filled(
            "/accounts/{tenant}/users/{user}",
            &[("tenant", "a"), ("user", "../x?y#z")],
        );
        assert_eq!(path, "/accounts/a/users/..%2Fx%3Fy%23z");
    }

    #[test]
    fn nobody_is_sent_to_another_host() {
        assert_eq!(own("/accounts?q=a"), "/accounts?q=a");
        for foreign in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "/a\nb",
            "javascript:alert(1)",
        ] {
            assert_eq!(own(foreign), "/", "{foreign:?}");
        }
    }
}
