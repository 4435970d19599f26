//! Views: what people read of a plan, a stage, a pull request or an act. Data in, text out: no IO and no clock. Colours are
//! marks inside of the text, so whether there are any is decided by the writer alone.

pub mod act;
pub mod diff;
pub mod drift;
pub mod edges;
pub mod forge;
pub mod history;
mod markdown;
pub mod plan;
mod plan_text;
pub mod pulls;
pub mod run;
pub mod status;
mod status_text;
pub mod streams;
pub mod why;
mod why_text;
pub mod words;

use serde::Serialize;

use super::error::CliError;
use super::output::{Format, Out, Zone};
use crate::model::Timestamp;

/// How a view is drawn: all that its text depends on beside its data.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Columns of the terminal; `None` (a pipe) wraps nothing.
    pub width: Option<usize>,
    /// The zone of times.
    pub zone: Zone,
    /// The instant that ages count to.
    pub now: Timestamp,
    /// Whether more is shown than people usually want (`-o wide`).
    pub wide: bool,
}

impl Frame {
    /// The frame of an output.
    pub fn of(out: &Out, now: Timestamp) -> Self {
        Self {
            width: out.look().width,
            zone: out.zone().clone(),
            now,
            wide: out.format() == Format::Wide,
        }
    }
}

/// Something that can be shown in every format.
pub trait View {
    /// The same as data: a documented structure with camelCase keys whose `v` changes when its meaning does.
    type Data: Serialize;

    /// For people; may hold marks of styles, never raw data.
    fn text(&self, frame: &Frame) -> String;

    /// Names only, one per line.
    fn names(&self) -> Vec<String>;

    /// For scripts.
    fn data(&self) -> Self::Data;
}

/// Prints a view in the format that was asked for.
pub fn print(out: &Out, view: &impl View, now: Timestamp) -> Result<(), CliError> {
    match out.format() {
        Format::Json => out.json(&view.data()),
        Format::Yaml => out.yaml(&view.data()),
        Format::Name => {
            view.names().iter().for_each(|name| out.line(name));
            Ok(())
        }
        _ => {
            let text = view.text(&Frame::of(out, now));
            if !text.is_empty() {
                out.line(text);
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
