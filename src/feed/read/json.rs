//! JSON: one object a line, the elements of an array, or those of arrays inside of objects, read one at a time whatever the size of
//! the file.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use bytes::Bytes;
use hashbrown::HashMap;

use super::bytes::Text;
use super::elements::Source;
use super::explode::{Explode, Way};
use super::json_path::{Step, Want, follow, steps};
use crate::feed::bound::Bound;
use crate::feed::context::Context;
use crate::feed::feed::{Feed, FileFormat, Values};
use crate::feed::gate::Gate;
use crate::feed::intake::Intake;
use crate::feed::pseudonym::Pseudonyms;
use crate::feed::record::{Cell, Place, Record};
use crate::feed::reject::{Reason, Refusal, Stop};
use crate::feed::sites::Sites;
use crate::feed::tape::{Node, Tape};
use crate::feed::warning::Warning;
use crate::feed::xapi::verbs::{self, Verbs};
use crate::feed::xapi::{self, Statement};

/// Voiding statements wait for the end of the delivery, up to this many bytes of them.
const VOIDS_HELD: usize = 64 << 20;
/// Unknown keys are counted one by one up to this many.
const UNKNOWN_KEYS: usize = 1_000;

/// The keys of a record store's answer: its statements, and where the next ones are.
const ANSWER: [&str; 2] = ["statements", "more"];

/// Reads one JSON delivery: lines, an array, or objects that hold one.
pub(crate) fn read<'a, E>(
    feed: &'a Feed,
    context: &Context<'a>,
    format: FileFormat,
    bytes: &Bytes,
    refused: &'a HashSet<u64>,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    let text = Text::new(bytes, &feed.limits, feed.encoding, format)?;
    let mut source = Source::new(text, feed.limits.record_bytes);
    let Some(first) = source.peek()? else {
        return Err(Refusal::new(Reason::EmptyFile, "").into());
    };
    // A record store's statements come in any of these forms.
    let lines = feed.xapi || feed.formats.contains(&FileFormat::Ndjson);
    let arrays = feed.xapi || feed.formats.contains(&FileFormat::JsonArray);
    let mut root = feed.json_root.clone();
    if feed.xapi && root.is_none() && first == b'{' {
        let answer = source.first_key()?.is_some_and(|key| ANSWER.contains(&key.as_str()));
        root = answer.then(|| vec![ANSWER[0].to_owned()]);
    }
    let mut reader = Reader::new(feed, context, refused, sink)?;
    match (first, root) {
        (b'[', _) if arrays => source.array(&mut reader)?,
        (b'{', Some(root)) => source.rooted(&mut reader, &root)?,
        (b'{', None) if lines && source.is_spread()? => source.single(&mut reader)?,
        (b'{', None) if lines => source.lines(&mut reader)?,
        (first, _) if lines && !b"[<".contains(&first) => source.lines(&mut reader)?,
        // An answer about one thing is that thing, and no array of one.
        (b'{', None) if arrays => source.single(&mut reader)?,
        _ => return Err(Refusal::new(Reason::NotNdjson, "the file does not begin as JSON of the declared form").into()),
    }
    reader.finish(&source)
}

/// A top-level key seen or wanted.
struct Entry {
    name: String,
    wants: Vec<Want>,
    /// Neither mapped nor ignored; how often it came.
    unknown: Option<u64>,
}

