//! xAPI 1.0.3 statements: what must hold before a statement is an event, and the few values that are no plain path.
//!
//! Extensions are never read: vendors put names, addresses and free text there. A voiding statement becomes an event of
//! its own that names the one it voids; the merge applies it, whichever of the two comes first.

use sha2::{Digest, Sha256};

use super::cast::Cell;
use super::read::tape::{Node, Tape};
use super::reject::Reason;

/// The verb of statements that take another one back.
pub(crate) const VOIDED: &[u8] = b"http://adlnet.gov/expapi/verbs/voided";

/// Paths a feed of statements may map besides plain ones.
pub(crate) const VIRTUAL: [&str; 4] = ["@id", ACTOR, "@object", "@voids"];

/// The actor as one identifier.
pub(crate) const ACTOR: &str = "@actor";

/// The account whose name a path reads (`context.instructor.account.name`): its path.
pub(crate) fn account_of(path: &str) -> Option<&str> {
    path.strip_suffix(".name").filter(|account| *account == "account" || account.ends_with(".account"))
}

/// Properties of a statement that need no mention in a feed's `ignore`.
pub(crate) const PROPERTIES: [&str; 11] = [
    "id",
    "actor",
    "verb",
    "object",
    "result",
    "context",
    "timestamp",
    "stored",
    "authority",
    "version",
    "attachments",
];

/// A valid statement's derived values.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    /// Its id, or one derived from its bytes where it has none.
    id: String,
    /// The one identifier of its actor: account name, mail address (bare), `mbox_sha1sum` or openid.
    pub actor: String,
    /// The home page of the actor's account; mailboxes and the like have none.
    pub home: Option<String>,
    object: Option<String>,
    /// The id of the statement it voids.
    pub voids: Option<String>,
    /// There is no `timestamp`, only `stored`.
    pub undated: bool,
}

