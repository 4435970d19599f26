//! Reads a Rust file as tokens, so that comments and texts never count and macros do: the paths it names, the functions
//! it holds, the words that may panic, and which of all that is only compiled for tests.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// What one file holds.
#[derive(Default)]
pub(crate) struct Source {
    /// Every path and single word, with imports written out one by one.
    pub(crate) paths: Vec<PathUse>,
    /// Every function with a body.
    pub(crate) functions: Vec<Function>,
    /// Words that may panic: macros and methods.
    pub(crate) panics: Vec<(usize, String)>,
    /// Lines that are not compiled for tests only.
    pub(crate) lines: usize,
    /// Modules in files of their own that are compiled for tests only.
    pub(crate) test_modules: Vec<String>,
}

/// A path as the compiler sees it: `["crate", "model", "Digest"]`.
pub(crate) struct PathUse {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Its parts; `super` that reaches the root of the crate is written `crate`.
    pub(crate) parts: Vec<String>,
    /// Whether it stands in code for tests only.
    pub(crate) test: bool,
}

impl PathUse {
    /// Whether these parts stand in it one after another.
    pub(crate) fn contains(&self, parts: &[&str]) -> bool {
        self.parts
            .windows(parts.len())
            .any(|window| window == parts)
    }
}

/// A function outside tests.
pub(crate) struct Function {
    /// Line of its signature.
    pub(crate) line: usize,
    /// Its name.
    pub(crate) name: String,
    /// From the signature to the closing brace.
    pub(crate) lines: usize,
}

const PANICKING_MACROS: [&str; 5] = ["panic", "todo", "unreachable", "unimplemented", "dbg"];
const PANICKING_METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];

#[derive(Clone, Copy)]
struct Context {
    /// How many modules down from the crate's root.
    depth: usize,
    test: bool,
}

impl Source {
    /// Reads a file that lies `depth` modules below the root of its crate; `test` if all of it is for tests.
    pub(crate) fn read(text: &str, depth: usize, test: bool) -> Self {
        let tokens: TokenStream = text.parse().expect("a file that compiles can be tokenised");
        let mut source = Self {
            lines: if test { 0 } else { text.lines().count() },
            ..Self::default()
        };
        source.walk(tokens, Context { depth, test });
        source
    }

    fn walk(&mut self, tokens: TokenStream, context: Context) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut test_item: Option<usize> = None;
        let mut at = 0;
        while at < tokens.len() {
            let test = context.test || test_item.is_some();
            let here = Context { test, ..context };
            let mut next = at + 1;
            match &tokens[at] {
                TokenTree::Punct(p) if p.as_char() == '#' && is_for_tests(&tokens, at) => {
                    test_item = test_item.or(Some(line(&tokens[at])));
                }
                TokenTree::Punct(p) if p.as_char() == ';' => {
                    self.end_test(&mut test_item, &tokens[at], context)
                }
                TokenTree::Group(group) => {
                    let depth = here.depth + usize::from(opens_module(&tokens, at));
                    self.walk(group.stream(), Context { depth, ..here });
                    if group.delimiter() == Delimiter::Brace {
                        self.end_test(&mut test_item, &tokens[at], context);
                    }
                }
                TokenTree::Ident(_) => next = self.word(&tokens, at, here),
                _ => {}
            }
            at = next;
        }
    }

    /// An item for tests ends with its braces or its semicolon; its lines do not count.
    fn end_test(&mut self, item: &mut Option<usize>, end: &TokenTree, context: Context) {
        if let Some(start) = item.take().filter(|_| !context.test) {
            let last = end.span().end().line;
            self.lines = self.lines.saturating_sub(last + 1 - start);
        }
    }

    /// A word: a method, or the beginning of a path. Returns where to go on.
    fn word(&mut self, tokens: &[TokenTree], at: usize, context: Context) -> usize {
        let word = tokens[at].to_string();
        if word == "fn" && !context.test {
            self.functions.extend(function(tokens, at));
        }
        if word == "mod" && context.test && tokens.get(at + 2).is_some_and(|t| is_punct(t, ';')) {
            self.test_modules.push(tokens[at + 1].to_string());
        }
        let mut found = Vec::new();
        let next = path(tokens, at, &[], &mut found);
        // `.expect` without arguments is a field.
        let is_method = at > 0
            && is_punct(&tokens[at - 1], '.')
            && matches!(tokens.get(next), Some(TokenTree::Group(_)));
        for (line, mut parts) in found {
            let last = parts.last().map_or("", String::as_str);
            let panics = PANICKING_METHODS.contains(&last) && (is_method || parts.len() > 1)
                || PANICKING_MACROS.contains(&last) && is_macro_call(tokens, next);
            if panics && !context.test {
                self.panics.push((line, last.to_owned()));
            }
            name_root(&mut parts, context.depth);
            self.paths.push(PathUse {
                line,
                parts,
                test: context.test,
            });
        }
        next
    }
}

