//! Reading `WWW-Authenticate`: what a registry that answers 401 wants to see.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// The most bytes of challenges that are looked at.
const LONGEST: usize = 8 * 1024;

/// One challenge (RFC 9110, 11.6.1): a scheme in lower case and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// `bearer`, `basic`, ...
    pub(super) scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter by its lower-case name.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// The challenge to answer: bearer before basic; `None` if there is neither.
pub(super) fn choose(headers: &HeaderMap) -> Option<Challenge> {
    let all: Vec<Challenge> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|text| text.len() <= LONGEST)
        .flat_map(parse)
        .collect();
    let wanted = |scheme: &str| all.iter().find(|c| c.scheme == scheme).cloned();
    wanted("bearer").or_else(|| wanted("basic"))
}

/// All challenges of one header value; what is not understood is left out.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            // A stray `=` cannot begin anything: what follows is not to be guessed at.
            return found;
        }
        match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            Some(value) => {
                let Some((value, left)) = take_value(value.trim_start_matches([' ', '\t'])) else {
                    return found;
                };
                if let Some(last) = found.last_mut() {
                    last.params.push((word.to_ascii_lowercase(), value));
                }
                rest = left;
            }
            None => {
                found.push(Challenge {
                    scheme: word.to_ascii_lowercase(),
                    params: Vec::new(),
                });
                rest = after;
            }
        }
    }
}

/// A quoted string or a bare word, and what comes behind it.
fn take_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        choose(&headers)
    }

    #[test]
    fn a_bearer_challenge_is_read_with_commas_in_its_scope() {
        let challenge = chosen(&[
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
        ])
        .unwrap();
        assert_eq!(
            challenge.param("realm"),
            Some("https://auth.docker.io/token")
        );
        assert_eq!(challenge.param("service"), Some("registry.docker.io"));
        assert_eq!(challenge.param("scope"), Some("repository:a/b:pull,push"));
        assert_eq!(challenge.param("error"), None);
    }

    #[test]
    fn bearer_is_preferred_wherever_it_stands() {
        for values in [
            &[r#"Basic realm="x", Bearer realm=y"#][..],
            &["Negotiate", r#"BASIC realm="x""#, "bearer realm = y"][..],
        ] {
            let challenge = chosen(values).unwrap();
            assert_eq!(
                (challenge.scheme.as_str(), challenge.param("realm")),
                ("bearer", Some("y"))
            );
        }
        assert_eq!(
            chosen(&[r#"Basic realm="a \"b\" c""#])
                .unwrap()
                .param("realm"),
            Some(r#"a "b" c"#)
        );
    }

    #[test]
    fn broken_challenges_are_none_or_lack_what_is_broken() {
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&["Negotiate"]), None);
        assert_eq!(chosen(&["=,=,="]), None);
        assert_eq!(
            chosen(&[r#"Bearer realm="never ends"#])
                .unwrap()
                .param("realm"),
            None
        );
        let endless = format!("Bearer realm=\"{}\"", "x".repeat(LONGEST));
        assert_eq!(chosen(&[&endless]), None);
    }
}
