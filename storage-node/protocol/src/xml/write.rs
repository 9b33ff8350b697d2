//! Writes documents. Every text is escaped, so that what a client once sent cannot become an element.

use std::fmt::{Display, Write as _};

use super::NAMESPACE;
use crate::call::Encoding;
use crate::checksum::Checksum;
use crate::names::UploadId;
use crate::object::{ETag, Owner};
use crate::percent;

/// A document on its way.
#[derive(Debug)]
pub(crate) struct Xml {
    out: String,
}

impl Xml {
    /// Begins a document of S3's namespace.
    pub(crate) fn document(root: &str, capacity: usize) -> Self {
        let mut xml = Self::bare(capacity);
        xml.push(&["<", root, " xmlns=\"", NAMESPACE, "\">"]);
        xml
    }

    /// Begins a document without a namespace: `Error` and `PostResponse`.
    pub(crate) fn bare(capacity: usize) -> Self {
        let mut out = String::with_capacity(capacity);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { out }
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.push(&["<", name, ">"]);
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.push(&["</", name, ">"]);
    }

    /// Markup that is written here and comes from nobody.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// Text within the open element.
    pub(crate) fn characters(&mut self, text: &str) {
        escape(&mut self.out, text);
    }

    /// An element with a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.open(name);
        escape(&mut self.out, text);
        self.close(name);
    }

    /// An element with a text, where there is one.
    pub(crate) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A key, a prefix or a delimiter, in the encoding that the client asked for.
    pub(crate) fn key(&mut self, name: &str, key: &str, encoding: Encoding) {
        match encoding {
            Encoding::Plain => self.text(name, key),
            Encoding::Url => self.text(name, &percent::encode_key(key)),
        }
    }

    /// An element with a number, or anything else that needs no escaping.
    pub(crate) fn plain(&mut self, name: &str, value: impl Display) {
        self.open(name);
        let written = write!(self.out, "{value}");
        debug_assert!(written.is_ok(), "a string takes every text");
        self.close(name);
    }

    /// An entity tag, in quotes.
    pub(crate) fn etag(&mut self, etag: &ETag) {
        self.plain("ETag", format_args!("&quot;{etag}&quot;"));
    }

    pub(crate) fn upload(&mut self, name: &str, upload: UploadId) {
        self.plain(name, upload);
    }

    /// `Owner` or `Initiator`.
    pub(crate) fn person(&mut self, name: &str, owner: &Owner) {
        self.open(name);
        self.text("ID", &owner.id);
        if !owner.display_name.is_empty() {
            self.text("DisplayName", &owner.display_name);
        }
        self.close(name);
    }

    /// `ChecksumCRC32` and its sisters.
    pub(crate) fn checksums(&mut self, checksums: &[Checksum]) {
        for checksum in checksums {
            self.plain(checksum.algorithm.element(), checksum);
        }
    }

    /// `ChecksumType` of the first checksum: an object has one kind.
    pub(crate) fn checksum_type(&mut self, checksums: &[Checksum]) {
        if let Some(checksum) = checksums.first() {
            self.text("ChecksumType", checksum.kind.name());
        }
    }

    /// Ends the document.
    pub(crate) fn finish(mut self, root: &str) -> String {
        self.close(root);
        self.out
    }

    fn push(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.out.push_str(piece);
        }
    }
}

/// Escapes a text. What XML 1.0 cannot carry even so (most control characters, two non-characters) is written as a numeric
/// reference, which is what S3 does: lenient readers take it, and the others have `encoding-type=url`. A carriage return is
/// one as well, or a reader would make a line feed of it.
pub(crate) fn escape(out: &mut String, text: &str) {
    let special = |character: char| {
        matches!(character, '&' | '<' | '>' | '"' | '\u{fffe}' | '\u{ffff}')
            || (character < ' ' && !matches!(character, '\t' | '\n'))
    };
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = tail.chars();
        match characters.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            Some(other) => {
                let written = write!(out, "&#x{:x};", u32::from(other));
                debug_assert!(written.is_ok(), "a string takes every text");
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape(&mut out, text);
        out
    }

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escaped("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;'c");
        assert_eq!(escaped("]]></Key>"), "]]&gt;&lt;/Key&gt;");
        assert_eq!(escaped("plain ä/+ text"), "plain ä/+ text");
    }

    #[test]
    fn what_xml_cannot_carry_is_a_numeric_reference() {
        assert_eq!(escaped("a\u{1}b"), "a&#x1;b");
        assert_eq!(escaped("\r\n\t"), "&#xd;\n\t");
        assert_eq!(
            escaped("\0\u{1f}\u{fffe}\u{ffff}"),
            "&#x0;&#x1f;&#xfffe;&#xffff;"
        );
    }
}
