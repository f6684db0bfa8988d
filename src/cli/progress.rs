//! What a person at a terminal sees while a run works: a bar over the deliveries, whose end is known beforehand, then what it is at.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal;
use crate::pipeline::{Planned, Stage};

/// How often the time and the wheel move.
const TICK: Duration = Duration::from_millis(200);

/// A bar, then a wheel, on a terminal; nothing elsewhere.
pub struct Progress(ProgressBar);

/// A wheel with a message, for work whose end is not known.
pub fn counter() -> ProgressBar {
    ProgressBar::with_draw_target(None, target()).with_style(styled("{spinner} {wide_msg}  {elapsed}"))
}

/// The terminal, or nowhere.
fn target() -> ProgressDrawTarget {
    let is_seen = std::io::IsTerminal::is_terminal(&std::io::stderr());
    if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

impl Progress {
    pub fn new() -> Progress {
        Progress::on(target())
    }

    fn on(target: ProgressDrawTarget) -> Progress {
        let bar = ProgressBar::with_draw_target(None, target);
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Progress(bar)
    }

    /// The run has come to a stage. Deliveries that are read again count from the beginning.
    pub fn stage(&self, stage: Stage) {
        let Progress(bar) = self;
        match stage {
            Stage::Reading(0) => {}
            Stage::Reading(deliveries) => {
                bar.set_style(styled("{bar:30} {pos} of {len} deliveries  {elapsed}  {wide_msg}"));
                bar.set_position(0);
                bar.set_length(deliveries as u64);
            }
            _ => bar.set_style(styled("{spinner} {wide_msg}  {elapsed}")),
        }
        bar.set_message(stage.words());
    }

    /// A delivery was read.
    pub fn read(&self, planned: &Planned) {
        self.0.set_message(terminal::plain(&planned.delivery.path));
        self.0.inc(1);
    }

    /// The run is over: nothing of it stays on the screen.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn styled(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_bar_is_known_before_the_first_delivery_and_every_stage_after_it_has_words() {
        let progress = Progress::on(ProgressDrawTarget::hidden());
        progress.stage(Stage::Reading(3));
        assert_eq!((progress.0.position(), progress.0.length()), (0, Some(3)));
        progress.0.inc(2);
        assert_eq!((progress.0.position(), progress.0.length()), (2, Some(3)), "the end stays where it is");
        progress.stage(Stage::Reading(5));
        assert_eq!((progress.0.position(), progress.0.length()), (0, Some(5)), "read again from the beginning");
        for stage in [Stage::People, Stage::Days, Stage::Tables, Stage::Publishing] {
            progress.stage(stage);
            assert!(!progress.0.message().is_empty());
        }
        assert_eq!(progress.0.message(), "publishing");
        progress.end();
        assert!(progress.0.is_finished());
    }
}