pub(crate) struct Reader<'a, E> {
    pub gate: Gate<'a, E>,
    pub feed: &'a Feed,
    tape: Tape,
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    /// Entry of the n-th key of the record before: exports write their keys in one order.
    expected: Vec<usize>,
    /// Slot -> (rank, node) in the current record.
    found: Vec<Option<(usize, usize)>>,
    /// Slots that some record so far had, be it with a null.
    seen: Vec<bool>,
    /// Slot -> name of a derived value of a statement.
    derived: Vec<Option<&'static str>>,
    sites: Sites<'a>,
    /// Slots that read the name of another account of a statement, with the way to that account.
    accounts: Vec<(usize, Vec<Step>)>,
    /// Slot -> the account's id in the current record.
    named: Vec<Option<String>>,
    /// Accepted statements of sites that the feed does not declare.
    strangers: u64,
    /// The slot of the verb, with the feed's words for verbs.
    verb: Option<(usize, Values)>,
    verbs: Verbs,
    pseudonyms: &'a Pseudonyms,
    ignore: &'a [String],
    more_unknown: u64,
    undated: u64,
    voids: Vec<(Place, Vec<u8>)>,
    voids_bytes: usize,
    voiding: HashSet<String>,
    explode: Option<Explode>,
    pub records: u64,
}

struct Row<'a> {
    tape: &'a Tape,
    record: &'a [u8],
    found: &'a [Option<(usize, usize)>],
    derived: &'a [Option<&'static str>],
    named: &'a [Option<String>],
    statement: &'a Statement,
    /// The slot of the verb, and the word of the feed's that tells its meaning.
    verb: Option<(usize, &'a str)>,
}

impl Record for Row<'_> {
    #[inline]
    fn cell(&self, slot: usize) -> Cell<'_> {
        if let Some((_, verb)) = self.verb.filter(|(at, _)| *at == slot) {
            return Cell::Text(verb.as_bytes());
        }
        if let Some(name) = self.derived[slot] {
            return self.statement.cell(name);
        }
        if let Some(id) = &self.named[slot] {
            return Cell::Text(id.as_bytes());
        }
        self.found[slot].map_or(Cell::Missing, |(_, node)| self.tape.cell(node, self.record))
    }
}

impl<'a, E> Reader<'a, E> {
    fn new(
        feed: &'a Feed,
        context: &Context<'a>,
        refused: &'a HashSet<u64>,
        sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<Reader<'a, E>, Refusal> {
        // Keys may come late or never, so the first block is the one that is read.
        let Some(block) = feed.blocks.first() else { return Err(Refusal::new(Reason::MissingColumn, "")) };
        let bound = Bound::new(feed, block, context);
        let mut entries: Vec<Entry> = Vec::new();
        let mut by_name = HashMap::new();
        let mut derived = vec![None; bound.names.len()];
        let is_verb = |paths: &&[String]| feed.xapi && matches!(paths, [path] if path == verbs::PATH);
        let verb = bound.names.iter().position(is_verb).and_then(|slot| Some((slot, bound.values_of(slot)?.clone())));
        let mut accounts = Vec::new();
        let mut explode = feed.json_explode.as_deref().map(Explode::new);
        if let Some(explode) = &explode {
            by_name.insert(explode.head().to_owned(), 0);
            entries.push(Entry { name: explode.head().to_owned(), wants: Vec::new(), unknown: None });
        }
        for (slot, paths) in bound.names.iter().enumerate() {
            for (rank, path) in paths.iter().enumerate() {
                if path == super::RECORD {
                    derived[slot] = Some("@id");
                    continue;
                }
                if let Some(name) = xapi::VIRTUAL.iter().find(|name| feed.xapi && *name == path) {
                    derived[slot] = Some(*name);
                    continue;
                }
                if let Some(account) = xapi::account_of(path).filter(|_| feed.xapi) {
                    accounts.push((slot, steps(account)));
                }
                if explode.as_mut().is_some_and(|explode| explode.takes(slot, rank, path)) {
                    continue;
                }
                let mut steps = steps(path);
                let head = match steps.first() {
                    Some(Step::Key(_)) => steps.remove(0),
                    _ => continue,
                };
                let Step::Key(head) = head else { continue };
                let at = *by_name.entry(head.clone()).or_insert_with(|| {
                    entries.push(Entry { name: head, wants: Vec::new(), unknown: None });
                    entries.len() - 1
                });
                entries[at].wants.push(Want { slot, rank, rest: steps });
            }
        }
        Ok(Reader {
            found: vec![None; bound.names.len()],
            seen: derived.iter().map(Option::is_some).collect(),
            named: vec![None; bound.names.len()],
            sites: Sites::of(&feed.sites),
            accounts,
            strangers: 0,
            gate: Gate::new(feed, context, bound, refused, sink),
            feed,
            tape: Tape::default(),
            entries,
            by_name,
            expected: Vec::new(),
            derived,
            verb,
            verbs: Verbs::default(),
            pseudonyms: context.pseudonyms,
            ignore: &block.ignore,
            more_unknown: 0,
            undated: 0,
            voids: Vec::new(),
            voids_bytes: 0,
            voiding: HashSet::new(),
            explode,
            records: 0,
        })
    }

