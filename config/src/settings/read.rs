//! Reads fields one by one, notes every fault and goes on with the default, so that all faults are found in one go. What
//! nobody asked for in the end is a field that does not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::{Fault, Place};
use super::source::{Environment, Given, Raw};
use super::values;
use crate::{Amount, Secret};

/// How alike two names must be for one to be suggested for the other (Jaro-Winkler, 0 to 1).
const LIKENESS_MIN: f64 = 0.8;
/// Largest file that holds a secret, in bytes.
const SECRET_FILE_BYTES_MAX: u64 = 4_096;

/// Reads fields.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    values: BTreeMap<String, Given>,
    known: BTreeSet<String>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(values: BTreeMap<String, Given>, faults: &'a mut Vec<Fault>) -> Self {
        Self {
            values,
            known: BTreeSet::new(),
            faults,
        }
    }

    /// A field that `parse` reads from its text; none when it is not given.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        field: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let given = self.take(field)?;
        let text = match &given.value {
            Raw::Word(text) | Raw::Text(text) => text.clone(),
            Raw::Integer(number) => number.to_string(),
            Raw::Boolean(_) | Raw::List(_) | Raw::Other(_) => {
                self.fault(field, &given, expected.to_owned());
                return None;
            }
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(field, &given, format!("{expected} ({error})"));
                None
            }
        }
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, field: &str, default: bool) -> bool {
        let Some(given) = self.take(field) else {
            return default;
        };
        match &given.value {
            Raw::Boolean(yes) => *yes,
            Raw::Word(word) if word == "true" => true,
            Raw::Word(word) if word == "false" => false,
            Raw::Word(_) | Raw::Text(_) | Raw::Integer(_) | Raw::List(_) | Raw::Other(_) => {
                self.fault(field, &given, "true or false".to_owned());
                default
            }
        }
    }

    /// A count within a range.
    pub(super) fn count(&mut self, field: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        self.optional_count(field, range).unwrap_or(default)
    }

    /// A count within a range; none when it is not given.
    pub(super) fn optional_count(
        &mut self,
        field: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.optional(field, &expected, |text| {
            values::within(values::count(text)?, &range)
        })
    }

    /// A number of bytes, such as `65536` or `64 KiB`, within a range.
    pub(super) fn bytes(&mut self, field: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let (least, most) = (Amount(*range.start()), Amount(*range.end()));
        let expected = format!("a number of bytes from {least} to {most}, such as `64 KiB`");
        let read = |text: &str| values::within(values::bytes(text)?, &range);
        self.optional(field, &expected, read).unwrap_or(default)
    }

    /// A span of time, such as `30 s` or `500 ms`, within a range of milliseconds.
    pub(super) fn time(
        &mut self,
        field: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Duration {
        let (least, most) = (
            values::show_millis(*range.start()),
            values::show_millis(*range.end()),
        );
        let expected = format!("a time from {least} to {most}, such as `30 s`");
        let read = |text: &str| values::within(values::millis(text)?, &range);
        Duration::from_millis(self.optional(field, &expected, read).unwrap_or(default))
    }

    /// A list, each entry of which `parse` reads. Each entry at fault is a fault.
    pub(super) fn list<T, E: Display>(
        &mut self,
        field: &str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(given) = self.take(field) else {
            return Vec::new();
        };
        let entries = match &given.value {
            Raw::List(entries) => entries.clone(),
            Raw::Word(words) => words
                .split(',')
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect(),
            Raw::Text(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::Other(_) => {
                self.fault(field, &given, format!("a list: each entry {expected}"));
                return Vec::new();
            }
        };
        let mut read = Vec::new();
        for entry in entries {
            match parse(&entry) {
                Ok(value) => read.push(value),
                Err(error) => {
                    let place = given.place.clone();
                    let given = Given {
                        place,
                        value: Raw::Text(entry),
                    };
                    self.fault(field, &given, format!("each entry {expected} ({error})"));
                }
            }
        }
        read
    }

    /// A path; relative ones lie below `base`.
    pub(super) fn path(&mut self, field: &str, base: &Path) -> Option<PathBuf> {
        self.optional(field, "a path", |text| match text {
            "" => Err("it is empty"),
            text => Ok(base.join(text)),
        })
    }

    /// The path of a file that must be there.
    pub(super) fn file(&mut self, field: &str) -> Option<PathBuf> {
        self.optional(field, "the path of a file that can be read", |text| {
            std::fs::File::open(text).map(|_| PathBuf::from(text))
        })
    }

    /// A secret, given as itself or as `<field>_file`; `check` says whether it is one. Faults never show it.
    pub(super) fn secret<T>(
        &mut self,
        field: &str,
        expected: &str,
        check: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let file_field = format!("{field}_file");
        let (itself, file) = (self.take(field), self.take(&file_field));
        match (itself, file) {
            (Some(_), Some(file)) => {
                self.fault(
                    &file_field,
                    &file,
                    format!("either this or {field}, not both"),
                );
                None
            }
            (Some(itself), None) => {
                let read = match &itself.value {
                    Raw::Word(text) | Raw::Text(text) => check(text.trim()),
                    Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Other(_) => None,
                };
                if read.is_none() {
                    self.blind_fault(field, itself.place, expected.to_owned());
                }
                read
            }
            (None, Some(file)) => {
                let (Raw::Word(path) | Raw::Text(path)) = &file.value else {
                    self.fault(&file_field, &file, "the path of a file".to_owned());
                    return None;
                };
                match read_secret(Path::new(path)) {
                    Err(error) => {
                        let expected =
                            format!("the path of a file that holds {expected} ({error})");
                        self.fault(&file_field, &file, expected);
                        None
                    }
                    Ok(text) => {
                        let read = text.lend(|text| check(std::str::from_utf8(text).ok()?.trim()));
                        if read.is_none() {
                            let expected = format!("the path of a file that holds {expected}");
                            self.fault(&file_field, &file, expected);
                        }
                        read
                    }
                }
            }
            (None, None) => None,
        }
    }

    /// Where a field was given.
    pub(super) fn place(&self, field: &str) -> Place {
        self.values
            .get(field)
            .map_or(Place::Default, |given| given.place.clone())
    }

    /// Whether one of the fields of a section within a section was given.
    pub(super) fn has_any(&self, section: &str) -> bool {
        let below = |field: &String| {
            let rest = field.strip_prefix(section);
            rest.is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
        };
        self.values.keys().any(below)
    }

    /// A fault that concerns how fields fit each other.
    pub(super) fn blind_fault(&mut self, field: &str, place: Place, expected: String) {
        self.faults.push(Fault {
            place,
            field: field.to_owned(),
            value: None,
            expected,
        });
    }

    /// What was given and not asked for, and variables that would be fields if they were written as such.
    pub(super) fn refuse_the_rest(mut self, environment: &Environment) {
        for field in &self.known {
            let Some((variable, written)) = environment.almost(field) else {
                continue;
            };
            self.faults.push(Fault {
                place: Place::Environment {
                    variable: variable.to_owned(),
                },
                field: field.clone(),
                value: None,
                expected: format!("is not read: write {written}, with two underscores"),
            });
        }
        let sections: BTreeSet<&str> = self
            .known
            .iter()
            .filter_map(|field| field.split_once('.'))
            .map(|it| it.0)
            .collect();
        let rest = std::mem::take(&mut self.values);
        for (field, given) in rest {
            if self.known.contains(&field) {
                continue;
            }
            let (section, key) = field.split_once('.').unwrap_or(("", &field));
            // An empty section that there is.
            if field.ends_with('.') && self.known.iter().any(|it| it.starts_with(&field)) {
                continue;
            }
            let expected = if section.is_empty() {
                format!("every field stands in a section: {}", join(&sections))
            } else if sections.contains(section) {
                let known = self
                    .known
                    .iter()
                    .filter_map(|it| it.strip_prefix(section)?.strip_prefix('.'));
                let key = key.trim_end_matches('.');
                format!("there is no such field{}", suggestion(key, known))
            } else {
                let hint = suggestion(section, sections.iter().copied());
                format!("there is no such section{hint}")
            };
            let field = field.trim_end_matches('.').to_owned();
            self.faults.push(Fault {
                place: given.place,
                field,
                value: None,
                expected,
            });
        }
    }

    fn take(&mut self, field: &str) -> Option<Given> {
        self.known.insert(field.to_owned());
        self.values.get(field).cloned()
    }

    fn fault(&mut self, field: &str, given: &Given, expected: String) {
        let value = match &given.value {
            Raw::Word(text) | Raw::Text(text) => text.clone(),
            Raw::Integer(number) => number.to_string(),
            Raw::Boolean(yes) => yes.to_string(),
            Raw::List(entries) => format!("[{}]", entries.join(", ")),
            Raw::Other(kind) => format!("({kind})"),
        };
        self.faults.push(Fault {
            place: given.place.clone(),
            field: field.to_owned(),
            value: Some(value),
            expected: format!("expected {expected}"),
        });
    }
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let alike = known.map(|it| (strsim::jaro_winkler(name, it), it));
    match alike.max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((likeness, it)) if likeness >= LIKENESS_MIN => format!("; did you mean `{it}`?"),
        Some(_) | None => String::new(),
    }
}

fn join(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

fn read_secret(path: &Path) -> std::io::Result<Secret> {
    if std::fs::metadata(path)?.len() > SECRET_FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is too large to be a secret"));
    }
    std::fs::read(path).map(Secret::new)
}
