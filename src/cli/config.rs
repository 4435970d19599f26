//! `config`: every setting and where it comes from.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Format, Style};
use crate::config::ConfigLine;
use crate::config::forge::{ForgeKind, GitHubSettings};

/// Prints the operator's settings, then what the repository chose for itself (`repository`, with places of
/// `headwater.yaml` as origins).
pub fn run(context: &Context, repository: &[ConfigLine]) -> Result<Exit, CliError> {
    let out = &context.out;
    let mut lines = context.loaded.lines()?;
    if context.settings().forge.kind == ForgeKind::GitHub {
        stand_in(&mut lines, &context.settings().forge.github);
    }
    lines.extend_from_slice(repository);
    match out.format() {
        Format::Json => out.json(&lines)?,
        Format::Yaml => {
            let by_path: BTreeMap<&str, &ConfigLine> = lines
                .iter()
                .map(|line| (line.path.as_str(), line))
                .collect();
            out.yaml(&by_path)?;
        }
        Format::Name => lines.iter().for_each(|line| out.line(&line.path)),
        _ => lines.iter().for_each(|line| out.line(text(line))),
    }
    Ok(Exit::Settled)
}

/// What variables of GitHub's runner set where no setting does.
fn stand_in(lines: &mut [ConfigLine], settings: &GitHubSettings) {
    for (path, value, variable) in settings.stand_ins(|name| std::env::var(name).ok()) {
        if let Some(line) = lines.iter_mut().find(|line| line.path == path) {
            line.value = Value::String(value);
            variable.clone_into(&mut line.origin);
        }
    }
}

/// `settle = 20s  (headwater.yaml:3)`
fn text(line: &ConfigLine) -> String {
    let origin = match line.origin.as_str() {
        "default" => Style::Dim.paint("(default)"),
        origin => Style::Cyan.paint(&format!("({origin})")),
    };
    format!("{} = {}  {origin}", line.path, value(&line.value))
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "(not set)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::style::width;

    #[test]
    fn a_line_names_path_value_and_origin() {
        let line = |value: Value| ConfigLine {
            path: "import.settle".to_owned(),
            value,
            origin: "headwater.yaml:3".to_owned(),
        };
        let shown = text(&line(Value::from("20s")));
        assert_eq!(
            width(&shown),
            "import.settle = 20s  (headwater.yaml:3)".len()
        );
        assert_eq!(value(&serde_json::json!(["a", "b"])), "[a, b]");
        assert_eq!(value(&Value::Null), "(not set)");
    }
}
