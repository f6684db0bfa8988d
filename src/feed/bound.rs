//! The columns of a feed, bound to what one source delivers: by slot, by part, by value of the path.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::cast::TextRule;
use super::combined::Combined;
use super::context::Context;
use super::feed::{Action, Block, Feed, Mapping, Mode, Named, Source, Values};
use super::headers::HeaderPattern;
use super::ids;
use super::moment::Frame;
use super::record::Record;
use super::selection::{Choice, Filter};
use super::time::Format;
use crate::contract::{Column, Made, Table, Type};

/// Columns of one header block bound to the slots of a source.
pub(crate) struct Bound<'a> {
    /// Header names or JSON paths the source must deliver, each list an alternative; position = slot.
    pub names: Vec<&'a [String]>,
    /// Slots that are not one name but any of a pattern.
    pub patterns: BTreeMap<usize, &'a HeaderPattern>,
    pub(super) columns: Vec<Target<'a>>,
    pub(super) action: Option<(usize, &'a Action)>,
    /// What columns of several parts are made of.
    pub(super) parts: Vec<Slot<'a>>,
    /// Values that stand in the path of the delivery.
    pub(super) paths: Vec<String>,
    /// Where a row may be about nobody in particular: the stored columns that name and that count.
    pub(super) anonymous: Option<(usize, usize)>,
    /// Slots of the columns that say which records count.
    pub(super) filters: Vec<(usize, &'a Filter)>,
    pub(super) annul: Option<(usize, &'a Choice)>,
    pub(super) primary: Option<(usize, &'a Choice)>,
    pub(super) order_by: Option<usize>,
}

pub(super) struct Target<'a> {
    pub(super) column: &'a Column,
    pub(super) stored: usize,
    pub(super) source: Slot<'a>,
    pub(super) rule: TextRule<'a>,
    pub(super) required: bool,
    pub(super) key: bool,
    /// A bad value refuses the record. In every other column it empties the cell, for no measure is worth a fact.
    pub(super) binds: bool,
    /// Printable ASCII passes unchanged: nothing is mapped, closed, folded or made a pseudonym.
    pub(super) as_is: bool,
    pub(super) frame: Frame,
    /// The stored column that says what kind of id this one holds (`by:subject_kind`).
    pub(super) kind_at: Option<usize>,
    /// The column of instants of which this one says whether a value was told as a day.
    pub(super) is_day_of: Option<usize>,
    /// What is made of a text that is not kept, and the text's own mapping.
    pub(super) made: Option<(Made, Slot<'a>, &'a Mapping)>,
    /// The slot a number is divided by.
    pub(super) divisor: Option<usize>,
    /// The slot that names the zone of each record's time.
    pub(super) zone_at: Option<usize>,
    /// The zone where a record names none.
    pub(super) zone: Option<chrono_tz::Tz>,
    /// It is the key of snapshots, of which zeros before ids are remembered.
    pub(super) counts_zeros: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Slot<'a> {
    Nothing,
    Constant(&'a str),
    At(usize),
    /// A value of the path.
    Path(usize),
    /// The first of these parts with a value.
    First(usize, usize),
    /// All of these parts, with a text between them.
    Joined(usize, usize, &'a str),
    /// What the words of these parts mean together.
    Combined(usize, usize, &'a Combined),
}

impl<'a> Bound<'a> {
    pub fn new(feed: &'a Feed, block: &'a Block, context: &Context<'a>) -> Bound<'a> {
        let table: &'a Table = context.table;
        let latest = context.as_of.timestamp_micros() + context.future_skew_seconds * 1_000_000;
        let mut slots = Slots { given: feed.path_values(context.path), ..Slots::default() };
        let mut columns = Vec::new();
        // Of a row that completes another one nothing is needed but whose it is.
        let is_needed = |column: &Column| column.required && (column.key || feed.completes.is_none());
        // A text that is not kept is read for what is made of it, and not at all where nothing is.
        let made_of = |name: &str| table.stored().any(|column| column.made_of().is_some_and(|(_, of)| of == name));
        let passing: Vec<(&str, Slot<'a>, &'a Mapping)> = table
            .columns
            .iter()
            .zip(&block.columns)
            .filter(|(column, _)| column.transient && made_of(&column.name))
            .map(|(column, mapping)| (column.name.as_str(), slots.of(&mapping.source), mapping))
            .collect();
        for (column, mapping) in table.columns.iter().zip(&block.columns) {
            if column.transient {
                continue;
            }
            let source = slots.of(&mapping.source);
            let divisor = mapping.divide_by.as_ref().map(|name| slots.add(std::slice::from_ref(name)));
            let zone_at = mapping.zone_from.as_ref().map(|name| slots.add(std::slice::from_ref(name)));
            let made = column.made_of().and_then(|(made, of)| {
                let (_, slot, mapping) = passing.iter().find(|(name, ..)| *name == of)?;
                Some((made, *slot, *mapping))
            });
            let is_day_of =
                column.is_day_of().and_then(|of| columns.iter().position(|told: &Target<'_>| told.column.name == of));
            let domain = column.domain.as_deref().filter(|_| column.made_of().is_none() && is_day_of.is_none());
            let by = domain.and_then(|domain| domain.strip_prefix("by:"));
            let identifier =
                domain.is_some() || column.key || !column.values.is_empty() || column.name.ends_with("_id");
            columns.push(Target {
                column,
                stored: columns.len(),
                // A row of a snapshot that does not say since when it holds takes the snapshot's day.
                required: is_needed(column)
                    && (feed.anonymous || !matches!(source, Slot::Nothing))
                    && !(feed.mode == Mode::Full && column.name == "effective_from" && mapping.optional),
                source,
                key: column.key && column.required,
                binds: column.key || is_needed(column),
                as_is: column.values.is_empty() && domain.is_none() && made.is_none() && mapping.is_plain_text(),
                rule: TextRule {
                    mapping: Cow::Borrowed(mapping),
                    identifier,
                    ids: ids::holds_ids(column),
                    closed: &column.values,
                    domain: if by.is_some() { None } else { domain },
                    list: column.name.ends_with("_ids"),
                    pseudonyms: context.pseudonyms,
                },
                frame: Frame {
                    zone: context.zone,
                    edge: column.day,
                    latest: column.happened.then_some(latest),
                    required: column.required,
                },
                is_day_of,
                kind_at: by.and_then(|by| table.stored().position(|other| other.name == by)),
                made,
                divisor,
                zone_at,
                zone: mapping.zone,
                counts_zeros: column.key
                    && feed.mode == Mode::Full
                    && mapping.values.is_none()
                    && mapping.extract.is_none()
                    && ids::holds_ids(column),
            });
        }
        let action = feed.action.as_ref().map(|action| (slots.add(std::slice::from_ref(&action.from)), action));
        let select = &feed.select;
        let filters = select.filters.iter().map(|filter| (slots.add(&filter.columns), filter)).collect();
        let mut named = |column: &'a String| slots.add(std::slice::from_ref(column));
        let mut choice = |choice: &'a Option<Choice>| choice.as_ref().map(|choice| (named(&choice.column), choice));
        let (annul, primary) = (choice(&select.annul), choice(&select.primary));
        let order_by = select.order_by.as_ref().map(named);
        let stored = |name: &str| table.stored().position(|column| column.name == name);
        let anonymous = table.anonymous.as_ref().filter(|_| feed.anonymous);
        let anonymous = anonymous.and_then(|anonymous| stored(&anonymous.who).zip(stored(&anonymous.count)));
        let Slots { names, patterns, parts, paths, .. } = slots;
        Bound { names, patterns, columns, action, parts, paths, anonymous, filters, annul, primary, order_by }
    }

    /// Whether the feed leaves this record out before anything is judged.
    pub fn leaves_out<R: Record>(&self, record: &R, nulls: &[String]) -> bool {
        self.filters.iter().any(|(slot, filter)| !filter.keeps(record.cell(*slot), nulls))
    }

    /// The key of the feed file that asks for a slot which fills no canon column.
    pub fn key_of(&self, slot: usize) -> &'static str {
        let is = |choice: &Option<(usize, &Choice)>| choice.is_some_and(|(at, _)| at == slot);
        if self.filters.iter().any(|(at, _)| *at == slot) {
            "where"
        } else if is(&self.annul) {
            "annul"
        } else if is(&self.primary) {
            "primary"
        } else if self.order_by == Some(slot) {
            "order_by"
        } else {
            "action"
        }
    }

    /// Whether the source may lack the slot's column.
    pub fn optional(&self, slot: usize) -> bool {
        let chosen = self.annul.iter().chain(&self.primary).any(|(at, choice)| *at == slot && choice.optional);
        let asked = self.filters.iter().any(|(at, filter)| *at == slot && filter.optional);
        chosen
            || asked
            || self.columns.iter().any(|target| {
                let passing = target.made.filter(|(_, source, _)| self.reads(*source, slot));
                let is_beside = target.divisor == Some(slot) || target.zone_at == Some(slot);
                (self.reads(target.source, slot) || is_beside) && target.rule.mapping.optional
                    || passing.is_some_and(|(.., mapping)| mapping.optional)
            })
    }

    /// Whether another alternative of the slot's column is there, by what `found` says of each slot.
    pub fn another(&self, slot: usize, found: &dyn Fn(usize) -> bool) -> bool {
        self.columns
            .iter()
            .flat_map(|target| [Some(target.source), target.made.map(|(_, source, _)| source)])
            .flatten()
            .any(|source| matches!(source, Slot::First(..)) && self.reads(source, slot) && self.is_there(source, found))
    }

    fn reads(&self, source: Slot<'_>, slot: usize) -> bool {
        match source {
            Slot::At(at) => at == slot,
            Slot::First(from, to) | Slot::Joined(from, to, _) | Slot::Combined(from, to, _) => {
                self.parts[from..to].iter().any(|part| matches!(part, Slot::At(at) if *at == slot))
            }
            Slot::Nothing | Slot::Constant(_) | Slot::Path(_) => false,
        }
    }

    /// Whether the source has what a column is read from.
    fn is_there(&self, source: Slot<'_>, found: &dyn Fn(usize) -> bool) -> bool {
        let part = |part: &Slot<'_>| match part {
            Slot::At(at) => found(*at),
            _ => true,
        };
        match source {
            Slot::At(at) => found(at),
            Slot::First(from, to) => self.parts[from..to].iter().any(part),
            Slot::Joined(from, to, _) | Slot::Combined(from, to, _) => self.parts[from..to].iter().all(part),
            Slot::Nothing | Slot::Constant(_) | Slot::Path(_) => true,
        }
    }

    /// Of the columns that `where` asks for one that the source lacks, by what `found` says of each slot. That none of it is filled can be meant.
    pub fn unasked(&self, found: &dyn Fn(usize) -> bool) -> Option<&'a str> {
        let lacks = |(slot, filter): &&(usize, &'a Filter)| !found(*slot) && !filter.optional && !filter.keeps_empty();
        self.filters.iter().find(lacks).and_then(|(_, filter)| filter.columns.first().map(String::as_str))
    }

    /// The optional columns that the source lacks, by what `found` says of each slot. They are not read: what was known stays.
    pub fn lacking(&self, found: &dyn Fn(usize) -> bool) -> Vec<String> {
        let lacks = |target: &&Target<'a>| {
            let beside = [target.divisor, target.zone_at].into_iter().flatten();
            let is_there = self.is_there(target.source, found) && beside.into_iter().all(found);
            !target.column.required && target.made.is_none() && target.rule.mapping.optional && !is_there
        };
        self.columns.iter().filter(lacks).map(|target| target.column.name.clone()).collect()
    }

    /// Optional columns that this block does not map and another of the feed does: an export of the other shape had them.
    pub fn unmapped(&self, feed: &Feed) -> Vec<String> {
        let is_mapped = |name: &str| {
            let place = feed.columns.iter().position(|column| column == name);
            place.is_some_and(|at| feed.blocks.iter().any(|block| !matches!(block.columns[at].source, Source::Nothing)))
        };
        let lacks = |target: &&Target<'a>| {
            !target.column.required && matches!(target.source, Slot::Nothing) && is_mapped(&target.column.name)
        };
        self.columns.iter().filter(lacks).map(|target| target.column.name.clone()).collect()
    }

    /// Gives up reading columns that the source lacks.
    pub fn give_up(&mut self, lacking: &[String]) {
        for target in self.columns.iter_mut().filter(|target| lacking.contains(&target.column.name)) {
            (target.source, target.divisor, target.zone_at) = (Slot::Nothing, None, None);
        }
    }

    /// Reads a column that has several names from the only one of them that the source has.
    pub fn take_only(&mut self, found: &dyn Fn(usize) -> bool) {
        let is_there = |part: &&Slot<'a>| match part {
            Slot::At(slot) => found(*slot),
            Slot::Nothing => false,
            _ => true,
        };
        for target in &mut self.columns {
            let Slot::First(from, to) = target.source else { continue };
            let mut there = self.parts[from..to].iter().filter(is_there);
            if let (Some(only @ Slot::At(_)), None) = (there.next(), there.next()) {
                target.source = *only;
            }
        }
    }

    /// Takes the zone that a header names as the one in which its column's times are, unless the column has one of its own.
    pub fn take_zone(&mut self, slot: usize, zone: chrono_tz::Tz) {
        let at = (0..self.columns.len()).find(|at| self.reads(self.columns[*at].source, slot));
        let Some(target) = at.map(|at| &mut self.columns[at]) else { return };
        if !target.rule.mapping.own_zone {
            target.rule.mapping.to_mut().zone = Some(zone);
        }
    }

    /// The canon column read from a slot.
    pub fn column_of(&self, slot: usize) -> Option<&'a Column> {
        self.target_of(slot).map(|target| target.column)
    }

    fn target_of(&self, slot: usize) -> Option<&Target<'a>> {
        self.columns.iter().find(|target| {
            self.reads(target.source, slot) || target.made.is_some_and(|(_, source, _)| self.reads(source, slot))
        })
    }

    /// What a slot holds, as far as a typed source has to fit it: words of a value map may be any type, a divisor is a number.
    pub fn wants(&self, slot: usize) -> Wants {
        let Some(target) = self.target_of(slot) else {
            let divides = self.columns.iter().any(|target| target.divisor == Some(slot));
            return if divides { Wants::Type(Type::Double) } else { Wants::Any };
        };
        match (target.source, &target.rule.mapping.values) {
            (Slot::Combined(..), _) | (_, Some(_)) => Wants::Any,
            _ => Wants::Type(target.column.data_type),
        }
    }

    /// Whether a declared date format of the slot's column is one of numbers.
    pub fn takes_numbers(&self, slot: usize) -> bool {
        self.columns.iter().any(|target| {
            let formats = &target.rule.mapping.formats;
            matches!(target.source, Slot::At(at) if at == slot) && formats.iter().any(Format::takes_numbers)
        })
    }

    /// The value map through which the slot's column is read, if any.
    pub fn values_of(&self, slot: usize) -> Option<&Values> {
        let target = self.columns.iter().find(|target| matches!(target.source, Slot::At(at) if at == slot))?;
        target.rule.mapping.values.as_ref()
    }

    /// The zone in which the slot's column reads local times, if any.
    pub fn has_zone(&self, slot: usize) -> bool {
        self.columns.iter().any(|target| self.reads(target.source, slot) && target.rule.mapping.zone.is_some())
    }
}

/// What a typed source has to hold in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    Any,
    Type(Type),
}

