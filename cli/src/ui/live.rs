use super::about::About;
use super::colours::Colours;
use super::lines::escaped;
use super::terminal::{Terminal, columns};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The lines below all others that change: what is under way of each image, and since when.
#[derive(Debug)]
pub(super) struct Live {
    lines: MultiProgress,
    colours: Colours,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    each: BTreeMap<About, ProgressBar>,
    /// How far the images of a solution are, below the line of each.
    all: Option<ProgressBar>,
    is_over: bool,
}

/// How often the time is written anew.
const TICK: Duration = Duration::from_millis(100);
/// How often something is drawn at most, in a second.
const DRAWS: u8 = 20;
/// As wide as the words that begin lines.
const WORD: usize = 8;
/// The columns of a time, and what is around it.
const TIME: usize = 10;

impl Live {
    pub(super) fn new(colours: Colours) -> Self {
        let target = ProgressDrawTarget::term_like_with_hz(Box::<Terminal>::default(), DRAWS);
        Self {
            lines: MultiProgress::with_draw_target(target),
            colours,
            shown: Mutex::default(),
        }
    }

    /// Shows what begins now; it takes the place of what was under way of the same image.
    pub(super) fn begin(&self, about: &About, what: &str, detail: &str) {
        let mut shown = self.shown();
        if shown.is_over {
            return;
        }
        let line = match shown.each.get(about) {
            Some(line) => line.clone(),
            None => self.line(&mut shown, about),
        };
        line.set_style(style());
        let name = about.name.as_deref().map(|name| self.colours.name(name));
        let word = self.colours.under_way(&format!("{what:WORD$}"));
        line.set_prefix(format!(
            "{}{word}",
            name.map_or_else(String::new, |name| name + "  ")
        ));
        line.reset_elapsed();
        line.set_message(escaped(detail));
    }

    /// Shows how far it is.
    pub(super) fn detail(&self, about: &About, detail: &str) {
        if let Some(line) = self.shown().each.get(about) {
            line.set_message(escaped(detail));
        }
    }

    /// Shows that nothing is under way of an image.
    pub(super) fn idle(&self, about: &About) {
        // Its line is kept, and keeps its place: one that is taken away may stay where it was drawn.
        if let Some(line) = self.shown().each.get(about) {
            line.set_message("");
            line.set_style(no_line());
            line.force_draw();
        }
    }

    /// Shows how many images of a solution are done.
    pub(super) fn count(&self, text: &str) {
        let mut shown = self.shown();
        if shown.is_over {
            return;
        }
        let line = shown.all.get_or_insert_with(|| {
            let line = self.lines.add(ProgressBar::no_length());
            line.set_style(style());
            line.set_prefix(self.colours.under_way(&format!("{:WORD$}", "solution")));
            line.enable_steady_tick(TICK);
            line
        });
        line.set_message(escaped(text));
    }

    /// Shows that no more images of a solution will be done.
    pub(super) fn counted(&self) {
        if let Some(line) = &self.shown().all {
            line.set_style(no_line());
            line.force_draw();
        }
    }

    /// Writes something that stays, above the lines that change.
    pub(super) fn above(&self, write: impl FnOnce()) {
        self.lines.suspend(write);
    }

    /// Takes the lines that change away, for good: what comes is said by others.
    pub(super) fn end(&self) {
        let mut shown = self.shown();
        shown.is_over = true;
        let each = std::mem::take(&mut shown.each);
        for line in each.into_values().chain(shown.all.take()) {
            line.finish_and_clear();
        }
    }

    fn line(&self, shown: &mut Shown, about: &About) -> ProgressBar {
        let new = ProgressBar::no_length();
        let line = match &shown.all {
            Some(all) => self.lines.insert_before(all, new),
            None => self.lines.add(new),
        };
        line.enable_steady_tick(TICK);
        shown.each.insert(about.clone(), line.clone());
        line
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns for how many columns of a detail there is room beside what else is in the line.
pub(super) fn room(about: &About) -> usize {
    let name = about.name.as_deref().map_or(0, |name| name.len() + 2);
    usize::from(columns()).saturating_sub(name + WORD + TIME)
}

fn no_line() -> ProgressStyle {
    ProgressStyle::with_template("").expect("the template is a constant")
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix} {time:>7}  {wide_msg}");
    let style = style.expect("the template is a constant");
    style.with_key("time", |state: &ProgressState, to: &mut dyn Write| {
        let _infallible = to.write_str(&ticking(state.elapsed()));
    })
}

/// Writes a time that is not over yet: its width does not jump from one tick to the next.
fn ticking(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ ..60 => format!("{seconds}.{} s", elapsed.subsec_millis() / 100),
        seconds => format!("{} m {:02}", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::ticking;
    use std::time::Duration;

    #[test]
    fn a_time_that_ticks_has_room() {
        let written = [40, 3_960, 59_990, 61_000, 3_600_000]
            .map(|milliseconds| ticking(Duration::from_millis(milliseconds)));
        assert_eq!(written, ["0.0 s", "3.9 s", "59.9 s", "1 m 01", "60 m 00"]);
    }
}
