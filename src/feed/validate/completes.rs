//! The keys of a feed that completes the rows of another one.

use crate::contract::Table;
use crate::feed::feed::{Block, Mapping, Source};
use crate::feed::spec::FeedFile;

/// The table whose rows one export may tell in part.
const TABLE: &str = "workers";
const STATUS: &str = "status";
/// The one thing that a layer may say of a status: the export of absences lists the days on which somebody active is not at work.
const LEAVE: &str = "leave";

/// Refuses a layer that could not complete anything, or would say what only its spine can.
pub(super) fn declared(file: &FeedFile, name: &str, table: &Table, blocks: &[Block]) -> Result<(), String> {
    let Some(spine) = &file.completes else { return Ok(()) };
    if table.name != TABLE {
        return Err(format!("completes is for feeds of {TABLE}; this one fills {}", table.name));
    }
    if spine == name || spine.is_empty() {
        return Err("completes names the feed whose rows are completed, which is another one".into());
    }
    if file.headers.is_empty() {
        return Err("completes: say in [[headers]] which columns the export speaks of".into());
    }
    let is_own = |column: &str| column != "worker_id" && column != "effective_from" && column != "effective_to";
    let mapped = |name: &str| blocks.iter().filter_map(|block| mapping(table, block, name)).any(is_mapped);
    if !table.columns.iter().any(|column| is_own(&column.name) && mapped(&column.name)) {
        return Err("completes has no effect: the feed maps nothing but the worker and days".into());
    }
    if file.gates.headcount_change.is_some() || file.limits.headcount_change.is_some() {
        return Err(format!("headcount_change has no effect: `{spine}` says how many people work here"));
    }
    if !blocks.iter().filter_map(|block| mapping(table, block, STATUS)).all(says_leave_alone) {
        return Err(format!(
            "status: `{spine}` says who is employed; a feed that completes it may say `{LEAVE}` and nothing else: `value = \"{LEAVE}\"`, or `values` with that word and \"\""
        ));
    }
    if file.reach_back == Some(true) && tells_of_leave(file, table, blocks) {
        return Err("reach_back has no effect: a leave begins on its own first day".into());
    }
    Ok(())
}

/// Whether a layer says when somebody is on leave.
pub(super) fn tells_of_leave(file: &FeedFile, table: &Table, blocks: &[Block]) -> bool {
    file.completes.is_some() && blocks.iter().filter_map(|block| mapping(table, block, STATUS)).any(is_mapped)
}

fn mapping<'b>(table: &Table, block: &'b Block, name: &str) -> Option<&'b Mapping> {
    table.columns.iter().position(|column| column.name == name).and_then(|at| block.columns.get(at))
}

fn is_mapped(mapping: &Mapping) -> bool {
    !matches!(mapping.source, Source::Nothing)
}

fn says_leave_alone(mapping: &Mapping) -> bool {
    let is_leave = |word: &str| word.is_empty() || word == LEAVE;
    match &mapping.source {
        Source::Nothing => true,
        Source::Constant(word) => is_leave(word),
        Source::Combined(_, combined) => combined.meanings().all(is_leave),
        Source::First(_) | Source::Joined(..) => mapping.values.as_ref().is_some_and(|values| {
            !values.map.is_empty() && values.map.values().chain(&values.default).all(|word| is_leave(word))
        }),
    }
}
