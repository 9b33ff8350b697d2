//! The state machine: bytes in, fields and then the file's bytes out. Source: RFC 7578, RFC 2046 section 5.1.

use std::mem;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem;

use super::Form;
use crate::error::{S3Code, S3Error};
use crate::limits::{FORM_BOUNDARY_BYTES_MAX, FORM_BYTES_MAX};

/// What comes next out of a form.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// [`push`](FormReader::push) more, or [`finish`](FormReader::finish).
    NeedMore,
    /// All fields before the file, once.
    Fields(Form),
    /// The next bytes of the file.
    Data(Bytes),
    /// The file is whole. What is pushed from here on is ignored.
    End,
}

/// Reads a form.
#[derive(Debug)]
pub struct FormReader {
    /// `\r\n--boundary`.
    delimiter: Vec<u8>,
    state: State,
    finished: bool,
}

#[derive(Debug)]
enum State {
    /// Fields: what has been read and not yet understood, how much has been taken, and what was found.
    Fields {
        buffer: BytesMut,
        taken: usize,
        found: Vec<(String, String)>,
    },
    /// The file: how many bytes of the delimiter ended the last chunk and were held back, and the chunk at hand.
    File { held: usize, chunk: Bytes },
    /// Past the file, or refused.
    Done,
}

/// A part's head.
struct PartHead {
    name: String,
    file_name: Option<String>,
}

impl FormReader {
    /// A reader for a body of this `Content-Type`.
    ///
    /// # Errors
    /// [`S3Code::MalformedPOSTRequest`] if it is no form or has no boundary.
    pub fn new(content_type: &str) -> Result<Self, S3Error> {
        let mut delimiter = b"\r\n--".to_vec();
        delimiter.extend_from_slice(boundary(content_type).ok_or_else(malformed)?.as_bytes());
        // The first delimiter has no line before it: lend it one.
        let buffer = BytesMut::from(b"\r\n".as_slice());
        let state = State::Fields {
            buffer,
            taken: 0,
            found: Vec::new(),
        };
        Ok(Self {
            delimiter,
            state,
            finished: false,
        })
    }

    /// Takes the next bytes of the body. Call [`step`](Self::step) until it wants more before the next push.
    pub fn push(&mut self, bytes: Bytes) {
        match &mut self.state {
            State::Fields { buffer, .. } => buffer.extend_from_slice(&bytes),
            State::File { chunk, .. } if chunk.is_empty() => *chunk = bytes,
            State::File { chunk, .. } => {
                let mut joined = BytesMut::from(chunk.as_ref());
                joined.extend_from_slice(&bytes);
                *chunk = joined.freeze();
            }
            State::Done => {}
        }
    }

    /// Says that the body has ended.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next step.
    ///
    /// # Errors
    /// What S3 answers to a form that is malformed, too large before its file, without a file, or cut off.
    pub fn step(&mut self) -> Result<Step, S3Error> {
        let step = match &self.state {
            State::Fields { .. } => self.step_fields(),
            State::File { .. } => Ok(self.step_file()),
            State::Done => Ok(Step::End),
        };
        match step {
            Ok(Step::NeedMore) if self.finished => {
                self.state = State::Done;
                Err(malformed())
            }
            Err(error) => {
                self.state = State::Done;
                Err(error)
            }
            step => step,
        }
    }

    fn step_fields(&mut self) -> Result<Step, S3Error> {
        let State::Fields {
            buffer,
            taken,
            found,
        } = &mut self.state
        else {
            return Ok(Step::NeedMore);
        };
        loop {
            let Some(mut rest) = after_delimiter(buffer, &self.delimiter)? else {
                return need_more(*taken + buffer.len());
            };
            if rest.starts_with(b"--") {
                // The form is over, and there was no file.
                return Err(S3Error::new(S3Code::IncorrectNumberOfFilesInPostRequest));
            }
            let Some(line_end) = memmem::find(rest, b"\r\n") else {
                return need_more(*taken + buffer.len());
            };
            // Padding after the boundary is white space.
            let padding = rest.get(..line_end).unwrap_or_default();
            if !padding.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                return Err(malformed());
            }
            rest = rest.get(line_end + 2..).unwrap_or_default();
            let Some(head_end) = memmem::find(rest, b"\r\n\r\n") else {
                return need_more(*taken + buffer.len());
            };
            let head = part_head(rest.get(..head_end).unwrap_or_default())?;
            let content = rest.get(head_end + 4..).unwrap_or_default();
            let content_at = buffer.len() - content.len();
            if head.name == "file" {
                within_limit(*taken + content_at)?;
                let chunk = mem::take(buffer).freeze().slice(content_at..);
                let fields = mem::take(found);
                self.state = State::File { held: 0, chunk };
                return Form::new(fields, head.file_name).map(Step::Fields);
            }
            let Some(length) = memmem::find(content, &self.delimiter) else {
                return need_more(*taken + buffer.len());
            };
            let value = content.get(..length).unwrap_or_default();
            let value = std::str::from_utf8(value).map_err(|_| malformed())?;
            found.push((head.name, value.to_owned()));
            // The delimiter stays: the next round begins with it.
            *taken += content_at + length;
            within_limit(*taken)?;
            buffer.advance(content_at + length);
        }
    }

    fn step_file(&mut self) -> Step {
        let State::File { held, chunk } = &mut self.state else {
            return Step::End;
        };
        if chunk.is_empty() {
            return Step::NeedMore;
        }
        if *held > 0 {
            // A boundary has no carriage return, so the delimiter can begin nowhere within what is held back.
            let expected = self.delimiter.get(*held..).unwrap_or_default();
            if chunk.starts_with(expected) {
                self.state = State::Done;
                return Step::End;
            }
            if expected.starts_with(chunk) {
                *held += chunk.len();
                chunk.clear();
                return Step::NeedMore;
            }
            let data = self.delimiter.get(..*held).unwrap_or_default();
            let data = Bytes::copy_from_slice(data);
            *held = 0;
            return Step::Data(data);
        }
        if let Some(at) = memmem::find(chunk, &self.delimiter) {
            let data = chunk.split_to(at);
            self.state = State::Done;
            return if data.is_empty() {
                Step::End
            } else {
                Step::Data(data)
            };
        }
        let tail = begun(chunk, &self.delimiter);
        let data = chunk.split_to(chunk.len() - tail);
        *held = tail;
        chunk.clear();
        if data.is_empty() {
            Step::NeedMore
        } else {
            Step::Data(data)
        }
    }
}

