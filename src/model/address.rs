//! Addresses that gates ask at, with words in them that stand for the set that is asked about. What a word stands for is
//! escaped, so that it can change neither the host nor the shape of the path.

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest address, in bytes.
const LONGEST: usize = 2_048;

/// What stands in an address for something of the set that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// `{{version}}`: the set's version.
    Version,
    /// `{{digest}}`: the digest of its only image.
    Digest,
    /// `{{set}}`: its identity, 64 hex digits.
    Set,
    /// `{{pipeline}}`.
    Pipeline,
    /// `{{stage}}`.
    Stage,
}

impl Word {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Version,
        Self::Digest,
        Self::Set,
        Self::Pipeline,
        Self::Stage,
    ];

    /// As it is written, without its braces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Digest => "digest",
            Self::Set => "set",
            Self::Pipeline => "pipeline",
            Self::Stage => "stage",
        }
    }

    /// As it is written.
    pub fn in_braces(self) -> String {
        format!("{{{{{}}}}}", self.as_str())
    }

    /// Whether it names the set itself, rather than where it is.
    pub const fn names_set(self) -> bool {
        matches!(self, Self::Version | Self::Digest | Self::Set)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Word(Word),
}

/// An http or https address whose path or query may hold words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    text: String,
    pieces: Vec<Piece>,
    /// With `x` for every word.
    plain: Url,
}

impl Address {
    /// The words in it.
    pub fn words(&self) -> impl Iterator<Item = Word> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(*word),
            Piece::Text(_) => None,
        })
    }

    /// Host and, where it is not the scheme's own, port.
    pub fn host(&self) -> String {
        let host = self.plain.host_str().unwrap_or_default();
        match self.plain.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The address with what each word stands for, escaped.
    ///
    /// # Errors
    /// Where a value would make another place of it, or it becomes too long; in words.
    pub fn fill(&self, value: impl Fn(Word) -> String) -> Result<Url, String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Word(word) => text.push_str(&escaped(&value(*word))),
            }
        }
        if text.len() > LONGEST {
            return Err(format!("the address is longer than {LONGEST} bytes"));
        }
        let url = Url::parse(&text).map_err(|_| "it makes no address".to_owned())?;
        let parts = |url: &Url| url.path_segments().map_or(0, Iterator::count);
        // A value of nothing but dots would lead out of its folder, and an empty one would merge two.
        let empty = |url: &Url| url.path().matches("//").count();
        if url.origin() != self.plain.origin()
            || parts(&url) != parts(&self.plain)
            || empty(&url) != empty(&self.plain)
        {
            return Err(
                "what a word stands for would make another place of the address".to_owned(),
            );
        }
        Ok(url)
    }
}

/// Everything but letters, digits, `-`, `_` and `.` as `%XX`.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match plain(byte) {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("an address has at most {LONGEST} bytes"));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err("an address has no blanks".to_owned());
        }
        let pieces = pieces(&text)?;
        let plain = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Word(_) => "x",
        });
        let plain = plain.collect::<String>();
        let url = Url::parse(&plain).map_err(|_| HOW.to_owned())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(HOW.to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "an address holds no login: name a credential of the operator's with `auth`"
                    .to_owned(),
            );
        }
        if url.fragment().is_some() {
            return Err("nobody is asked for what comes behind `#`: leave it out".to_owned());
        }
        let start = plain.find("://").map_or(0, |at| at + 3);
        let behind = plain[start..].find(['/', '?', '\\']);
        let first = text.find("{{");
        if first.is_some_and(|first| behind.is_none_or(|at| first < start + at)) {
            return Err(
                "words like {{version}} stand in the path or the query, never in the host"
                    .to_owned(),
            );
        }
        Ok(Self {
            text,
            pieces,
            plain: url,
        })
    }
}

const HOW: &str = "this is no address: write https://HOST/PATH";

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let known = || {
        let all = Word::ALL.map(Word::in_braces);
        all.join(", ")
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else {
            return Err("`{{` is never closed".to_owned());
        };
        let word = Word::ALL
            .into_iter()
            .find(|word| word.as_str() == name.trim());
        let word = word.ok_or_else(|| {
            format!(
                "`{{{{{name}}}}}` stands for nothing here; these do: {}",
                known()
            )
        })?;
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Word(word));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<Address, String> {
        Address::try_from(text.to_owned())
    }

    fn filled(text: &str, value: &str) -> Result<String, String> {
        address(text)?.fill(|_| value.to_owned()).map(String::from)
    }

    #[test]
    fn what_a_word_stands_for_changes_neither_host_nor_path() {
        let text = "https://h.example/a/{{version}}/b?v={{version}}&x=1";
        assert_eq!(
            filled(text, "1.2.0"),
            Ok("https://h.example/a/1.2.0/b?v=1.2.0&x=1".to_owned())
        );
        assert_eq!(
            filled(text, "a/../b?c&d=#e%2F@f"),
            Ok("https://h.example/a/a%2F..%2Fb%3Fc%26d%3D%23e%252F%40f/b?v=a%2F..%2Fb%3Fc%26d%3D%23e%252F%40f&x=1".to_owned())
        );
        for bad in ["..", ".", ""] {
            let found = filled(text, bad);
            assert!(
                found.is_err_and(|why| why.contains("another place")),
                "{bad}"
            );
        }
        assert!(filled("https://h/.{{version}}/b", ".").is_err());
        assert!(filled("https://h/{{version}}", &"x".repeat(3_000)).is_err());
        assert!(filled("https://h/?v={{version}}", "").is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for (text, words) in [
            ("h.example/x", "write https://HOST/PATH"),
            ("ftp://h/x", "write https://HOST/PATH"),
            ("file:///etc/passwd", "write https://HOST/PATH"),
            ("https://{{version}}.example/", "never in the host"),
            ("https://h{{version}}/", "never in the host"),
            ("https://h:{{version}}/", "address"),
            ("https://u:p@h/", "no login"),
            ("https://h/#x", "leave it out"),
            ("https://h/{{tag}}", "stands for nothing here"),
            ("https://h/{{tag", "never closed"),
            ("https://h/a b", "no blanks"),
        ] {
            let found = address(text).unwrap_err();
            assert!(found.contains(words), "{text}: {found}");
        }
        assert_eq!(address("https://h:8443/x").unwrap().host(), "h:8443");
        assert_eq!(address("https://h:443/x").unwrap().host(), "h");
    }
}
