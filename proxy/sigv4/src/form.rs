//! POST forms.
