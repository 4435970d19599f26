//! Tokens that servers handed out, known by length, ending and checksum: there may be one for every repository, so none is
//! kept itself, and looking for all of them takes one look at a text.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest as _, Sha256};

/// As many as the registry client keeps; the oldest are forgotten.
const MOST: usize = 20_000;
/// Bytes of an ending. A shorter token is not looked for.
const ENDING: usize = 8;

type Ending = [u8; ENDING];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    length: usize,
    sum: [u8; 16],
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_ending: HashMap<Ending, Vec<Print>>,
    order: VecDeque<(Ending, Print)>,
}

impl Tokens {
    /// Makes one known.
    pub(super) fn meet(&mut self, token: &str) {
        let Some(ending) = token.as_bytes().last_chunk::<ENDING>() else {
            return;
        };
        let print = Print {
            length: token.len(),
            sum: sum(token.as_bytes()),
        };
        let prints = self.by_ending.entry(*ending).or_default();
        if prints.contains(&print) {
            return;
        }
        prints.push(print);
        self.order.push_back((*ending, print));
        if self.order.len() > MOST
            && let Some((ending, oldest)) = self.order.pop_front()
            && let Some(prints) = self.by_ending.get_mut(&ending)
        {
            prints.retain(|print| *print != oldest);
            if prints.is_empty() {
                self.by_ending.remove(&ending);
            }
        }
    }

    /// The text with something else in the place of each of them; `None` where there is none.
    pub(super) fn hide(&self, text: &str, instead: &str) -> Option<String> {
        if self.order.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        let mut out = String::new();
        let mut done = 0;
        for (at, ending) in bytes.windows(ENDING).enumerate() {
            let end = at + ENDING;
            let prints = self.by_ending.get(ending).into_iter().flatten();
            let starts = prints.filter_map(|print| {
                let start = end.checked_sub(print.length)?;
                (sum(&bytes[start..end]) == print.sum).then_some(start)
            });
            let Some(start) = starts.min() else { continue };
            // One that begins within another is hidden with it.
            out.push_str(text.get(done..start).unwrap_or_default());
            out.push_str(instead);
            done = end;
        }
        (done > 0).then(|| out + &text[done..])
    }
}

fn sum(bytes: &[u8]) -> [u8; 16] {
    let whole = Sha256::digest(bytes);
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_anywhere_and_each_however_many_there_are() {
        let mut tokens = Tokens::default();
        let token = |n: usize| format!("eyJhbGciOiJSUzI1NiJ9.{n:06}.signature{n:06}");
        for n in 0..MOST + 1 {
            tokens.meet(&token(n));
        }
        let text = format!("ä{}{} Bearer {}, nö", token(7), token(8), token(MOST));
        let shown = tokens.hide(&text, "X");
        assert_eq!(shown.as_deref(), Some("äXX Bearer X, nö"));
        assert_eq!(tokens.hide("nothing of the kind", "X"), None);
        assert_eq!(tokens.hide(&token(0), "X"), None, "the oldest is forgotten");
        assert_eq!(tokens.order.len(), MOST);
    }

    #[test]
    fn a_part_of_a_token_and_what_is_too_short_are_left_alone() {
        let mut tokens = Tokens::default();
        tokens.meet("short");
        tokens.meet("a-token-of-some-length");
        assert_eq!(tokens.hide("short, of-some-length", "X"), None);
        assert_eq!(tokens.order.len(), 1);
    }
}
