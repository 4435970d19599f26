//! Problems as workflow commands of GitHub Actions, which become annotations.

use super::clean;
use crate::manifests::{Diagnostic, Severity};

/// `::error file=...,line=...,col=...,title=...::message`.
pub(super) fn command(problem: &Diagnostic) -> String {
    let word = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = vec![("file", problem.path.as_str().to_owned())];
    if let Some(place) = &problem.place {
        properties.push(("line", place.line.to_string()));
        properties.push(("col", place.column.to_string()));
        properties.push(("endColumn", (place.column + place.length).to_string()));
    }
    properties.push(("title", problem.code.clone()));
    let properties: Vec<String> = properties
        .into_iter()
        .map(|(key, value)| format!("{key}={}", property(&value)))
        .collect();
    format!(
        "::{word} {}::{}",
        properties.join(","),
        data(&super::sarif::message(problem))
    )
}

/// Escapes the text after `::`.
fn data(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| clean(line).replace('%', "%25"))
        .collect();
    lines.join("%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Place;

    #[test]
    fn nothing_in_a_problem_can_begin_another_command() {
        let path = "a,b:c.yaml".parse().unwrap();
        let problem = Diagnostic::warning(&path, "HW1", "100% wrong\r\n::set-output name=x::y")
            .at(Some(Place {
                line: 2,
                column: 3,
                length: 4,
                text: String::new(),
            }))
            .help("mend it");
        let command = command(&problem);
        assert_eq!(
            command,
            "::warning file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=7,title=HW1::100%25 wrong%0A::set-output name=x::y%0Ahelp: mend it"
        );
        assert_eq!(command.lines().count(), 1);
    }
}