    /// The next record, whole but unread.
    pub fn take(&mut self, raw: &[u8], offset: u64) -> Result<(), Stop<E>> {
        if self.explode.is_some() {
            return self.take_elements(raw, offset);
        }
        self.records += 1;
        let place = Place { record: self.records, offset };
        self.read(raw, place, true)
    }

    /// The records of one object, one for each element of its array. An object without any element is left out.
    fn take_elements(&mut self, raw: &[u8], offset: u64) -> Result<(), Stop<E>> {
        let place = Place { record: self.records + 1, offset };
        if !self.parse(raw, place)? {
            self.records += 1;
            return Ok(());
        }
        let ways = self.explode.as_mut().map_or_else(Vec::new, |explode| explode.ways(&self.tape, raw));
        if ways.is_empty() {
            self.records += 1;
            return self.gate.leave_out(place);
        }
        self.find(raw)?;
        let around = self.found.clone();
        for way in ways {
            self.records += 1;
            self.found.copy_from_slice(&around);
            self.find_in(raw, &way);
            let place = Place { record: self.records, offset };
            let statement = match &self.explode {
                Some(explode) if self.derived.iter().any(Option::is_some) => {
                    Statement::of_text(&explode.canonical(&self.tape, raw, &way))
                }
                _ => Statement::default(),
            };
            self.hand_on(raw, place, &statement)?;
        }
        Ok(())
    }

