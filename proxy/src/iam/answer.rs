//! Answers as these APIs write them.

use quick_xml::escape::escape;

use super::fault::Fault;

/// A value of an answer.
#[derive(Clone, Debug)]
pub(super) enum Xml {
    Text(String),
    Fields(Vec<(&'static str, Xml)>),
    /// A list; each of its entries is a `member`.
    Members(Vec<Xml>),
    /// A map; each of its entries is an `entry` of `key` and `value`.
    Entries(Vec<(&'static str, Xml)>),
    /// Nothing but that it was done.
    Done,
}

impl Xml {
    pub(super) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// The same fields, and one more.
    pub(super) fn with(self, name: &'static str, value: Self) -> Self {
        match self {
            Self::Fields(mut fields) => {
                fields.push((name, value));
                Self::Fields(fields)
            }
            other => other,
        }
    }
}

/// The answer to an action.
pub(super) fn document(namespace: &str, action: &str, result: Xml, request: &str) -> String {
    let mut out = format!("<{action}Response xmlns=\"{namespace}\">");
    match result {
        Xml::Done => {}
        result => {
            out.push_str(&format!("<{action}Result>"));
            write(&mut out, &result);
            out.push_str(&format!("</{action}Result>"));
        }
    }
    let request = escape(request);
    out.push_str(&format!(
        "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{action}Response>"
    ));
    out
}

/// The answer to what is refused.
pub(super) fn error(namespace: &str, fault: &Fault, request: &str) -> String {
    let whose = if fault.status().is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    let said = fault.to_string();
    let (code, said, request) = (fault.code(), escape(&said), escape(request));
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{whose}</Type><Code>{code}</Code><Message>{said}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"
    )
}

fn write(out: &mut String, xml: &Xml) {
    match xml {
        Xml::Text(text) => out.push_str(&escape(text.as_str())),
        Xml::Fields(fields) => {
            for (name, value) in fields {
                element(out, name, value);
            }
        }
        Xml::Members(members) => {
            for member in members {
                element(out, "member", member);
            }
        }
        Xml::Entries(entries) => {
            for (name, value) in entries {
                out.push_str("<entry>");
                element(out, "key", &Xml::text(name));
                element(out, "value", value);
                out.push_str("</entry>");
            }
        }
        Xml::Done => {}
    }
}

fn element(out: &mut String, name: &str, value: &Xml) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    write(out, value);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_cannot_become_an_element() {
        let list = Xml::Members(vec![Xml::text("a<b>&\"c")]);
        let text = document("ns", "ListX", Xml::Fields(vec![("Names", list)]), "r");
        let wanted = "<ListXResponse xmlns=\"ns\"><ListXResult><Names><member>a&lt;b&gt;&amp;&quot;c</member></Names></ListXResult>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListXResponse>";
        assert_eq!(text, wanted);
        let said = error("ns", &Fault::invalid("<x>"), "r");
        assert!(said.contains("<Message>&lt;x&gt;</Message>"), "{said}");
    }
}
