//! xAPI 1.0.3 statements: what must hold before a statement is an event, and the few values that are no plain path.
//!
//! Extensions are never read: vendors put names, addresses and free text there. A voiding statement becomes an event of
//! its own that names the one it voids; the merge applies it, whichever of the two comes first. What a verb means is said in [`verbs`].

pub(crate) mod verbs;

use sha2::{Digest, Sha256};

use super::pseudonym::Pseudonyms;
use super::record::Cell;
use super::reject::Reason;
use super::tape::{Node, Tape};

/// The verb of statements that take another one back.
pub(crate) const VOIDED: &[u8] = b"http://adlnet.gov/expapi/verbs/voided";

/// Paths a feed of statements may map besides plain ones.
pub(crate) const VIRTUAL: [&str; 5] = ["@id", ACTOR, "@object", "@kind", "@voids"];

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
    /// The type of an activity, else what the object is.
    kind: Option<String>,
    /// The id of the statement it voids.
    pub voids: Option<String>,
    /// There is no `timestamp`, only `stored`.
    pub undated: bool,
    /// It says `result.completion = false`.
    pub incomplete: bool,
}

impl Statement {
    pub fn cell(&self, name: &str) -> Cell<'_> {
        let text = match name {
            "@id" => Some(&self.id),
            ACTOR => Some(&self.actor),
            "@object" => self.object.as_ref(),
            "@kind" => self.kind.as_ref(),
            _ => self.voids.as_ref(),
        };
        text.map_or(Cell::Missing, |text| Cell::Text(text.as_bytes()))
    }

    /// Any record, with an id derived from what it says.
    pub fn identified(tape: &Tape, record: &[u8]) -> Statement {
        Statement { id: derived_id(tape, record), ..Statement::default() }
    }

    /// The same of a record that is a part of what was delivered together, from its text in one form.
    pub fn of_text(canonical: &[u8]) -> Statement {
        Statement { id: hashed(canonical), ..Statement::default() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Somebody who is an object is as pseudonymous as somebody who acts.
    pub fn hide_people(&mut self, pseudonyms: &Pseudonyms) {
        if let (Some(id), Some("Agent" | "Group")) = (&mut self.object, self.kind.as_deref()) {
            *id = pseudonyms.of("user", id);
        }
    }
}

/// Checks a statement.
pub(crate) fn check(tape: &Tape, record: &[u8]) -> Result<Statement, Reason> {
    let id = match path(tape, record, &["id"]) {
        None | Some(Node::Null) => derived_id(tape, record),
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
    let object = object(tape, record)?;
    let undated = matches!(path(tape, record, &["timestamp"]), None | Some(Node::Null));
    let incomplete = matches!(path(tape, record, &["result", "completion"]), Some(Node::Bool(false)));
    let mut statement = Statement { id, actor, home, object: None, kind: None, voids: None, undated, incomplete };
    match (verb == VOIDED, object.kind.as_deref()) {
        (true, Some("StatementRef")) => statement.voids = object.id,
        (true, _) => return Err(Reason::ObjectNotActivity),
        (false, _) => (statement.object, statement.kind) = (object.id, object.kind),
    }
    Ok(statement)
}

/// What a statement is about.
struct Object {
    /// Anonymous groups and sub-statements have none.
    id: Option<String>,
    kind: Option<String>,
}

fn object(tape: &Tape, record: &[u8]) -> Result<Object, Reason> {
    match path(tape, record, &["object"]) {
        None => return Err(Reason::MissingRequired),
        Some(Node::Null) => return Err(Reason::NullNotAllowed),
        Some(Node::Object(_)) => {}
        Some(_) => return Err(Reason::TypeMismatch),
    }
    let kind = text_at(tape, record, &["object", "objectType"])?;
    let own_id = || text_at(tape, record, &["object", "id"])?.ok_or(Reason::MissingRequired);
    let id = match kind.as_deref() {
        // Open edX calls a problem of several questions a group of activities: it is one all the same.
        None | Some("Activity" | "GroupActivity") => {
            let named = text_at(tape, record, &["object", "definition", "type"]).ok().flatten();
            let kind = named.or_else(|| kind.filter(|kind| kind == "GroupActivity"));
            return Ok(Object { id: Some(own_id()?), kind });
        }
        Some("StatementRef") => Some(own_id()?.trim().to_ascii_lowercase()),
        Some("Agent") => Some(somebody(tape, record)?.ok_or(Reason::ObjectNotActivity)?),
        Some("Group") => somebody(tape, record)?,
        Some("SubStatement") => {
            let is_there = |key: &str| matches!(path(tape, record, &["object", key]), Some(Node::Object(_)));
            let verb = text_at(tape, record, &["object", "verb", "id"])?;
            let is_whole = is_there("actor") && is_there("object") && verb.is_some_and(|verb| is_iri(verb.as_bytes()));
            if !is_whole {
                return Err(Reason::ObjectNotActivity);
            }
            None
        }
        Some(_) => return Err(Reason::ObjectNotActivity),
    };
    Ok(Object { id, kind })
}

/// The identifier of an agent or a group that is an object, as an actor of the same name has it.
fn somebody(tape: &Tape, record: &[u8]) -> Result<Option<String>, Reason> {
    if let Some(mail) = text_at(tape, record, &["object", "mbox"])? {
        return Ok(Some(mail.trim().strip_prefix("mailto:").unwrap_or(mail.trim()).to_lowercase()));
    }
    if let Some(sum) = text_at(tape, record, &["object", "mbox_sha1sum"])? {
        return Ok(Some(sum.to_ascii_lowercase()));
    }
    match text_at(tape, record, &["object", "openid"])? {
        Some(openid) => Ok(Some(openid)),
        None => text_at(tape, record, &["object", "account", "name"]),
    }
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
        Some("Group") => return Err(Reason::GroupActor),
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

/// Two deliveries of the same statement without an id are one event, however they are laid out: what is hashed is the JSON with sorted
/// keys and no white space.
fn derived_id(tape: &Tape, record: &[u8]) -> String {
    let mut canonical = Vec::with_capacity(record.len());
    tape.canonical(0, record, &["id"], &mut canonical);
    hashed(&canonical)
}

fn hashed(canonical: &[u8]) -> String {
    format!("sha256-{}", hex::encode(&Sha256::digest(canonical)[..16]))
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
        assert_eq!(actor(r#"{"objectType":"Group","mbox":"mailto:a@x"}"#), Err(Reason::GroupActor));
        assert_eq!(actor(r#"{"mbox":"mailto:a@x","openid":"https://a"}"#), Err(Reason::ActorMultiple));
        assert_eq!(actor(r#"{"mbox":"a@x"}"#), Err(Reason::ActorInvalid));
        assert_eq!(actor(r#"{"name":"Ann"}"#), Err(Reason::ActorInvalid));
        assert_eq!(actor(r#"{"mbox_sha1sum":"12"}"#), Err(Reason::ActorInvalid));
    }

    #[test]
    fn voiding_names_a_statement_and_everything_else_has_any_object_that_xapi_knows() {
        let ann = r#"{"mbox":"mailto:a@x"}"#;
        let voided = std::str::from_utf8(VOIDED).expect("ascii");
        let reference = r#"{"objectType":"StatementRef","id":"B-1"}"#;
        assert_eq!(check_text(ann, voided, reference), Ok(("a@x".into(), Some("b-1".into()))));
        assert_eq!(check_text(ann, voided, COURSE), Err(Reason::ObjectNotActivity));
        assert_eq!(check_text(ann, "completed", COURSE), Err(Reason::VerbNotIri));
        let about = |object: &str| {
            let text = format!(r#"{{"actor":{ann},"verb":{{"id":"{DONE}"}},"object":{object}}}"#);
            let mut tape = Tape::default();
            tape.parse(text.as_bytes(), 64)?;
            let statement = check(&tape, text.as_bytes())?;
            Ok(format!("{} {}", statement.object.unwrap_or("-".into()), statement.kind.unwrap_or("-".into())))
        };
        for (object, expected) in [
            (COURSE, Ok("https://lms/1 -")),
            (
                r#"{"id":"https://lms/1","definition":{"type":"https://x/course"}}"#,
                Ok("https://lms/1 https://x/course"),
            ),
            (r#"{"objectType":"GroupActivity","id":"https://lms/1"}"#, Ok("https://lms/1 GroupActivity")),
            (reference, Ok("b-1 StatementRef")),
            (r#"{"objectType":"Agent","mbox":"mailto:B@x"}"#, Ok("b@x Agent")),
            (r#"{"objectType":"Group","account":{"homePage":"https://hr","name":"g1"}}"#, Ok("g1 Group")),
            (r#"{"objectType":"Group","member":[]}"#, Ok("- Group")),
            (
                r#"{"objectType":"SubStatement","actor":{"mbox":"mailto:b@x"},"verb":{"id":"https://v"},"object":{"id":"https://o"}}"#,
                Ok("- SubStatement"),
            ),
            (r#"{"objectType":"SubStatement"}"#, Err(Reason::ObjectNotActivity)),
            (r#"{"objectType":"Agent","name":"Bo"}"#, Err(Reason::ObjectNotActivity)),
            (r#"{"objectType":"Thing","id":"https://o"}"#, Err(Reason::ObjectNotActivity)),
            (r#"{"definition":{}}"#, Err(Reason::MissingRequired)),
        ] {
            assert_eq!(about(object), expected.map(str::to_owned), "{object}");
        }
    }

    #[test]
    fn a_statement_without_an_id_has_the_same_one_however_its_json_is_laid_out() {
        let id = |text: &str| {
            let mut tape = Tape::default();
            tape.parse(text.as_bytes(), 64).expect("valid");
            derived_id(&tape, text.as_bytes())
        };
        let one = id(r#"{"verb":{"id":"v","display":{"en":"\u00e9"}},"result":{"n":[1.0,2]},"id":null}"#);
        let other = id("{ \"result\" : {\"n\": [1, 2]},\n \"verb\": {\"display\": {\"en\": \"é\"}, \"id\": \"v\"} }");
        assert_eq!(one, other);
        assert_ne!(one, id(r#"{"verb":{"id":"v","display":{"en":"é"}},"result":{"n":[2,1]}}"#));
    }
}
