//! Lists in pages. A cursor says after which entry the next page begins, so that entries that come and go in between neither repeat
//! nor hide others.

use http::StatusCode;
use serde::Serialize;

use crate::Problem;
use crate::limits::{CURSOR_BYTES_MAX, PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX, SEARCH_BYTES_MAX};

/// Queries of lists: filters of their own, and what all lists take.
macro_rules! list_queries {
    ($($(#[doc = $doc:literal])+ $name:ident finds $finds:literal sorts $sorts:literal {
        $($(#[doc = $of:literal])+ $field:ident: $type:ty,)*
    })*) => { $(
        $crate::shape::shapes! {
            asked
            $(#[doc = $doc])+
            $name {
                #[doc = $finds]
                q: Option<String>,
                $($(#[doc = $of])+ $field: $type,)*
                #[doc = $sorts]
                sort: Option<String>,
                /// Entries of a page, 1 to 1,000.
                limit: Option<usize>,
                /// The `next` of the page before.
                cursor: Option<String>,
            }
        }

        impl $name {
            /// What is asked of every list.
            pub(crate) fn listing(&self) -> $crate::service::list::Listing {
                $crate::service::list::Listing {
                    q: self.q.clone(),
                    sort: self.sort.clone(),
                    limit: self.limit,
                    cursor: self.cursor.clone(),
                }
            }
        }
    )* };
}
pub(crate) use list_queries;

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// A text that an entry contains, without regard to case.
    pub(crate) q: Option<String>,
    /// How it is sorted: a word, with `-` before it from the other end.
    pub(crate) sort: Option<String>,
    /// Entries of a page.
    pub(crate) limit: Option<usize>,
    /// Where the page before has ended.
    pub(crate) cursor: Option<String>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; none after the last.
    pub(crate) next: Option<String>,
    /// How many entries fit the filters, on all pages.
    pub(crate) total: usize,
}

/// By what entries are sorted: a number first, then a text, which is unique.
pub(crate) type Rank = (u64, String);

impl Listing {
    /// Whether one of these texts contains what is searched for.
    pub(crate) fn finds(&self, texts: &[&str]) -> bool {
        let Some(wanted) = self.q.as_deref().filter(|q| !q.is_empty()) else {
            return true;
        };
        let wanted = wanted.to_lowercase();
        texts
            .iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    }

    /// The page of `entries`, each with how it ranks in the chosen order. `orders` are the words that `sort` may be; the first is
    /// the default.
    pub(crate) fn page<E, T>(
        &self,
        orders: &[&'static str],
        entries: impl Iterator<Item = E>,
        rank: impl Fn(&E, &'static str) -> Rank,
        show: impl Fn(E) -> T,
    ) -> Result<Page<T>, Problem> {
        let limit = self.limit()?;
        let (order, is_reversed) = self.order(orders)?;
        let sign = if is_reversed { "-" } else { "" };
        let after = self.after(&format!("{sign}{order}"))?;
        let is_later = |rank: &Rank| {
            after.as_ref().is_none_or(|after| {
                if is_reversed {
                    rank < after
                } else {
                    rank > after
                }
            })
        };
        let mut total = 0;
        let ranked = entries
            .inspect(|_| total += 1)
            .map(|entry| (rank(&entry, order), entry));
        let mut rest: Vec<(Rank, E)> = ranked.filter(|(rank, _)| is_later(rank)).collect();
        let in_order = |(one, _): &(Rank, E), (other, _): &(Rank, E)| {
            if is_reversed {
                other.cmp(one)
            } else {
                one.cmp(other)
            }
        };
        // What the page has is picked out of many before it is sorted. One more tells whether there is a next page.
        if rest.len() > limit {
            rest.select_nth_unstable_by(limit, in_order);
            rest.truncate(limit + 1);
        }
        rest.sort_unstable_by(in_order);
        let has_more = rest.len() > limit;
        rest.truncate(limit);
        let last = rest.last().filter(|_| has_more).map(|(rank, _)| rank);
        let next = last.map(|(number, text)| hex::encode(format!("{sign}{order} {number} {text}")));
        let items = rest.into_iter().map(|(_, entry)| show(entry)).collect();
        Ok(Page { items, next, total })
    }

    /// Entries of a page.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        if self.q.as_ref().is_some_and(|q| q.len() > SEARCH_BYTES_MAX) {
            let detail = format!("`q` has at most {SEARCH_BYTES_MAX} bytes");
            return Err(Problem::malformed(detail));
        }
        match self.limit {
            None => Ok(PAGE_ENTRIES_DEFAULT),
            Some(limit) if (1..=PAGE_ENTRIES_MAX).contains(&limit) => Ok(limit),
            Some(limit) => Err(Problem::malformed(format!(
                "`limit` is {limit}; a page has 1 to {PAGE_ENTRIES_MAX} entries, ask for the rest with `cursor`"
            ))),
        }
    }

    fn order(&self, orders: &[&'static str]) -> Result<(&'static str, bool), Problem> {
        let asked = self.sort.as_deref().or(orders.first().copied());
        let asked = asked.unwrap_or_default();
        let (word, is_reversed) = match asked.strip_prefix('-') {
            Some(word) => (word, true),
            None => (asked, false),
        };
        let found = orders.iter().find(|order| **order == word);
        found.map(|order| (*order, is_reversed)).ok_or_else(|| {
            let words = orders.join("`, `");
            Problem::malformed(format!(
                "this list is sorted by `{words}`, with `-` before it from the other end"
            ))
        })
    }

    fn after(&self, order: &str) -> Result<Option<Rank>, Problem> {
        let Some(cursor) = self.cursor.as_deref().filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let read = || {
            let bytes = (cursor.len() <= CURSOR_BYTES_MAX)
                .then(|| hex::decode(cursor).ok())
                .flatten()?;
            let text = String::from_utf8(bytes).ok()?;
            let (of, rest) = text.split_once(' ')?;
            let (number, text) = rest.split_once(' ')?;
            (of == order).then_some((number.parse().ok()?, text.to_owned()))
        };
        read().map(Some).ok_or_else(strange_cursor)
    }
}

/// The refusal of a cursor that no page has given.
pub(crate) fn strange_cursor() -> Problem {
    let detail = "this cursor is none that the list has given in this order: begin without one";
    Problem::new(StatusCode::BAD_REQUEST, "cursor", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listing: &Listing, names: &[&str]) -> Page<String> {
        let entries = names.iter().filter(|name| listing.finds(&[name]));
        let rank = |name: &&&str, _: &'static str| (0, (**name).to_owned());
        let page = listing.page(&["name"], entries, rank, |name| (*name).to_owned());
        page.unwrap()
    }

    #[test]
    fn pages_follow_each_other_though_entries_come_and_go() {
        let mut listing = Listing {
            limit: Some(2),
            ..Listing::default()
        };
        let first = names(&listing, &["d", "b", "a", "c"]);
        assert_eq!(
            (first.items, first.total),
            (vec!["a".into(), "b".into()], 4)
        );
        listing.cursor = first.next;
        // `b`, at which the page has ended, is gone; `bb` has come.
        let second = names(&listing, &["d", "bb", "a", "c"]);
        assert_eq!(second.items, ["bb", "c"]);
        listing.cursor = second.next;
        let last = names(&listing, &["d", "bb", "a", "c"]);
        assert_eq!((last.items, last.next), (vec!["d".to_owned()], None));
    }

    #[test]
    fn a_list_is_read_from_the_other_end() {
        let mut listing = Listing {
            limit: Some(1),
            sort: Some("-name".into()),
            ..Listing::default()
        };
        let first = names(&listing, &["a", "b"]);
        assert_eq!(first.items, ["b"]);
        listing.cursor = first.next;
        assert_eq!(names(&listing, &["a", "b"]).items, ["a"]);
    }

    #[test]
    fn what_no_page_has_given_is_refused() {
        let page = |listing: Listing| {
            let rank = |_: &u8, _: &'static str| (0, String::new());
            listing.page(&["name"], [1_u8].into_iter(), rank, |it| it)
        };
        let of_another_order = hex::encode("-name 0 a");
        for cursor in [
            "zz",
            "6162",
            &of_another_order,
            &"61".repeat(CURSOR_BYTES_MAX),
        ] {
            let listing = Listing {
                cursor: Some(cursor.to_owned()),
                ..Listing::default()
            };
            assert_eq!(page(listing).unwrap_err().code, "cursor");
        }
        for limit in [0, PAGE_ENTRIES_MAX + 1] {
            let listing = Listing {
                limit: Some(limit),
                ..Listing::default()
            };
            assert_eq!(page(listing).unwrap_err().code, "malformed");
        }
        let listing = Listing {
            limit: Some(PAGE_ENTRIES_MAX),
            sort: Some("size".into()),
            ..Listing::default()
        };
        assert_eq!(page(listing).unwrap_err().code, "malformed");
    }
}