/// Slots and parts on the way to a [`Bound`].
#[derive(Default)]
struct Slots<'a> {
    names: Vec<&'a [String]>,
    patterns: BTreeMap<usize, &'a HeaderPattern>,
    parts: Vec<Slot<'a>>,
    paths: Vec<String>,
    given: BTreeMap<String, String>,
}

impl<'a> Slots<'a> {
    /// A slot for a name that the source must deliver.
    fn add(&mut self, names: &'a [String]) -> usize {
        self.names.push(names);
        self.names.len() - 1
    }

    fn part(&mut self, named: &'a Named) -> Slot<'a> {
        match named {
            Named::Header(name) => Slot::At(self.add(std::slice::from_ref(name))),
            Named::Like(name, pattern) => {
                let slot = self.add(std::slice::from_ref(name));
                self.patterns.insert(slot, pattern);
                Slot::At(slot)
            }
            Named::Path(name) => {
                self.paths.push(self.given.get(name).cloned().unwrap_or_default());
                Slot::Path(self.paths.len() - 1)
            }
        }
    }

    fn of(&mut self, source: &'a Source) -> Slot<'a> {
        let (list, whole): (&'a [Named], &dyn Fn(usize, usize) -> Slot<'a>) = match source {
            Source::Nothing => return Slot::Nothing,
            Source::Constant(text) => return Slot::Constant(text),
            Source::First(list) => match list.as_slice() {
                [only] => return self.part(only),
                list => (list, &Slot::First),
            },
            Source::Joined(list, between) => (list, &|from, to| Slot::Joined(from, to, between)),
            Source::Combined(list, combined) => (list, &|from, to| Slot::Combined(from, to, combined)),
        };
        let parts: Vec<Slot<'a>> = list.iter().map(|named| self.part(named)).collect();
        let from = self.parts.len();
        self.parts.extend(parts);
        whole(from, self.parts.len())
    }
}
