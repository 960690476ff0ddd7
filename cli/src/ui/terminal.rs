use super::output::say;
use indicatif::TermLike;
use rustix::{stdio, termios};
use std::io;
use std::sync::{Mutex, PoisonError};

/// What is assumed where stderr does not know.
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// Returns how many columns stderr has.
pub(super) fn columns() -> u16 {
    window().0
}

/// The terminal behind stderr. What is drawn goes out in one piece, so that a line is never seen half
/// made; where stderr is no terminal the same is written, for `--progress rich` asks for it.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    drawn: Mutex<Drawn>,
}

#[derive(Debug, Default)]
struct Drawn {
    text: String,
    /// Whether a line is whole, and the next one begins below it.
    is_whole: bool,
}

impl Terminal {
    fn draw(&self, text: &str) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.text.push_str(text);
    }

    fn cursor(&self, cells: usize, direction: char) {
        // Nothing is one as well: `ESC [ 0 A` moves.
        if cells > 0 {
            self.draw(&format!("\x1b[{cells}{direction}"));
        }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        columns()
    }

    fn height(&self) -> u16 {
        window().1
    }

    fn move_cursor_up(&self, cells: usize) -> io::Result<()> {
        self.cursor(cells, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, cells: usize) -> io::Result<()> {
        self.cursor(cells, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, cells: usize) -> io::Result<()> {
        self.cursor(cells, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, cells: usize) -> io::Result<()> {
        self.cursor(cells, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(text);
        self.draw("\n");
        Ok(())
    }

    // Each line comes with the spaces that fill it after it, so that the terminal breaks it. A terminal
    // that gets narrower would break these as well, and what is above could not be found any more.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if text.chars().all(|it| it == ' ') {
            drawn.is_whole = true;
        } else {
            if std::mem::take(&mut drawn.is_whole) {
                drawn.text.push('\n');
            }
            drawn.text.push_str(text);
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        say(&std::mem::take(&mut *drawn).text);
        Ok(())
    }
}

fn window() -> (u16, u16) {
    match termios::tcgetwinsize(stdio::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        // Also a terminal that was never told.
        _ => (COLUMNS, ROWS),
    }
}