/// How many bytes at the end of `chunk` begin the delimiter.
fn begun(chunk: &[u8], delimiter: &[u8]) -> usize {
    let from = chunk.len().saturating_sub(delimiter.len() - 1);
    let window = chunk.get(from..).unwrap_or_default();
    let at = memchr::memrchr(b'\r', window);
    let tail = at.and_then(|at| window.get(at..)).unwrap_or_default();
    if delimiter.starts_with(tail) {
        tail.len()
    } else {
        0
    }
}

/// What follows the delimiter that begins the buffer; `None` while it may still come.
fn after_delimiter<'b>(buffer: &'b [u8], delimiter: &[u8]) -> Result<Option<&'b [u8]>, S3Error> {
    match buffer.strip_prefix(delimiter) {
        // Two more bytes tell the end from a part.
        Some(rest) if rest.len() >= 2 => Ok(Some(rest)),
        Some(_) => Ok(None),
        None if delimiter.starts_with(buffer) => Ok(None),
        None => Err(malformed()),
    }
}

fn need_more(bytes: usize) -> Result<Step, S3Error> {
    within_limit(bytes)?;
    Ok(Step::NeedMore)
}

fn within_limit(bytes: usize) -> Result<(), S3Error> {
    if bytes <= FORM_BYTES_MAX {
        return Ok(());
    }
    Err(S3Error::new(S3Code::MaxPostPreDataLengthExceededError)
        .and("MaxPostPreDataLengthBytes", FORM_BYTES_MAX.to_string()))
}

/// The boundary of a multipart/form-data content type. Source: RFC 2046, section 5.1.1.
fn boundary(content_type: &str) -> Option<&str> {
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then_some(value.trim())
    })?;
    let boundary = match boundary.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => boundary,
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let fits = (1..=FORM_BOUNDARY_BYTES_MAX).contains(&boundary.len());
    (fits && boundary.bytes().all(allowed)).then_some(boundary)
}

/// The head of a part: its field's name, in lower case, and the name of its file.
fn part_head(head: &[u8]) -> Result<PartHead, S3Error> {
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let disposition = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(malformed)?;
    let (kind, parameters) = disposition.split_once(';').ok_or_else(malformed)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(malformed());
    }
    let (mut name, mut file_name) = (None, None);
    for (parameter, value) in parse_parameters(parameters)? {
        match parameter.as_str() {
            "name" if name.is_none() => name = Some(value.to_ascii_lowercase()),
            "filename" if file_name.is_none() => file_name = Some(value),
            "name" | "filename" => return Err(malformed()),
            _ => {}
        }
    }
    let name = name.filter(|name| !name.is_empty()).ok_or_else(malformed)?;
    Ok(PartHead { name, file_name })
}

/// `a=b; c="d;e"`. Within quotes a backslash escapes a quote alone: browsers of Windows send whole paths.
fn parse_parameters(text: &str) -> Result<Vec<(String, String)>, S3Error> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or_else(malformed)?;
        let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
            quoted_string(quoted)?
        } else {
            let (value, after) = value.split_once(';').unwrap_or((value, ""));
            (value.trim().to_owned(), after)
        };
        found.push((name.trim().to_ascii_lowercase(), value));
        rest = after.trim_start().trim_start_matches(';').trim_start();
    }
    Ok(found)
}

fn quoted_string(text: &str) -> Result<(String, &str), S3Error> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next().ok_or_else(malformed)? {
            '"' => break,
            '\\' if characters.as_str().starts_with('"') => {
                characters.next();
                value.push('"');
            }
            other => value.push(other),
        }
    }
    let after = characters.as_str().trim_start();
    if after.is_empty() || after.starts_with(';') {
        Ok((value, after))
    } else {
        Err(malformed())
    }
}

pub(super) fn malformed() -> S3Error {
    S3Error::new(S3Code::MalformedPOSTRequest)
}
