//! Rules of a bucket in words: a cell for each column of their tables.

use s3_protocol::date::iso8601;
use s3_protocol::setting::cors::CorsRule;
use s3_protocol::setting::lifecycle::{Expiration, Filter, LifecycleRule};

use super::filters::{say, size};
use super::reader::Reader;

/// Of whom, what they may ask, what they may send and read, and for how long that holds.
pub(super) fn cors(rule: &CorsRule) -> Vec<String> {
    let lists = [
        &rule.allowed_origins,
        &rule.allowed_methods,
        &rule.allowed_headers,
        &rule.expose_headers,
    ];
    let cells = lists.map(|it| or_dash(it.join(", ")));
    let kept = rule.max_age_seconds.map(|it| format!("{it}\u{a0}s"));
    let kept = or_dash(kept.unwrap_or_default());
    cells.into_iter().chain([kept]).collect()
}

/// What it is called, whether it is in force, of what it speaks, and what happens to that.
pub(super) fn lifecycle(reader: &Reader, rule: &LifecycleRule) -> Vec<String> {
    let status = if rule.enabled {
        say!("Enabled")
    } else {
        say!("Disabled")
    };
    vec![
        or_dash(rule.id.clone()),
        reader.say(status).to_owned(),
        of_what(reader, &rule.filter),
        what(reader, rule),
    ]
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

fn filled(reader: &Reader, text: &'static str, word: impl ToString) -> String {
    reader.say(text).replacen("{}", &word.to_string(), 1)
}

fn of_what(reader: &Reader, filter: &Filter) -> String {
    let prefix = filter.prefix.as_ref().filter(|it| !it.is_empty());
    let prefix = prefix.map(|it| filled(reader, say!("keys that begin with {}"), it));
    let tags = filter.tags.iter();
    let tags = tags.map(|(key, value)| filled(reader, say!("tag {}"), format!("{key}={value}")));
    let bytes = |text, bytes: Option<u64>| bytes.map(|it| filled(reader, text, size(it)));
    let all = prefix
        .into_iter()
        .chain(tags)
        .chain(bytes(say!("more than {}"), filter.larger))
        .chain(bytes(say!("less than {}"), filter.smaller));
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        reader.say(say!("everything")).to_owned()
    } else {
        all.join(", ")
    }
}

fn what(reader: &Reader, rule: &LifecycleRule) -> String {
    let current = rule.expiration.map(|it| match it {
        Expiration::Days(days) => {
            filled(reader, say!("Deleted {} days after it was written."), days)
        }
        Expiration::Date(at) => {
            let day: String = iso8601(at).chars().take(10).collect();
            filled(reader, say!("Deleted from {} on."), day)
        }
        Expiration::Markers => reader
            .say(say!("Delete markers behind which nothing is left go."))
            .to_owned(),
    });
    let older = rule.noncurrent.map(|it| {
        let text = say!("Versions go {} days after another took their place.");
        let mut text = filled(reader, text, it.days);
        if it.keep > 0 {
            text.push(' ');
            text.push_str(&filled(
                reader,
                say!("The newest {} of them stay."),
                it.keep,
            ));
        }
        text
    });
    let text = say!("Uploads that were never completed go after {} days.");
    let uploads = rule.abort_days.map(|days| filled(reader, text, days));
    let all: Vec<String> = [current, older, uploads].into_iter().flatten().collect();
    or_dash(all.join(" "))
}
