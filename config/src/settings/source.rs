//! Where values come from: file, environment, command line. Each keeps its place, so that a fault can name it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Place};

/// Largest settings file, in bytes.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;
/// What the names of our variables begin with.
const PREFIX: &str = "POSTERN_";

/// The variables of the environment. This is the only place that reads those of the process.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A variable may hold a secret.
        f.debug_tuple("Environment")
            .field(&self.0.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Environment {
    /// The variables of this process. Those that are not Unicode are none of ours.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        Self(
            variables
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// These variables.
    pub fn of<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The variable that was given for a field, had it two underscores between section and name; and how it is written.
    pub(super) fn almost(&self, field: &str) -> Option<(&str, String)> {
        let upper = field.to_ascii_uppercase();
        let almost = format!("{PREFIX}{}", upper.replace('.', "_"));
        let (variable, _) = self.0.get_key_value(&almost)?;
        Some((variable, format!("{PREFIX}{}", upper.replace('.', "__"))))
    }

    /// One variable, such as `NO_COLOR`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<(String, String, String)>);

impl Overrides {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// `option` (such as `--s3-listen`) gives `field` (such as `s3.listen`) this value.
    #[must_use]
    pub fn with(mut self, option: &str, field: &str, value: impl Into<String>) -> Self {
        self.0
            .push((field.to_owned(), option.to_owned(), value.into()));
        self
    }
}

/// A value as it was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) value: Raw,
}

/// A value before it is read as what the field wants.
#[derive(Debug, Clone)]
pub(super) enum Raw {
    /// Text of the environment or the command line: it is read as whatever the field wants.
    Word(String),
    /// A string of the file.
    Text(String),
    /// An integer of the file.
    Integer(i64),
    /// A boolean of the file.
    Boolean(bool),
    /// A list of strings of the file.
    List(Vec<String>),
    /// Anything else, by its TOML type.
    Other(&'static str),
}

/// Collects the values of all sources by field, `section.key`.
pub(super) fn gather(
    file: Option<&Path>,
    environment: &Environment,
    overrides: &Overrides,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, Given> {
    let mut values = BTreeMap::new();
    if let Some(path) = file {
        read_file(path, &mut values, faults);
    }
    for (variable, value) in &environment.0 {
        let Some((section, key)) = variable
            .strip_prefix(PREFIX)
            .and_then(|it| it.split_once("__"))
        else {
            continue;
        };
        let key = key.to_ascii_lowercase().replace("__", ".");
        let field = format!("{}.{key}", section.to_ascii_lowercase());
        let place = Place::Environment {
            variable: variable.clone(),
        };
        give(
            &mut values,
            field,
            Given {
                place,
                value: Raw::Word(value.clone()),
            },
        );
    }
    for (field, option, value) in &overrides.0 {
        let place = Place::CommandLine {
            option: option.clone(),
        };
        give(
            &mut values,
            field.clone(),
            Given {
                place,
                value: Raw::Word(value.clone()),
            },
        );
    }
    values
}

/// A value takes the place of an earlier one, and a secret that of the file that was to hold it, and the other way round.
fn give(values: &mut BTreeMap<String, Given>, field: String, given: Given) {
    let twin = match field.strip_suffix("_file") {
        Some(itself) => itself.to_owned(),
        None => format!("{field}_file"),
    };
    if values
        .get(&twin)
        .is_some_and(|earlier| rank(&earlier.place) < rank(&given.place))
    {
        values.remove(&twin);
    }
    values.insert(field, given);
}

const fn rank(place: &Place) -> u8 {
    match place {
        Place::Default => 0,
        Place::File { .. } => 1,
        Place::Environment { .. } => 2,
        Place::CommandLine { .. } => 3,
    }
}

fn read_file(path: &Path, values: &mut BTreeMap<String, Given>, faults: &mut Vec<Fault>) {
    let place = |line| Place::File {
        path: PathBuf::from(path),
        line,
    };
    let whole = |line, expected: String| Fault {
        place: place(line),
        field: String::new(),
        value: None,
        expected,
    };
    let length = match std::fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) => return faults.push(whole(None, format!("cannot be read: {error}"))),
    };
    if length > FILE_BYTES_MAX {
        return faults.push(whole(None, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return faults.push(whole(None, format!("cannot be read: {error}"))),
    };
    let line_of = |offset: usize| {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    for error in errors {
        let line = error.span().map(|span| line_of(span.start));
        faults.push(whole(line, format!("not TOML: {}", error.message())));
    }
    for (section, content) in table.get_ref() {
        let section_line = Some(line_of(section.span().start));
        let Some(fields) = content.get_ref().as_table() else {
            // A field outside any section; the reader says that there is none of that name.
            let given = Given {
                place: place(section_line),
                value: raw(content.get_ref()),
            };
            values.insert(section.get_ref().to_string(), given);
            continue;
        };
        let name = section.get_ref();
        let mut found = Vec::new();
        for (key, value) in fields {
            let field = format!("{name}.{}", key.get_ref());
            let line = line_of(key.span().start);
            match value.get_ref().as_table() {
                // A section within a section, such as `[admin.oidc]`.
                Some(below) => found.extend(section_of(&field, line, below, line_of)),
                None => found.push((field, line, raw(value.get_ref()))),
            }
        }
        if fields.is_empty() {
            let line = line_of(section.span().start);
            found.extend(section_of(name, line, fields, line_of));
        }
        for (field, line, value) in found {
            let place = place(Some(line));
            give(values, field, Given { place, value });
        }
    }
}

/// The fields of a section, each with its line.
fn section_of(
    name: &str,
    line: usize,
    fields: &DeTable<'_>,
    line_of: impl Fn(usize) -> usize,
) -> Vec<(String, usize, Raw)> {
    if fields.is_empty() {
        // An empty section may be misspelt, too: it is given as a field without a name.
        return vec![(format!("{name}."), line, Raw::Other("table"))];
    }
    let fields = fields.iter().map(|(key, value)| {
        let line = line_of(key.span().start);
        (
            format!("{name}.{}", key.get_ref()),
            line,
            raw(value.get_ref()),
        )
    });
    fields.collect()
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(yes) => Raw::Boolean(*yes),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or(Raw::Other("integer out of range"), Raw::Integer)
        }
        DeValue::Array(entries) => {
            let texts = entries
                .iter()
                .map(|entry| entry.get_ref().as_str().map(str::to_owned));
            texts
                .collect::<Option<Vec<_>>>()
                .map_or(Raw::Other("list of other things than strings"), Raw::List)
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
            Raw::Other(value.type_str())
        }
    }
}
