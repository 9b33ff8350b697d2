//! Objects that come from a browser: from a form as they flow, and from the script in parts.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use multer::Field;

use super::fields::{Asked, Fields};
use super::filters::say;
use super::objects::{Inside, list_page};
use super::reader::Reader;
use super::upload::{self, FILE, form_of};
use crate::api::read_body;
use crate::service::objects::Visitor;
use crate::{Admin, Problem};

/// Bytes of a part: as much of an object as is kept in memory. S3 takes ten thousand of 5 MiB and more, so that an object may have 78 GiB.
/// Source: S3 User Guide, "Amazon S3 multipart upload limits".
pub(super) const PART_BYTES: usize = 8 << 20;

/// Takes the files of a form, one after the other.
pub(crate) async fn take_form(
    State(admin): State<Admin>,
    reader: Reader,
    inside: Inside,
    Asked(fields): Asked,
    request: Request,
) -> Result<Response, Problem> {
    let visitor = inside.visitor()?;
    let prefix = fields.exactly("prefix").to_owned();
    let mut form = form_of(request, u64::MAX)?;
    let mut names = Vec::new();
    let _turn = admin.upload_turn().await;
    while let Some(file) = form.next_field().await.map_err(upload::problem)? {
        let name = written(file.file_name().unwrap_or_default());
        if file.name() != Some(FILE) || name.is_empty() {
            continue;
        }
        if let Err(problem) = take(visitor, &format!("{prefix}{name}"), file).await {
            let answer = (fields, problem.status, Some(&problem));
            return Ok(list_page(&reader, &inside, answer).await);
        }
        names.push(name);
    }
    if names.is_empty() {
        let problem = Problem::malformed("no file was chosen");
        let answer = (fields, StatusCode::UNPROCESSABLE_ENTITY, Some(&problem));
        return Ok(list_page(&reader, &inside, answer).await);
    }
    let said = (say!("{} is uploaded."), names.join(", "));
    Ok(reader.done(said, None, &inside.list_of(&prefix)))
}

/// A file's name as it is: browsers write three characters of it otherwise. Source: HTML Standard, "multipart/form-data encoding algorithm".
fn written(name: &str) -> String {
    let name = name.replace("%22", "\"");
    name.replace("%0D", "\r").replace("%0A", "\n")
}

/// Takes a file. What was begun and fails is given up.
async fn take(visitor: &Visitor, key: &str, mut file: Field<'_>) -> Result<(), Problem> {
    let kind = file
        .content_type()
        .map_or_else(String::new, ToString::to_string);
    let mut coming = Coming {
        visitor,
        key,
        kind,
        upload: None,
        parts: 0,
        bytes: BytesMut::new(),
    };
    let taken = coming.take(&mut file).await;
    if let (Err(_), Some(upload)) = (&taken, &coming.upload)
        && let Err(problem) = visitor.give_up(key, upload).await
    {
        tracing::warn!(detail = %problem.detail, "an upload that failed is not given up: its parts stay until it expires");
    }
    taken
}

/// An object that comes.
struct Coming<'u> {
    visitor: &'u Visitor,
    key: &'u str,
    kind: String,
    /// What it is known by, once it is larger than a part.
    upload: Option<String>,
    parts: u32,
    /// What has come and is not written.
    bytes: BytesMut,
}

impl Coming<'_> {
    async fn take(&mut self, file: &mut Field<'_>) -> Result<(), Problem> {
        while let Some(chunk) = file.chunk().await.map_err(upload::problem)? {
            self.bytes.extend_from_slice(&chunk);
            while self.bytes.len() > PART_BYTES {
                let part = self.bytes.split_to(PART_BYTES).freeze();
                self.write(part).await?;
            }
        }
        let rest = self.bytes.split().freeze();
        if self.upload.is_none() {
            return self.visitor.put(self.key, &self.kind, rest).await;
        }
        self.write(rest).await?;
        let upload = self.upload.as_deref().unwrap_or_default();
        self.visitor.finish(self.key, upload).await
    }

    async fn write(&mut self, part: Bytes) -> Result<(), Problem> {
        if self.upload.is_none() {
            self.upload = Some(self.visitor.begin(self.key, &self.kind).await?);
        }
        self.parts += 1;
        let upload = self.upload.as_deref().unwrap_or_default();
        self.visitor
            .part((self.key, upload), self.parts, part)
            .await
    }
}

/// Which object the script speaks of: a word of the query, never empty.
fn key_of(fields: &Fields) -> Result<&str, Problem> {
    let key = fields.exactly("key");
    if key.is_empty() {
        return Err(Problem::malformed("which object? `key` is empty"));
    }
    Ok(key)
}

/// Begins an object that comes in parts. The answer is what it is known by.
pub(crate) async fn begin(inside: Inside, Asked(fields): Asked) -> Result<Response, Problem> {
    let begun = inside
        .visitor()?
        .begin(key_of(&fields)?, fields.text("type"))
        .await?;
    Ok((StatusCode::CREATED, begun).into_response())
}

/// Takes a part, or an object that is no larger than one.
pub(crate) async fn part(
    State(admin): State<Admin>,
    inside: Inside,
    Asked(mut fields): Asked,
    request: Request,
) -> Result<StatusCode, Problem> {
    let visitor = inside.visitor()?;
    let upload = fields.text("upload").to_owned();
    let number = if upload.is_empty() {
        Some(1)
    } else {
        fields.need::<u32>("number")
    };
    let number = number.ok_or_else(|| Problem::malformed("`number` is not that of a part"))?;
    let key = key_of(&fields)?;
    let _turn = admin.upload_turn().await;
    let bytes = read_body(request.into_body(), PART_BYTES).await?;
    if upload.is_empty() {
        visitor.put(key, fields.text("type"), bytes).await?;
    } else {
        visitor.part((key, &upload), number, bytes).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an object of its parts.
pub(crate) async fn finish(inside: Inside, Asked(fields): Asked) -> Result<StatusCode, Problem> {
    let key = key_of(&fields)?;
    inside.visitor()?.finish(key, fields.text("upload")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives up what was begun.
pub(crate) async fn give_up(inside: Inside, Asked(fields): Asked) -> Result<StatusCode, Problem> {
    let key = key_of(&fields)?;
    inside
        .visitor()?
        .give_up(key, fields.text("upload"))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
