//! Lists in pages: what is searched for, filtered and sorted stands in the address.

use serde::de::DeserializeOwned;

use super::fields::Fields;
use crate::Problem;
use crate::limits::PAGE_ENTRIES_SHOWN_DEFAULT;
use crate::service::list::{Listing, Page};

/// Entries that a page may show.
const LENGTHS: [usize; 4] = [10, 20, 50, 100];

/// How a list is looked at.
#[derive(Debug)]
pub(crate) struct View {
    fields: Fields,
    path: String,
    pub(crate) q: String,
    pub(crate) limit: usize,
    sort: String,
    cursor: String,
}

impl View {
    /// The view of an address.
    pub(crate) fn of(fields: Fields, path: &str) -> Self {
        let limit = fields.text("limit").parse().ok();
        let limit = limit.filter(|limit| LENGTHS.contains(limit));
        Self {
            q: fields.text("q").to_owned(),
            limit: limit.unwrap_or(PAGE_ENTRIES_SHOWN_DEFAULT),
            sort: fields.text("sort").to_owned(),
            cursor: fields.text("cursor").to_owned(),
            path: path.to_owned(),
            fields,
        }
    }

    /// What is asked of the list.
    pub(crate) fn listing(&self) -> Listing {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Listing {
            q: given(&self.q),
            sort: given(&self.sort),
            limit: Some(self.limit),
            cursor: given(&self.cursor),
        }
    }

    /// The words of the address.
    pub(crate) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// A filter of the address.
    pub(crate) fn filter<T: DeserializeOwned>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Problem> {
        let mut fields = self.fields.clone();
        let found = fields.may(name);
        found.ok_or_else(|| {
            let fault = fields.wrong(name).unwrap_or_default();
            Problem::malformed(format!("`{name}`: {fault}"))
        })
    }

    /// What a filter holds, as the address has it.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.text(name)
    }

    /// Whether something is looked for: an empty list means something else then.
    pub(crate) fn is_narrowed(&self, filters: &[&str]) -> bool {
        !self.q.is_empty() || filters.iter().any(|name| !self.text(name).is_empty())
    }

    /// The same list sorted by a column: from the other end, where it is sorted by that already.
    pub(crate) fn sorted(&self, column: &str) -> String {
        let sort = if self.sort == column {
            format!("-{column}")
        } else {
            column.to_owned()
        };
        self.href(&[("sort", &sort), ("cursor", "")])
    }

    /// How a column is sorted. Source: WAI-ARIA, `aria-sort`.
    pub(crate) fn aria(&self, column: &str) -> &'static str {
        match self.sort.strip_prefix('-') {
            Some(sort) if sort == column => "descending",
            None if self.sort == column => "ascending",
            _ => "none",
        }
    }

    /// The address with words changed.
    pub(crate) fn href(&self, changes: &[(&str, &str)]) -> String {
        format!("{}{}", self.path, self.fields.query_with(changes))
    }

    /// Where the next page is, and the first, where this is another.
    pub(crate) fn turns<T>(&self, page: &Page<T>) -> Turns {
        let next = page.next.as_deref();
        Turns {
            total: page.total,
            shown: page.items.len(),
            next: next.map(|cursor| self.href(&[("cursor", cursor)])),
            first: (!self.cursor.is_empty()).then(|| self.href(&[("cursor", "")])),
            lengths: self.lengths(),
        }
    }

    /// The same list with pages of other lengths: the length, where it is, and whether it is this one.
    pub(crate) fn lengths(&self) -> [(String, String, bool); 4] {
        LENGTHS.map(|length| {
            let text = length.to_string();
            let href = self.href(&[("limit", &text), ("cursor", "")]);
            (text, href, length == self.limit)
        })
    }
}

/// Ways to other pages of a list.
#[derive(Debug)]
pub(crate) struct Turns {
    pub(crate) total: usize,
    pub(crate) shown: usize,
    pub(crate) next: Option<String>,
    pub(crate) first: Option<String>,
    pub(crate) lengths: [(String, String, bool); 4],
}