impl Statement {
    pub fn cell(&self, name: &str) -> Cell<'_> {
        let text = match name {
            "@id" => Some(&self.id),
            ACTOR => Some(&self.actor),
            "@object" => self.object.as_ref(),
            _ => self.voids.as_ref(),
        };
        text.map_or(Cell::Missing, |text| Cell::Text(text.as_bytes()))
    }

    /// Any record, with an id derived from its bytes.
    pub fn identified(record: &[u8]) -> Statement {
        Statement { id: derived_id(record), ..Statement::default() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Checks a statement.
pub(crate) fn check(tape: &Tape, record: &[u8]) -> Result<Statement, Reason> {
    let id = match path(tape, record, &["id"]) {
        None | Some(Node::Null) => derived_id(record),
        // Statement ids are UUIDs, in which case does not matter.
        Some(Node::Text(span)) => string(tape.text(span, record))?.trim().to_ascii_lowercase(),
        Some(_) => return Err(Reason::TypeMismatch),
    };
    let (actor, home) = actor(tape, record)?;
    let verb = match path(tape, record, &["verb", "id"]) {
        None => return Err(Reason::MissingRequired),
        Some(Node::Text(span)) => tape.text(span, record),
        Some(Node::Null) => return Err(Reason::NullNotAllowed),
        Some(_) => return Err(Reason::TypeMismatch),
    };
    if !is_iri(verb) {
        return Err(Reason::VerbNotIri);
    }
    let object = match path(tape, record, &["object"]) {
        None => return Err(Reason::MissingRequired),
        Some(Node::Null) => return Err(Reason::NullNotAllowed),
        Some(Node::Object(_)) => text_at(tape, record, &["object", "id"])?,
        Some(_) => return Err(Reason::TypeMismatch),
    };
    let kind = text_at(tape, record, &["object", "objectType"])?;
    let undated = matches!(path(tape, record, &["timestamp"]), None | Some(Node::Null));
    let mut statement = Statement { id, actor, home, object: None, voids: None, undated };
    match (verb == VOIDED, kind.as_deref()) {
        (true, Some("StatementRef")) => {
            statement.voids = Some(object.ok_or(Reason::MissingRequired)?.trim().to_ascii_lowercase());
        }
        (false, None | Some("Activity")) => statement.object = Some(object.ok_or(Reason::MissingRequired)?),
        _ => return Err(Reason::ObjectNotActivity),
    }
    Ok(statement)
}

/// The actor's identifier, and the home page of an account.
fn actor(tape: &Tape, record: &[u8]) -> Result<(String, Option<String>), Reason> {
    match path(tape, record, &["actor"]) {
        None => return Err(Reason::MissingRequired),
        Some(Node::Null) => return Err(Reason::NullNotAllowed),
        Some(Node::Object(_)) => {}
        Some(_) => return Err(Reason::TypeMismatch),
    }
    match text_at(tape, record, &["actor", "objectType"])?.as_deref() {
        None | Some("Agent") => {}
        Some("Group") => return Err(Reason::ActorNotIndividual),
        Some(_) => return Err(Reason::ActorInvalid),
    }
    let given = |key: &str| path(tape, record, &["actor", key]).filter(|node| *node != Node::Null).is_some();
    match ["mbox", "mbox_sha1sum", "openid", "account"].iter().filter(|key| given(key)).count() {
        0 => return Err(Reason::ActorInvalid),
        1 => {}
        _ => return Err(Reason::ActorMultiple),
    }
    let text = |path: &[&str]| text_at(tape, record, path).map_err(|_| Reason::ActorInvalid);
    if let Some(mail) = text(&["actor", "mbox"])? {
        let address = mail.trim().strip_prefix("mailto:").unwrap_or_default().to_lowercase();
        let valid = address
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
        return if valid { Ok((address, None)) } else { Err(Reason::ActorInvalid) };
    }
    if let Some(sum) = text(&["actor", "mbox_sha1sum"])? {
        let valid = sum.len() == 40 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if valid { Ok((sum.to_ascii_lowercase(), None)) } else { Err(Reason::ActorInvalid) };
    }
    if let Some(openid) = text(&["actor", "openid"])? {
        return if is_iri(openid.as_bytes()) { Ok((openid, None)) } else { Err(Reason::ActorInvalid) };
    }
    let home = text(&["actor", "account", "homePage"])?.ok_or(Reason::ActorInvalid)?;
    let name =
        text(&["actor", "account", "name"])?.filter(|name| !name.trim().is_empty()).ok_or(Reason::ActorInvalid)?;
    if is_iri(home.as_bytes()) { Ok((name, Some(home))) } else { Err(Reason::ActorInvalid) }
}

fn path(tape: &Tape, record: &[u8], keys: &[&str]) -> Option<Node> {
    let at = keys.iter().try_fold(0, |at, key| tape.get(at, key.as_bytes(), record))?;
    Some(tape.node(at))
}

fn text_at(tape: &Tape, record: &[u8], keys: &[&str]) -> Result<Option<String>, Reason> {
    match path(tape, record, keys) {
        None | Some(Node::Null) => Ok(None),
        Some(Node::Text(span)) => Ok(Some(string(tape.text(span, record))?.to_owned())),
        Some(_) => Err(Reason::TypeMismatch),
    }
}

fn string(text: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(text).map_err(|_| Reason::InvalidUtf8)
}

/// Two deliveries of the same statement without an id are one event.
fn derived_id(record: &[u8]) -> String {
    let digest = Sha256::digest(record.trim_ascii());
    digest.iter().take(16).fold("sha256-".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// A scheme, a colon, and nothing an IRI may not hold.
fn is_iri(text: &[u8]) -> bool {
    let Some(colon) = text.iter().position(|&byte| byte == b':') else { return false };
    let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && !rest.iter().any(|byte| {
            *byte <= b' '
                || *byte == 0x7f
                || matches!(byte, b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(actor: &str, verb: &str, object: &str) -> Result<(String, Option<String>), Reason> {
        let text = format!(r#"{{"id":"A","actor":{actor},"verb":{{"id":"{verb}"}},"object":{object}}}"#);
        let mut tape = Tape::default();
        tape.parse(text.as_bytes(), 64)?;
        check(&tape, text.as_bytes()).map(|statement| (statement.actor, statement.voids))
    }

    const DONE: &str = "http://adlnet.gov/expapi/verbs/completed";
    const COURSE: &str = r#"{"id":"https://lms/1"}"#;

    #[test]
    fn a_statement_has_one_individual_actor() {
        let actor = |actor: &str| check_text(actor, DONE, COURSE).map(|(actor, _)| actor);
        assert_eq!(actor(r#"{"mbox":"mailto:Ann@X.test"}"#), Ok("ann@x.test".into()));
        assert_eq!(actor(r#"{"account":{"homePage":"https://hr","name":"u1"}}"#), Ok("u1".into()));
        assert_eq!(actor(r#"{"objectType":"Group","mbox":"mailto:a@x"}"#), Err(Reason::ActorNotIndividual));
        assert_eq!(actor(r#"{"mbox":"mailto:a@x","openid":"https://a"}"#), Err(Reason::ActorMultiple));
        assert_eq!(actor(r#"{"mbox":"a@x"}"#), Err(Reason::ActorInvalid));
        assert_eq!(actor(r#"{"name":"Ann"}"#), Err(Reason::ActorInvalid));
        assert_eq!(actor(r#"{"mbox_sha1sum":"12"}"#), Err(Reason::ActorInvalid));
    }

    #[test]
    fn voiding_names_a_statement_and_everything_else_an_activity() {
        let ann = r#"{"mbox":"mailto:a@x"}"#;
        let voided = std::str::from_utf8(VOIDED).expect("ascii");
        let reference = r#"{"objectType":"StatementRef","id":"B-1"}"#;
        assert_eq!(check_text(ann, voided, reference), Ok(("a@x".into(), Some("b-1".into()))));
        assert_eq!(check_text(ann, voided, COURSE), Err(Reason::ObjectNotActivity));
        assert_eq!(check_text(ann, DONE, reference), Err(Reason::ObjectNotActivity));
        assert_eq!(
            check_text(ann, DONE, r#"{"objectType":"Agent","mbox":"mailto:b@x"}"#),
            Err(Reason::ObjectNotActivity)
        );
        assert_eq!(check_text(ann, "completed", COURSE), Err(Reason::VerbNotIri));
    }
}
