//! A look at a template's tags before the real parser sees them. That parser recurses without a limit, so what nests too
//! deep must be refused here; whatever this scanner cannot follow with certainty is refused as well.

use super::error::Problem;

/// Largest template, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// Most blocks and else-branches open at one place.
const MAX_BLOCKS: usize = 24;

/// Most subexpressions within each other.
const MAX_PARENTHESES: usize = 8;

/// The two marks around the number of an inserted value; templates must not hold them.
pub(super) const MARKS: [char; 2] = ['\u{f0000}', '\u{f0001}'];

/// Refuses what nests too deep and what cannot be followed.
pub(super) fn check(file: &str, source: &str) -> Result<(), Problem> {
    if source.len() > MAX_BYTES {
        return Err(Problem::new(
            file,
            None,
            "the template is larger than 256 KiB",
        ));
    }
    if source.contains(MARKS) {
        let message =
            "the template holds a character (U+F0000 or U+F0001) that marks values while rendering";
        return Err(Problem::new(file, None, message));
    }
    Scanner {
        file,
        source,
        at: 0,
        open: Vec::new(),
    }
    .run()
}

struct Scanner<'s> {
    file: &'s str,
    source: &'s str,
    at: usize,
    /// For each open block how deep it makes the tree: one, and one more for each else-branch.
    open: Vec<usize>,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), Problem> {
        while let Some(offset) = self.source[self.at..].find("{{") {
            let start = self.at + offset;
            let before = &self.source[self.at..start];
            let slashes = before.len() - before.trim_end_matches('\\').len();
            if slashes == 1 {
                let four = self.source[start..].starts_with("{{{{");
                self.at = start + if four { 4 } else { 2 };
                continue;
            }
            self.at = start;
            if self.source[start..].starts_with("{{{{") {
                return Err(self
                    .problem("raw blocks (`{{{{`) are not supported")
                    .help("write `\\{{` where two braces are meant as text"));
            }
            self.tag()?;
        }
        if self.open.is_empty() {
            Ok(())
        } else {
            Err(self.problem("a block is opened but never closed"))
        }
    }

    fn problem(&self, message: &str) -> Problem {
        let line = self.source[..self.at].matches('\n').count() + 1;
        Problem::new(self.file, Some(line), message)
    }

    fn tag(&mut self) -> Result<(), Problem> {
        let content = &self.source[self.at + 2..];
        if let Some(comment) = content.strip_prefix('!') {
            let long = comment.trim_start().strip_prefix("--");
            let rest = long
                .and_then(|text| text.split_once("--}}"))
                .or_else(|| comment.split_once("}}"));
            let Some((_, rest)) = rest else {
                return Err(self.problem("a comment is opened but never closed"));
            };
            self.at = self.source.len() - rest.len();
            return Ok(());
        }
        let length = self.content_length(content)?;
        let inner = content[..length].trim_start_matches(|c: char| c == '~' || c.is_whitespace());
        self.count(inner)?;
        self.at += 2 + length + 2;
        Ok(())
    }

    /// How long the content of a tag is, up to its closing braces.
    fn content_length(&self, content: &str) -> Result<usize, Problem> {
        let bytes = content.as_bytes();
        let mut depth = 0usize;
        let mut i = 0;
        let lead = content.len()
            - content
                .trim_start_matches(|c: char| c == '~' || c.is_whitespace())
                .len();
        while let Some(byte) = bytes.get(i) {
            match byte {
                b'}' if content[i..].starts_with("}}") => {
                    return if depth == 0 {
                        Ok(i)
                    } else {
                        Err(self.problem("a parenthesis is opened but never closed"))
                    };
                }
                b'"' | b'\'' => i = self.string_end(bytes, i)?,
                b'(' => {
                    depth += 1;
                    if depth > MAX_PARENTHESES {
                        return Err(self.problem("subexpressions are nested too deep"));
                    }
                }
                b')' => {
                    depth = depth
                        .checked_sub(1)
                        .ok_or_else(|| self.problem("a parenthesis is closed but never opened"))?;
                }
                b'[' => i = self.segment_end(content, i)?,
                b'{' if i == lead => {}
                b'{' => return Err(self.problem("a brace does not belong here")),
                _ => {}
            }
            i += 1;
        }
        Err(self.problem("`{{` is opened but never closed"))
    }

    fn string_end(&self, bytes: &[u8], start: usize) -> Result<usize, Problem> {
        let mut i = start + 1;
        while let Some(byte) = bytes.get(i) {
            match byte {
                b'\\' => i += 1,
                b if *b == bytes[start] => return Ok(i),
                _ => {}
            }
            i += 1;
        }
        Err(self.problem("a string is opened but never closed"))
    }

    fn segment_end(&self, content: &str, start: usize) -> Result<usize, Problem> {
        let plain = |c: char| c.is_alphanumeric() || "._-/ @:".contains(c);
        let inner = &content[start + 1..];
        let length = inner.find(|c| !plain(c)).unwrap_or(inner.len());
        if inner[length..].starts_with(']') {
            Ok(start + 1 + length)
        } else {
            Err(self
                .problem("lists and unusual names in `[...]` are not supported in a template")
                .help("put the list into values.yaml, or use `lookup`"))
        }
    }

    fn count(&mut self, inner: &str) -> Result<(), Problem> {
        let is_else = inner
            .strip_prefix("else")
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        if inner.starts_with('#') {
            self.open.push(1);
        } else if inner.starts_with('/') {
            self.open
                .pop()
                .ok_or_else(|| self.problem("a block is closed but never opened"))?;
        } else if is_else || inner.starts_with('^') {
            let message = "`else` stands outside of a block";
            match self.open.last_mut() {
                Some(depth) => *depth += 1,
                None => return Err(self.problem(message)),
            }
        }
        if self.open.iter().sum::<usize>() > MAX_BLOCKS {
            return Err(self
                .problem("blocks are nested too deep")
                .help("move a part into partials/"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_templates_pass() {
        for good in [
            "a: {{values.a}}\n{{#if values.b}}\nb: 1\n{{else if x}}{{else}}\nb: 2\n{{/if}}\n",
            "{{! a comment with {{ in it }} {{!-- and {{#if}} --}} \\{{escaped}} {{{raw}}} {{~a~}}",
            "{{lookup values.[my.key] \"}}\"}} {{image (default values.x 'a')}}",
        ] {
            assert_eq!(check("f", good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_nests_too_deep_or_cannot_be_followed_is_refused() {
        let deep = "{{#if a}}".repeat(10_000) + &"{{/if}}".repeat(10_000);
        let parens = format!(
            "{{{{eq {}1{}}}}}",
            "(eq 1 ".repeat(10_000),
            ")".repeat(10_000)
        );
        let chain = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(1_000));
        for bad in [
            deep.as_str(),
            &parens,
            &chain,
            "{{#if a}}",
            "{{/if}}",
            "{{else}}",
            "{{a",
            "{{a \"}}",
            "{{{{raw}}}}",
            "{{!--}} {{/if}} --}}{{#if a}}",
            "{{a [[[1]]]}}",
            "{{a {\"b\":1}}}",
            "{{(a}}",
            "{{a)}}",
            "\u{f0000}",
        ] {
            assert!(check("f", bad).is_err(), "{}", &bad[..bad.len().min(60)]);
        }
    }
}
