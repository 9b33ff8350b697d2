//! Forms that carry a file. Source: RFC 7578.

use axum::extract::{FromRequest, Request};
use http::{StatusCode, header};
use multer::{Constraints, Multipart, SizeLimit};

use super::fields::Fields;
use crate::api::modules::check_type;
use crate::{Admin, Problem};

/// Room for what stands around the file.
const AROUND_BYTES_MAX: u64 = 16 * 1_024;
/// Parts of a form.
const PARTS_MAX: usize = 16;
/// The field that carries the file.
pub(super) const FILE: &str = "file";

/// The fields of a form, and its file; an empty one where none was chosen.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) form: Fields,
    pub(crate) file: Vec<u8>,
}

impl FromRequest<Admin> for Uploaded {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Problem> {
        let bytes_max = u64::try_from(admin.module_bytes_max).unwrap_or(u64::MAX);
        let bytes_max = bytes_max.saturating_add(AROUND_BYTES_MAX);
        let mut parts = form_of(request, bytes_max)?;
        let mut uploaded = Self {
            form: Fields::default(),
            file: Vec::new(),
        };
        let mut count = 0;
        while let Some(part) = parts.next_field().await.map_err(problem)? {
            count += 1;
            if count > PARTS_MAX {
                let detail = format!("the form has more than {PARTS_MAX} fields");
                return Err(Problem::malformed(detail));
            }
            let name = part.name().unwrap_or_default().to_owned();
            let content = part.bytes().await.map_err(problem)?;
            if name == FILE {
                uploaded.file = content.to_vec();
            } else {
                let text = String::from_utf8_lossy(&content);
                uploaded.form = uploaded.form.with(&name, text);
            }
        }
        Ok(uploaded)
    }
}

/// The parts of a form, as they come.
pub(super) fn form_of(request: Request, bytes_max: u64) -> Result<Multipart<'static>, Problem> {
    check_type(request.headers(), &["multipart/form-data"])?;
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(problem)?;
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(bytes_max));
    let body = request.into_body().into_data_stream();
    Ok(Multipart::with_constraints(body, boundary, limits))
}

/// What is wrong with a form.
pub(super) fn problem(error: multer::Error) -> Problem {
    if let multer::Error::StreamSizeExceeded { limit } = error {
        let detail = format!("the form has more than {limit} bytes");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail);
    }
    Problem::malformed(format!("the form is not one with a file: {error}"))
}
