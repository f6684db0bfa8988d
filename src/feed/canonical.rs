//! A JSON record in one form, whatever the order of its keys and the spaces between them: what an id can be made of.

use super::tape::{Node, Span, Tape};

impl Tape {
    /// Appends the value at `at` as JSON with sorted keys and without white space, numbers and escapes in one form; entries of the
    /// outermost object whose name is in `without` are left out. As deep as the record, which parsing has bounded.
    pub fn canonical(&self, at: usize, record: &[u8], without: &[&str], out: &mut Vec<u8>) {
        let quoted = |span: Span, out: &mut Vec<u8>| {
            let text = String::from_utf8_lossy(self.text(span, record));
            out.extend_from_slice(serde_json::Value::from(text.as_ref()).to_string().as_bytes());
        };
        match self.node(at) {
            // A number past every type is as good as none: what it was cannot be told apart.
            Node::Null | Node::Past => out.extend_from_slice(b"null"),
            Node::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Node::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Node::UInt(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Node::Double(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Node::Text(span) | Node::Key(span) => quoted(span, out),
            Node::Array(_) => {
                out.push(b'[');
                for (nth, element) in self.elements(at).enumerate() {
                    if nth > 0 {
                        out.push(b',');
                    }
                    self.canonical(element, record, &[], out);
                }
                out.push(b']');
            }
            Node::Object(_) => {
                let mut entries: Vec<(Span, usize)> = self
                    .entries(at)
                    .filter(|(key, _)| !without.iter().any(|name| name.as_bytes() == self.text(*key, record)))
                    .collect();
                entries.sort_by(|a, b| self.text(a.0, record).cmp(self.text(b.0, record)));
                out.push(b'{');
                for (nth, (key, value)) in entries.into_iter().enumerate() {
                    if nth > 0 {
                        out.push(b',');
                    }
                    quoted(key, out);
                    out.push(b':');
                    self.canonical(value, record, &[], out);
                }
                out.push(b'}');
            }
        }
    }
}
