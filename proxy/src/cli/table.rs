//! Lists at the command line: what is asked of one, and how it is printed.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::ask::{list, word};
use super::module::encoded;
use super::{CliError, Connection, Style, print, print_json};

/// Entries of one request: as many as the server gives.
const PAGE_ENTRIES: usize = 1_000;

/// What is asked of a list.
#[derive(Debug, Args)]
pub(super) struct Listing {
    /// Those that contain this text.
    #[arg(long, short = 's', value_name = "TEXT")]
    search: Option<String>,
    /// How they are sorted, with `-` before it from the other end: `name`, `-created`.
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Most entries that are printed.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print all.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Listing {
    /// Asks page by page, and answers `items`, `next` and `total`. `filters` are further fields of the query.
    pub(super) fn fetch(
        &self,
        connection: &Connection,
        path: &str,
        filters: &[(&str, Option<String>)],
    ) -> Result<Value, CliError> {
        let most = if self.all {
            usize::MAX
        } else {
            self.limit.max(1)
        };
        let mut items: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let limit = (most - items.len()).min(PAGE_ENTRIES);
            let mut query = format!("{path}?limit={limit}");
            let own = [
                ("q", &self.search),
                ("sort", &self.sort),
                ("cursor", &cursor),
            ];
            let others = filters.iter().map(|(name, value)| (*name, value));
            for (name, value) in own.into_iter().chain(others) {
                if let Some(value) = value {
                    query.push_str(&format!("&{name}={}", encoded(value)));
                }
            }
            let page = connection.ask(Method::GET, &query, None)?;
            items.extend(list(&page, "items").iter().cloned());
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || items.len() >= most {
                let total = page.get("total").cloned();
                return Ok(json!({ "items": items, "next": cursor, "total": total }));
            }
        }
    }

    /// Prints a list that was fetched: of each entry the fields of `columns`, or its id alone.
    pub(super) fn show(
        style: Style,
        fetched: &Value,
        id: &str,
        columns: &[(&str, &str)],
    ) -> Result<(), CliError> {
        if style.json {
            return print_json(fetched);
        }
        let items = list(fetched, "items");
        if items.is_empty() {
            return if style.quiet {
                Ok(())
            } else {
                print("there are none")
            };
        }
        if style.quiet {
            let ids: Vec<String> = items.iter().map(|item| cell(item, id)).collect();
            return print(&ids.join("\n"));
        }
        let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
        let row = |item: &Value| columns.iter().map(|(_, field)| cell(item, field)).collect();
        print(&table(&heads, items.iter().map(row).collect()))?;
        let total = fetched.get("total").and_then(Value::as_u64).unwrap_or(0);
        let shown = items.len() as u64;
        if total > shown {
            print(&format!("{shown} of {total}; `--all` prints all"))?;
        }
        Ok(())
    }
}

/// A field of an entry: `rights.level` is the field of a field, `created@` a time.
pub(super) fn cell(item: &Value, field: &str) -> String {
    let (path, is_time) = match field.strip_suffix('@') {
        Some(path) => (path, true),
        None => (field, false),
    };
    let found = path.split('.').try_fold(item, |item, part| item.get(part));
    match found {
        None | Some(Value::Null) => "-".to_owned(),
        Some(value) if is_time => value.as_i64().map_or_else(|| word(value), moment),
        Some(Value::Array(all)) => all.iter().map(word).collect::<Vec<_>>().join(","),
        Some(value) => word(value),
    }
}

/// A second as people read it.
pub(super) fn moment(seconds: i64) -> String {
    let stamp = jiff::Timestamp::from_second(seconds);
    stamp.map_or_else(|_| seconds.to_string(), |stamp| stamp.to_string())
}

/// A table whose columns are as wide as what is in them.
pub(super) fn table(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
    let columns = all.iter().map(Vec::len).max().unwrap_or(0);
    let wide: Vec<usize> = (0..columns)
        .map(|at| {
            let cells = all.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let lines = all.iter().map(|row| {
        let cells = row.iter().zip(&wide);
        let cells: Vec<String> = cells.map(|(cell, wide)| format!("{cell:<wide$}")).collect();
        cells.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Prints one thing: its fields with these names, or its id alone.
pub(super) fn show(
    style: Style,
    found: &Value,
    id: &str,
    fields: &[(&str, &str)],
) -> Result<(), CliError> {
    if style.json {
        return print_json(found);
    }
    if style.quiet {
        return print(&cell(found, id));
    }
    let row = |(head, field): &(&str, &str)| vec![(*head).to_owned(), cell(found, field)];
    let rows: Vec<Vec<String>> = fields.iter().map(row).collect();
    print(table(&[], rows).trim_start_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = vec![
            vec!["photos".into(), "1".into()],
            vec!["ü".into(), "22".into()],
        ];
        let expected = "NAME    N\nphotos  1\nü       22";
        assert_eq!(table(&["NAME", "N"], rows), expected);
    }

    #[test]
    fn a_cell_is_found_below_and_escaped() {
        let item = json!({
            "rights": { "level": "read" }, "list": ["a", "b"], "at": 0, "evil": "\u{1b}[31m",
        });
        assert_eq!(cell(&item, "rights.level"), "read");
        assert_eq!(cell(&item, "list"), "a,b");
        assert_eq!(cell(&item, "at@"), "1970-01-01T00:00:00Z");
        assert_eq!(cell(&item, "none"), "-");
        assert_eq!(cell(&item, "evil"), "\"\\u001b[31m\"");
    }
}
