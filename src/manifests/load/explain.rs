//! Parser and type errors in the words of somebody who wants to help.

use std::ops::Range;

use super::remedy;
use crate::manifests::code;
use crate::manifests::diagnostic::Diagnostic;
use crate::manifests::suggest::{did_you_mean, listed};
use crate::manifests::yaml::{
    Content, Fault, Id, Limit, MAX_DEPTH, SyntaxError, Tree, ValueError, place_of,
};
use crate::model::RepoPath;

/// Longer values are not said again.
const LONGEST_SAID: usize = 80;

/// What to do about aliases that stand for too much.
pub(crate) const ALIASES: &str = "write the values out instead of naming them by `*`";

/// Explains why a text is no YAML.
pub(crate) fn syntax(path: &RepoPath, text: &str, error: &SyntaxError) -> Diagnostic {
    let place = Some(place_of(text, &error.at));
    match &error.limit {
        Limit::DuplicateKey(key) => Diagnostic::error(
            path,
            code::DUPLICATE_KEY,
            format!("`{key}` is said twice in one map"),
        )
        .at(place)
        .help("keep one of them"),
        Limit::TooDeep => Diagnostic::error(
            path,
            code::TOO_DEEP,
            format!("nested deeper than {MAX_DEPTH} levels"),
        )
        .at(place)
        .help("flatten it: no file of ours needs more than ten"),
        Limit::TooLarge => Diagnostic::error(path, code::UNREADABLE, "the file is too large"),
        Limit::Grammar(words) => grammar(path, text, &error.at, words),
    }
}

fn grammar(path: &RepoPath, text: &str, at: &Range<usize>, words: &str) -> Diagnostic {
    if let Some(braces) = helm_braces(text) {
        return Diagnostic::error(path, code::BRACES, "this is a Helm template, not YAML")
            .at(Some(place_of(text, &braces)))
            .help("commit what it renders to, or move it out of this folder");
    }
    if let Some(braces) = unquoted_braces(text, at.start) {
        let words = braces_words(text, braces.start);
        return Diagnostic::error(path, code::BRACES, words).at(Some(place_of(text, &braces)));
    }
    if let Some(marker) = conflict_marker(text) {
        return Diagnostic::error(path, code::SYNTAX, format!("not valid YAML: {words}"))
            .at(Some(place_of(text, &marker)))
            .help("this is a merge conflict marker: finish the merge");
    }
    let open = unclosed_quote(text, at.start, words);
    let problem = Diagnostic::error(path, code::SYNTAX, format!("not valid YAML: {words}"))
        .at(Some(place_of(text, open.as_ref().unwrap_or(at))));
    problem.help(match words {
        _ if words.contains("tab") => "indent with spaces",
        _ if open.is_some() => "close this quote on its line",
        _ if words.contains("flow mapping") => {
            "close the brace `{` that is open here, or put a comma"
        }
        _ if words.contains("flow sequence") => {
            "close the bracket `[` that is open here, or put a comma"
        }
        _ if words.contains("mapping values") => {
            "indent this line as the one above, or quote a value that holds `: `"
        }
        _ => "compare it with the lines around it: indentation, colons, brackets and quotes",
    })
}

/// The first line that a merge left behind, as Git writes them.
fn conflict_marker(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let (at, line) = (start, line.trim_end());
        start += line_length(text, at);
        let marker = ["<<<<<<<", "=======", ">>>>>>>"]
            .iter()
            .find(|marker| line.starts_with(**marker))?;
        Some(at..at + marker.len())
    })
}

/// The bytes of the line at `start`, its end included.
fn line_length(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    rest.find('\n').map_or(rest.len(), |end| end + 1)
}

/// Where a quoted scalar began that did not end on its line, so that the parser only noticed far below: by its words about
/// quotes, the quote that opened before the error, if a line ends between the two.
fn unclosed_quote(text: &str, at: usize, words: &str) -> Option<Range<usize>> {
    if !words.contains("quote") {
        return None;
    }
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    if words.contains("unclosed") {
        return Some(at..at);
    }
    let quote = if words.contains("single") { '\'' } else { '"' };
    let before = &text[..at];
    let behind = before.trim_end_matches(quote);
    // What the parser took for the closing quote stands at the error or right before it, unless the text ended.
    let open = behind.rfind(quote)?;
    before[open..]
        .contains('\n')
        .then_some(open..open + quote.len_utf8())
}

/// The first braces that only Helm understands.
fn helm_braces(text: &str) -> Option<Range<usize>> {
    let words = [
        "-",
        ".",
        "if ",
        "else",
        "end",
        "range ",
        "with ",
        "include ",
        "define ",
        "template ",
        "$",
        "toYaml ",
        "/*",
    ];
    text.match_indices("{{").map(|(at, _)| at).find_map(|at| {
        let inside = text[at + 2..].trim_start();
        words
            .iter()
            .any(|word| inside.starts_with(word))
            .then_some(at..at + 2)
    })
}

