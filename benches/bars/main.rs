//! How fast and how large Headwater is, each thing against a floor measured in the same run: the least that the machine
//! needs for it with nothing of ours in between.
//!
//! ```text
//! cargo bench --bench bars                      everything, five pairs each (some minutes)
//! cargo bench --bench bars -- --row render      only rows whose name contains a word
//! cargo bench --bench bars -- --quick           small numbers: shows that it works and says nothing about speed
//! BARS_README=1 cargo bench --bench bars        also writes the table into benches/README.md
//! ```
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench stops at the first thing that does not work, and prints what it found"
)]

mod changes;
mod child;
mod cold;
mod corpus;
mod engine;
mod measure;
mod network;
mod quiet;
mod recheck;
mod registry;
mod render;
mod roads;
mod table;
mod wide;

use std::path::Path;

use headwater::allocator::{Allocator, give_back};
use measure::Plan;
use table::Row;

/// What measures some rows.
type Measure = fn(&Plan) -> Vec<Row>;

/// Rows by name, in the order of the table.
const ROWS: [(&str, Measure); 8] = [
    ("recheck", recheck::rows),
    ("wide", wide::rows),
    ("quiet", quiet::rows),
    ("cold", cold::rows),
    ("changes", changes::rows),
    ("render", render::rows),
    ("roads", roads::rows),
    ("memory", child::rows),
];

/// As in the program.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() {
    give_back();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(place) = after(&arguments, "--child") {
        return child::run(Path::new(&place));
    }
    let quick = arguments.iter().any(|a| a == "--quick");
    let only = after(&arguments, "--row");
    let plan = if quick { Plan::quick() } else { Plan::full() };
    let mut table = Vec::new();
    for (name, rows) in ROWS {
        if only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
        {
            for row in rows(&plan) {
                println!("{row}");
                table.push(row);
            }
        }
    }
    let text = table::markdown(&table, &plan);
    println!("\n{text}");
    if std::env::var_os("BARS_README").is_some_and(|value| value == "1") {
        table::write(&text);
    }
}

/// The argument behind a flag.
fn after(arguments: &[String], flag: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(at + 1).cloned()
}
