//! What the pages on security promise is held by tests that exist.

use crate::support::testdata;
use fs_err as fs;
use std::collections::BTreeSet;
use std::path::Path;

/// Adds the names of the functions that are tests in the sources below `folder`.
fn add_tests(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                add_tests(&path, tests);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for after in text.split("#[test]").skip(1) {
                // Behind other attributes, and of its own name alone.
                let name = after
                    .split("fn ")
                    .nth(1)
                    .and_then(|rest| rest.split('(').next());
                tests.extend(name.map(str::to_owned));
            }
        }
    }
}

/// The rows of a page's tables, each as its cells.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(testdata("../docs").join(page)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| {
        row.trim_matches('|')
            .split(" | ")
            .map(|it| it.trim().to_owned())
    });
    cells.map(Iterator::collect).collect()
}

#[test]
fn every_test_that_holds_a_row_on_security_exists() {
    let mut tests = BTreeSet::new();
    for folder in ["../crates", "../cli", "../tests"] {
        add_tests(&testdata(folder), &mut tests);
    }
    for (page, columns, most_without) in [("security.md", 4, 7), ("decisions/consent.md", 4, 4)] {
        let rows = rows(page);
        let head = rows
            .iter()
            .position(|row| row.last().is_some_and(|cell| cell == "test"));
        let rows = &rows[head.unwrap() + 1..];
        assert!(rows.len() > 15, "{page}");
        let mut without = 0;
        for row in rows {
            assert_eq!(row.len(), columns, "{page}: {row:?}");
            let cell = &row[columns - 1];
            let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
            // Or what a crate holds as a whole, a page, or the row above.
            without += usize::from(
                named.is_empty() && !cell.contains("the same") && !cell.contains(".md"),
            );
            for name in named.iter().filter(|name| !name.contains(['/', ':', '.'])) {
                assert!(tests.contains(*name), "{page}: no test is called `{name}`");
            }
        }
        // What has no test is what mizzen does not prevent, or what nothing has to.
        assert!(
            without <= most_without,
            "{page}: {without} rows have no test"
        );
    }
}
