//! Label selectors as `kubectl` has them: `a=b,c!=d,e,!f,g in (h,i),j notin (k)`.

use std::collections::BTreeMap;
use std::str::FromStr;

/// More requirements than this are not read.
const MOST: usize = 100;

/// Which labels a thing must bear; nothing asked means everything fits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    /// The label is there with one of these values.
    In(String, Vec<String>),
    /// The label is not there, or has another value.
    NotIn(String, Vec<String>),
    /// The label is there.
    There(String),
    /// The label is not there.
    Absent(String),
}

impl Selector {
    /// Whether a thing with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
            Requirement::There(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
        })
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = split(text)?;
        if parts.len() > MOST {
            return Err(format!("at most {MOST} requirements"));
        }
        let requirements = parts.into_iter().map(requirement);
        requirements.collect::<Result<_, _>>().map(Self)
    }
}

/// The requirements: commas inside of parentheses part values.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(format!("`{text}`: the parentheses do not fit")),
            ',' if !inside => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(format!("`{text}`: a parenthesis is left open"));
    }
    parts.push(text[start..].trim());
    Ok(parts)
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if let Some(rest) = text.strip_suffix(')') {
        let (head, values) = rest.split_once('(').unwrap_or((rest, ""));
        let (name, word) = head
            .trim()
            .rsplit_once(char::is_whitespace)
            .unwrap_or((head, ""));
        let values: Result<Vec<String>, String> =
            values.split(',').map(|v| value(v.trim())).collect();
        return match word {
            "in" => Ok(Requirement::In(key(name.trim())?, values?)),
            "notin" => Ok(Requirement::NotIn(key(name.trim())?, values?)),
            _ => Err(format!(
                "`{text}`: write `KEY in (A,B)` or `KEY notin (A,B)`"
            )),
        };
    }
    if let Some((name, wanted)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(
            key(name.trim())?,
            vec![value(wanted.trim())?],
        ));
    }
    if let Some((name, wanted)) = text.split_once('=') {
        let wanted = wanted.strip_prefix('=').unwrap_or(wanted).trim();
        return Ok(Requirement::In(key(name.trim())?, vec![value(wanted)?]));
    }
    match text.strip_prefix('!') {
        Some(name) => key(name.trim()).map(Requirement::Absent),
        None => key(text).map(Requirement::There),
    }
}

fn key(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    if text.is_empty() || !text.chars().all(legal) {
        return Err(format!("`{text}` is no name of a label"));
    }
    Ok(text.to_owned())
}

fn value(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !text.chars().all(legal) {
        return Err(format!("`{text}` is no value of a label"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let selector: Selector = selector.parse().unwrap();
        selector.matches(&labels.collect())
    }

    #[test]
    fn labels_are_selected_as_kubectl_selects_them() {
        let labels = [("app", "web"), ("tier", "front"), ("empty", "")];
        for selector in [
            "app=web",
            "app==web",
            "app = web , tier=front",
            "app!=db",
            "none!=x",
            "app",
            "!none",
            "app in (web,db)",
            "app in (web, db),tier notin (back)",
            "none notin (a)",
            "empty=",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in [
            "app=db",
            "none=x",
            "app!=web",
            "none",
            "!app",
            "app in (a,b)",
            "app notin (web)",
            "app=web,tier=back",
        ] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for bad in [
            "",
            ",",
            "=x",
            "a b",
            "app in web",
            "app in (web",
            "app in (web))",
            "app near (web)",
            "app=we b",
            "app=\u{1b}[2J",
            "(a)",
        ] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }
}
