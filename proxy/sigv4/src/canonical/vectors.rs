//! The published vectors.
use super::*;
pub(super) fn write_generic_path(
    _path: &str,
    _normalize: bool,
    _out: &mut impl Out,
) -> Result<(), AuthError> {
    Ok(())
}