    /// Parses an object; says whether it is one, after refusing it where it is not.
    fn parse(&mut self, raw: &[u8], place: Place) -> Result<bool, Stop<E>> {
        if let Err(reason) = self.tape.parse(raw, self.feed.limits.json_depth) {
            let spoiled = raw.contains(&0);
            if spoiled { self.gate.spoil(place, reason) } else { self.gate.reject(place, reason) }?;
            return Ok(false);
        }
        if !matches!(self.tape.root(), Some(Node::Object(_))) {
            self.gate.reject(place, Reason::NotObject)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn read(&mut self, raw: &[u8], place: Place, hold_voids: bool) -> Result<(), Stop<E>> {
        if !self.parse(raw, place)? {
            return Ok(());
        }
        let mut statement = Statement::default();
        let mut strangers = 0;
        let filters = !self.feed.select.filters.is_empty();
        if filters {
            self.find(raw)?;
            let (tape, found, derived) = (&self.tape, &self.found, &self.derived);
            let row = Row { tape, record: raw, found, derived, named: &self.named, statement: &statement, verb: None };
            if self.gate.bound.leaves_out(&row, &self.feed.select.nulls) {
                return self.gate.leave_out(place);
            }
        }
        if self.feed.xapi {
            match xapi::check(&self.tape, raw) {
                Err(reason) => return self.gate.reject(place, reason),
                Ok(valid) => statement = valid,
            }
            statement.hide_people(self.pseudonyms);
            if statement.voids.is_some() && hold_voids && self.voids_bytes < VOIDS_HELD {
                self.voiding.insert(statement.id().to_owned());
                self.voids_bytes += raw.len();
                self.voids.push((place, raw.to_vec()));
                return Ok(());
            }
            if statement.voids.as_ref().is_some_and(|target| self.voiding.contains(target)) {
                return self.gate.reject(place, Reason::VoidOfVoid);
            }
            self.undated += u64::from(statement.undated);
            let actor = std::mem::take(&mut statement.actor);
            let at = |refusal: Refusal| refusal.at(place.record, place.offset);
            let actor = self.sites.name(statement.home.as_deref(), actor).map_err(at)?;
            statement.actor = actor.id;
            let mut is_stranger = actor.is_stranger;
            for (slot, account) in &self.accounts {
                self.named[*slot] = None;
                let Some(account) = follow(&self.tape, raw, 0, account) else { continue };
                let text = |key: &str| match self.tape.node(self.tape.get(account, key.as_bytes(), raw)?) {
                    Node::Text(span) => std::str::from_utf8(self.tape.text(span, raw)).ok(),
                    _ => None,
                };
                let (Some(home), Some(name)) = (text("homePage"), text("name")) else { continue };
                let named = self.sites.name(Some(home), name.to_owned()).map_err(at)?;
                is_stranger |= named.is_stranger;
                self.named[*slot] = Some(named.id);
            }
            if is_stranger && statement.voids.is_none() {
                strangers = 1;
            }
        } else if self.derived.iter().any(Option::is_some) {
            statement = Statement::identified(&self.tape, raw);
        }
        if !filters {
            self.find(raw)?;
        }
        let accepted = self.gate.intake.accepted;
        self.hand_on(raw, place, &statement)?;
        self.strangers += if self.gate.intake.accepted > accepted { strangers } else { 0 };
        Ok(())
    }

    /// Hands the record that was found on to the gate.
    fn hand_on(&mut self, raw: &[u8], place: Place, statement: &Statement) -> Result<(), Stop<E>> {
        let verb = self.verb.as_ref().and_then(|(slot, values)| {
            let slot = *slot;
            let node = self.tape.node(self.found[slot]?.1);
            let Node::Text(span) = node else { return None };
            let verb = std::str::from_utf8(self.tape.text(span, raw)).ok()?;
            Some((slot, self.verbs.key(verb, statement.incomplete, statement.kind(), values)))
        });
        let row = Row {
            tape: &self.tape,
            record: raw,
            found: &self.found,
            derived: &self.derived,
            named: &self.named,
            statement,
            verb: verb.as_ref().map(|(slot, verb)| (*slot, &**verb)),
        };
        self.gate.accept(place, &row)
    }

    /// Finds the wanted values of the parsed record.
    fn find(&mut self, raw: &[u8]) -> Result<(), Refusal> {
        self.found.fill(None);
        for (nth, (span, value)) in self.tape.entries(0).enumerate() {
            let key = self.tape.text(span, raw);
            let guess = self.expected.get(nth).copied().filter(|&at| self.entries[at].name.as_bytes() == key);
            let at = match guess {
                Some(at) => at,
                None => {
                    let Ok(name) = std::str::from_utf8(key) else { continue };
                    let at = match self.by_name.get(name) {
                        Some(&at) => at,
                        None if self.entries.len() > UNKNOWN_KEYS + 1_000 => {
                            self.more_unknown += 1;
                            continue;
                        }
                        None => {
                            let known = super::is_ignored(name, self.ignore)
                                || (self.feed.xapi && xapi::PROPERTIES.contains(&name));
                            self.entries.push(Entry {
                                name: name.to_owned(),
                                wants: Vec::new(),
                                unknown: (!known).then_some(0),
                            });
                            self.by_name.insert(name.to_owned(), self.entries.len() - 1);
                            self.entries.len() - 1
                        }
                    };
                    if nth < self.expected.len() {
                        self.expected[nth] = at;
                    } else if nth == self.expected.len() {
                        self.expected.push(at);
                    }
                    at
                }
            };
            if let Some(count) = &mut self.entries[at].unknown {
                *count += 1;
                if self.feed.strict {
                    let name = self.entries[at].name.chars().take(100).flat_map(char::escape_debug).collect::<String>();
                    return Err(Refusal::new(Reason::UnknownColumn, format!("`{name}`")).at(self.records, 0));
                }
            }
            for want in &self.entries[at].wants {
                let Some(node) = follow(&self.tape, raw, value, &want.rest) else { continue };
                note(&self.tape, &mut self.found, &mut self.seen, (want.slot, want.rank, node));
            }
        }
        Ok(())
    }

    /// Adds the wanted values of one element of the record's array.
    fn find_in(&mut self, raw: &[u8], way: &Way) {
        let Some(explode) = &self.explode else { return };
        let (tape, found, seen) = (&self.tape, &mut self.found, &mut self.seen);
        explode.find(tape, raw, way, |slot, rank, node| note(tape, found, seen, (slot, rank, node)));
    }

    fn finish(mut self, source: &Source<'_>) -> Result<Intake, Stop<E>> {
        for (place, raw) in std::mem::take(&mut self.voids) {
            self.read(&raw, place, false)?;
        }
        let mut gate = self.gate;
        if let Some(explode) = self.explode.as_ref().filter(|explode| !explode.seen && gate.intake.filtered > 0) {
            let what = format!("no record has the array `{}` of json.explode", explode.path());
            return Err(Refusal::new(Reason::MissingColumn, what).into());
        }
        // A key that was renamed would leave every record out, or let every one in.
        if gate.intake.read > 0
            && !self.feed.xapi
            && let Some(name) = gate.bound.unasked(&|slot| self.seen[slot])
        {
            let what = format!("no record has `{name}`, which `where` asks for");
            return Err(Refusal::new(Reason::MissingColumn, what).into());
        }
        // There is no header, so a key that no record has is what a column that is not there is. Statements say what they say.
        if gate.upserts() > 0 && !self.feed.xapi {
            let lacking = gate.bound.lacking(&|slot| self.seen[slot]);
            gate.lack(lacking);
        }
        gate.intake.rejected.sort_by_key(|reject| reject.record);
        gate.intake.blank_lines = source.blank;
        gate.intake.sites = self.sites.only.into_iter().collect();
        if self.strangers > 0 {
            let slot = self.derived.iter().position(|name| *name == Some(xapi::ACTOR));
            let slot = slot.or_else(|| self.accounts.first().map(|(slot, _)| *slot));
            let column = slot.and_then(|slot| gate.bound.column_of(slot)).map(|column| column.name.as_str());
            gate.intake.warnings.push(Warning::new("site", column, self.strangers));
        }
        let warnings = &mut gate.intake.warnings;
        for entry in &self.entries {
            if let Some(count) = entry.unknown.filter(|count| *count > 0) {
                warnings.push(Warning::new("unknown_column", Some(&entry.name), count));
            }
        }
        if self.more_unknown > 0 {
            warnings.push(Warning::new("unknown_column", None, self.more_unknown));
        }
        if self.undated > 0 {
            warnings.push(Warning::new("stored_for_timestamp", None, self.undated));
        }
        if source.blank > 0 {
            warnings.push(Warning::new("blank_lines", None, source.blank));
        }
        if !source.text.ends_in_newline {
            warnings.push(Warning::new("no_final_newline", None, 1));
        }
        gate.finish()
    }
}

/// Notes a value of a slot, unless a better one stands there: of alternatives the first that is no null.
fn note(
    tape: &Tape,
    found: &mut [Option<(usize, usize)>],
    seen: &mut [bool],
    (slot, rank, node): (usize, usize, usize),
) {
    let null = tape.node(node) == Node::Null;
    let better = match found[slot] {
        None => true,
        Some((held, old)) => {
            let old_null = tape.node(old) == Node::Null;
            (old_null && !null) || (old_null == null && rank < held)
        }
    };
    if better {
        found[slot] = Some((rank, node));
        seen[slot] = true;
    }
}