/// Follows a path from a word on and writes out its braces, each branch with the line it ends on. Returns the first place
/// behind it.
fn path(
    tokens: &[TokenTree],
    start: usize,
    before: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut parts = before.to_vec();
    let mut at = start;
    let mut last = 0;
    loop {
        last = tokens.get(at).map_or(last, line);
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => parts.push(word.to_string()),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => parts.push("*".to_owned()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                branches(group, &parts, found);
                return at + 1;
            }
            // A turbofish, or the end of a half-written path in a macro.
            _ => break,
        }
        if !is_joint(tokens, at + 1) {
            found.push((last, parts));
            return at + 1;
        }
        at += 3;
    }
    found.push((last, parts));
    at
}

fn branches(group: &Group, parts: &[String], found: &mut Vec<(usize, Vec<String>)>) {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    for branch in tokens.split(|token| is_punct(token, ',')) {
        if !branch.is_empty() {
            path(branch, 0, parts, found);
        }
    }
}

/// Writes a chain of `super` that reaches the root as `crate`.
fn name_root(parts: &mut Vec<String>, depth: usize) {
    let start = usize::from(parts.first().is_some_and(|p| p == "self"));
    let ups = parts[start..].iter().take_while(|p| *p == "super").count();
    if ups > 0 && ups == depth {
        parts.splice(..start + ups, ["crate".to_owned()]);
    }
}

fn function(tokens: &[TokenTree], at: usize) -> Option<Function> {
    let TokenTree::Ident(name) = tokens.get(at + 1)? else {
        return None;
    };
    for token in &tokens[at + 2..] {
        match token {
            TokenTree::Punct(p) if p.as_char() == ';' => return None,
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                let line = line(&tokens[at]);
                return Some(Function {
                    line,
                    name: name.to_string(),
                    lines: body.span().end().line + 1 - line,
                });
            }
            _ => {}
        }
    }
    None
}

/// Whether `#[test]`, `#[cfg(test)]` or `#[cfg(all(test, ...))]` stands here; `not(test)` is no such thing.
fn is_for_tests(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) else {
        return false;
    };
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    let text = text.strip_prefix("tokio::").unwrap_or(&text);
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn opens_module(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && tokens[at - 2].to_string() == "mod" && matches!(tokens[at - 1], TokenTree::Ident(_))
}

fn is_macro_call(tokens: &[TokenTree], at: usize) -> bool {
    tokens.get(at).is_some_and(|t| is_punct(t, '!'))
        && matches!(tokens.get(at + 1), Some(TokenTree::Group(_)))
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == sign)
}

fn is_joint(tokens: &[TokenTree], at: usize) -> bool {
    let joint = matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':' && p.spacing() == Spacing::Joint);
    joint && tokens.get(at + 1).is_some_and(|t| is_punct(t, ':'))
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}
