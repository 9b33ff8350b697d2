//! A bounded tree of elements and texts.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{S3Code, S3Error};
use crate::limits::{XML_BYTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX};

/// A document's elements in the order of their start tags; children are found by their parent's place.
#[derive(Debug)]
pub(crate) struct Tree {
    elements: Vec<Element>,
}

#[derive(Debug)]
struct Element {
    name: String,
    text: String,
    parent: Option<usize>,
    /// One past its last descendant.
    end: usize,
}

/// An element of a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'t> {
    tree: &'t Tree,
    index: usize,
}

impl Tree {
    /// Reads a document. Everything that is not plain elements and text is malformed to S3.
    pub(crate) fn read(body: &[u8]) -> Result<Self, S3Error> {
        if body.len() > XML_BYTES_MAX {
            return Err(S3Error::new(S3Code::MaxMessageLengthExceeded)
                .and("MaxMessageLengthBytes", XML_BYTES_MAX.to_string()));
        }
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        let mut builder = Builder {
            elements: Vec::new(),
            open: Vec::new(),
        };
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        loop {
            match reader.read_event().map_err(|_| malformed())? {
                Event::Start(start) => builder.open(&start)?,
                Event::Empty(start) => {
                    builder.open(&start)?;
                    builder.close()?;
                }
                Event::End(_) => builder.close()?,
                Event::Text(text) => builder.text(&text.xml10_content())?,
                Event::CData(text) => builder.text(&text.xml10_content())?,
                Event::GeneralRef(name) => {
                    let character = name.resolve_char_ref().map_err(|_| malformed())?;
                    let character = character.or_else(|| predefined(&name));
                    builder.character(character.ok_or_else(malformed)?)?;
                }
                Event::Comment(_) | Event::Decl(_) => {}
                Event::PI(_) | Event::DocType(_) => return Err(malformed()),
                Event::Eof => break,
            }
        }
        let complete = builder.open.is_empty() && !builder.elements.is_empty();
        complete
            .then_some(Self {
                elements: builder.elements,
            })
            .ok_or_else(malformed)
    }

    /// The root, if it has this name.
    pub(crate) fn root(&self, name: &str) -> Result<Node<'_>, S3Error> {
        let root = Node {
            tree: self,
            index: 0,
        };
        (root.name() == name).then_some(root).ok_or_else(malformed)
    }
}

impl<'t> Node<'t> {
    fn element(self) -> Option<&'t Element> {
        self.tree.elements.get(self.index)
    }

    /// The name without its prefix.
    pub(crate) fn name(self) -> &'t str {
        self.element()
            .map(|element| element.name.as_str())
            .unwrap_or_default()
    }

    /// Its own text, white space included.
    pub(crate) fn text(self) -> &'t str {
        self.element()
            .map(|element| element.text.as_str())
            .unwrap_or_default()
    }

    /// Its children in order.
    pub(crate) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let end = self.element().map_or(0, |element| element.end);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = Node {
                tree: self.tree,
                index: next,
            };
            next = child.element().filter(|_| next < end)?.end;
            Some(child)
        })
    }
}

struct Builder {
    elements: Vec<Element>,
    open: Vec<usize>,
}

impl Builder {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), S3Error> {
        // One root; what follows it is no document.
        let second = self.open.is_empty() && !self.elements.is_empty();
        let full =
            self.open.len() >= XML_DEPTH_MAX || self.elements.len() >= XML_ELEMENTS_MAX || second;
        if full {
            return Err(malformed());
        }
        let index = self.elements.len();
        self.elements.push(Element {
            name: start.local_name().as_ref().to_owned(),
            text: String::new(),
            parent: self.open.last().copied(),
            end: index + 1,
        });
        self.open.push(index);
        Ok(())
    }

    fn close(&mut self) -> Result<(), S3Error> {
        let index = self.open.pop().ok_or_else(malformed)?;
        let end = self.elements.len();
        if let Some(element) = self.elements.get_mut(index) {
            element.end = end;
            debug_assert_eq!(element.parent, self.open.last().copied());
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), S3Error> {
        let Some(element) = self
            .open
            .last()
            .and_then(|open| self.elements.get_mut(*open))
        else {
            // Around the root there is white space alone.
            return if text.trim().is_empty() {
                Ok(())
            } else {
                Err(malformed())
            };
        };
        element.text.push_str(text);
        Ok(())
    }

    fn character(&mut self, character: char) -> Result<(), S3Error> {
        let mut bytes = [0; 4];
        let text: &str = character.encode_utf8(&mut bytes);
        if self.open.is_empty() {
            return Err(malformed());
        }
        self.text(text)
    }
}

/// The five entities of XML; others would have been declared in a DOCTYPE, which is refused.
fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

pub(crate) fn malformed() -> S3Error {
    S3Error::new(S3Code::MalformedXML)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> S3Code {
        Tree::read(body.as_bytes()).unwrap_err().code
    }

    #[test]
    fn a_tree_keeps_order_and_white_space() {
        let tree = Tree::read(
            b"<?xml version='1.0'?>\n<!-- c --><s3:a xmlns:s3='x'><b> x&amp;&#x1;\r\n</b> <c/>\
              <b><![CDATA[<&]]></b></s3:a>\n",
        )
        .unwrap();
        let root = tree.root("a").unwrap();
        let children: Vec<_> = root
            .children()
            .map(|node| (node.name(), node.text()))
            .collect();
        assert_eq!(children, [("b", " x&\u{1}\n"), ("c", ""), ("b", "<&")]);
    }

    #[test]
    fn what_could_expand_or_nest_without_end_is_refused() {
        for body in [
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<a>&e;</a>",
            "<?xml-stylesheet href='x'?><a/>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "text<a/>",
            "<a/>&lt;",
            "",
            "   ",
            "{}",
        ] {
            assert_eq!(fault(body), S3Code::MalformedXML, "{body}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(Tree::read(nest(XML_DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(fault(&nest(XML_DEPTH_MAX + 1)), S3Code::MalformedXML);
        assert_eq!(fault(&"<a>".repeat(1_000_000)), S3Code::MalformedXML);
    }

    #[test]
    fn elements_and_bytes_are_bounded() {
        let many = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert!(Tree::read(many(XML_ELEMENTS_MAX).as_bytes()).is_ok());
        assert_eq!(fault(&many(XML_ELEMENTS_MAX + 1)), S3Code::MalformedXML);
        let long = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - 7));
        assert!(Tree::read(long(XML_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(
            fault(&long(XML_BYTES_MAX + 1)),
            S3Code::MaxMessageLengthExceeded
        );
    }
}