/// Unquoted braces on the line of an error or the one before, where YAML loses its way because of them.
fn unquoted_braces(text: &str, at: usize) -> Option<Range<usize>> {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let start = text[..line.saturating_sub(1)]
        .rfind('\n')
        .map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    let found = text[start..end].match_indices("{{");
    found.map(|(found, _)| start + found).find_map(|found| {
        let before = text[..found].trim_end_matches(' ').chars().next_back();
        if matches!(before, None | Some(':' | ',' | '[' | '{' | '\n')) {
            return Some(found..found + 2);
        }
        let word = word_before(text, found);
        match &text[word..found] {
            "" | "-" => (before == Some('-')).then_some(found..found + 2),
            // Behind a beginning they are text, but not in brackets.
            _ => in_flow(text, found).then_some(word..found + 2),
        }
    })
}

/// Where the plain text begins that goes on at `at`.
fn word_before(text: &str, at: usize) -> usize {
    let odd = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | '{' | '"' | '\'');
    text[..at].rfind(odd).map_or(0, |found| {
        let width = text[found..].chars().next().map_or(1, char::len_utf8);
        found + width
    })
}

/// Whether a place lies in brackets or braces of its document, as far as lines without multi-line quotes tell.
fn in_flow(text: &str, at: usize) -> bool {
    let mut open = 0_usize;
    for line in text[..at].lines() {
        if line.starts_with("---") {
            open = 0;
        }
        let mut quote = None;
        let mut before = ' ';
        for c in line.chars() {
            match (quote, c) {
                (Some(q), c) if q == c => quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => break,
                (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
                (None, '[' | '{') => open += 1,
                (None, ']' | '}') => open = open.saturating_sub(1),
                _ => {}
            }
            before = c;
        }
    }
    open > 0
}

/// What to do about unquoted braces, with the text that stands there.
fn braces_words(text: &str, at: usize) -> String {
    let found = braced(&text[at..]).unwrap_or("{{app}}");
    let quote = if found.contains('"') { '\'' } else { '"' };
    format!("`{{{{` starts a YAML map; write {quote}{found}{quote}")
}

/// The plain text that begins with braces, up to a space or what ends a value; `None` where it does not end on its line, is
/// too long to say again, or cannot be put into quotes as it is.
fn braced(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let mut end = 0;
    while let Some(c) = line[end..].chars().next() {
        end += match line[end..].starts_with("{{") {
            true => line[end..].find("}}")? + 2,
            false if c.is_whitespace() || matches!(c, ',' | ']' | '}') => break,
            false => c.len_utf8(),
        };
    }
    let found = line[..end].trim_end_matches(':');
    let plain = !found.contains(['\'', '\\']) && !found.chars().any(char::is_control);
    (found.len() <= LONGEST_SAID && plain).then_some(found)
}

/// Explains why a value does not fit its type.
pub(super) fn value(path: &RepoPath, tree: &Tree<'_>, root: Id, error: &ValueError) -> Diagnostic {
    let id = error.at.unwrap_or(root);
    let braces = braces_at(tree, id).filter(|_| !matches!(error.fault, Fault::UnknownField(..)));
    if let Some(start) = braces {
        let words = braces_words(tree.text, start);
        return Diagnostic::error(path, code::BRACES, words)
            .at(Some(place_of(tree.text, &(start..tree.node(id).end))));
    }
    let place = Some(place_of(tree.text, &first_line(tree, id)));
    let (code, help) = match &error.fault {
        Fault::UnknownField(field, known) => {
            (code::UNKNOWN_FIELD, Some(remedy::unknown(field, known)))
        }
        Fault::UnknownVariant(word, known) => {
            (code::VALUE, Some(did_you_mean(word, known.iter().copied())))
        }
        Fault::MissingField(field) => (
            code::MISSING_FIELD,
            Some(remedy::missing(tree, root, field)),
        ),
        Fault::Unquoted(text) if matches!(text.as_str(), "" | "~") => {
            (code::VALUE, remedy::shape(tree, root, id))
        }
        Fault::Unquoted(text) if text.chars().all(|c| c.is_ascii_digit()) => {
            let help = format!("quote it: \"{text}\"; a length of time needs a unit: {text}m");
            (code::VALUE, Some(help))
        }
        Fault::Unquoted(text) => (code::VALUE, Some(format!("quote it: \"{text}\""))),
        Fault::Aliases => (code::VALUE, Some(ALIASES.to_owned())),
        Fault::Shape(_) => (code::VALUE, remedy::shape(tree, root, id)),
        Fault::Other(words) => (code::VALUE, remedy::other(tree, root, id, words)),
    };
    let mut problem = Diagnostic::error(path, code, error.to_string()).at(place);
    if let Fault::UnknownField(_, known) = &error.fault {
        problem = problem.label(format!("known here: {}", listed(known.iter().copied())));
    }
    problem.help = help;
    problem
}

/// Where the braces of a placeholder begin that was taken for a map, or for a map within one.
fn braces_at(tree: &Tree<'_>, id: Id) -> Option<usize> {
    let start = tree.node(id).start;
    let braces = |at: usize| tree.text.get(at..at + 2) == Some("{{");
    let is_map = matches!(tree.node(id).content, Content::Map { flow: true, .. });
    let before = start.checked_sub(1).filter(|at| braces(*at));
    before
        .or_else(|| braces(start).then_some(start))
        .filter(|_| is_map)
}

/// What to underline of a value: a block over several lines is shown at its first key.
fn first_line(tree: &Tree<'_>, id: Id) -> Range<usize> {
    match &tree.node(id).content {
        Content::Map { entries, .. } => match entries.first() {
            Some((key, _)) => tree.range(*key),
            None => tree.range(id),
        },
        _ => tree.range(id),
    }
}
