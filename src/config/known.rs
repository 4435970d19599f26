//! Secrets known by value, so that no sink shows one: those of the settings, and those that addresses, docker's
//! configuration, helpers and token servers hand out on the way. Every edge that meets a secret makes it known here.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::tokens::Tokens;

/// Secrets shorter than this are not looked for: replacing them would garble everything else.
const SHORTEST: usize = 6;
/// Forms of secrets met on the way that are kept; helpers may hand out a new one every few minutes.
const MOST_MET: usize = 2048;
/// What stands in place of a secret.
pub const HIDDEN: &str = "[redacted]";

#[derive(Debug, Default)]
struct Known {
    /// Never forgotten.
    fixed: Vec<SecretString>,
    /// Met on the way, in order; the oldest are forgotten.
    met: VecDeque<SecretString>,
    /// The longest first, so that none is hidden only in part.
    sorted: Vec<SecretString>,
    tokens: Tokens,
}

static KNOWN: RwLock<Option<Known>> = RwLock::new(None);

/// Makes a secret of the operator's known, so that it is replaced wherever it would be shown; also as JSON, URLs and base64
/// write it.
pub fn register(secret: &SecretString) {
    keep(forms(secret.expose_secret()), true);
}

/// The same for a user name and its password, also together as HTTP's basic authentication writes them.
pub fn register_login(user: &str, password: &SecretString) {
    register(password);
    keep(pair(user, password), true);
}

/// The same for a login that somebody handed out on the way, such as a helper; the latest ones are kept.
pub fn meet_login(user: &str, password: &SecretString) {
    keep(forms(password.expose_secret()), false);
    keep(pair(user, password), false);
}

/// The same for a token that a server handed out: it is hidden as it is and as URLs write it.
pub fn meet_token(token: &SecretString) {
    let plain = token.expose_secret();
    let query: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let tokens = &mut known.get_or_insert_default().tokens;
    tokens.meet(plain);
    tokens.meet(&query);
}

fn pair(user: &str, password: &SecretString) -> Vec<String> {
    let pair = format!("{user}:{}", password.expose_secret());
    vec![STANDARD_NO_PAD.encode(&pair), URL_SAFE_NO_PAD.encode(&pair)]
}

fn forms(plain: &str) -> Vec<String> {
    let mut forms = vec![plain.to_owned()];
    // JSON may escape it twice: text within text.
    for _ in 0..2 {
        let last = forms.last().cloned().unwrap_or_default();
        let json = serde_json::to_string(&last).unwrap_or_default();
        forms.push(
            json.get(1..json.len().saturating_sub(1))
                .unwrap_or_default()
                .to_owned(),
        );
    }
    forms.extend(in_urls(plain));
    for bytes in [plain, plain.trim()] {
        forms.push(STANDARD_NO_PAD.encode(bytes));
        forms.push(URL_SAFE_NO_PAD.encode(bytes));
    }
    forms.extend(plain.lines().map(|line| line.trim().to_owned()));
    forms
}

/// As URLs write it: in a query, in front of a host, with small digits too.
fn in_urls(plain: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    let mut forms = vec![query.replace('+', "%20"), query];
    if let Ok(mut url) = Url::parse("http://h/") {
        let set = url.set_password(Some(plain));
        forms.extend(set.ok().and_then(|()| url.password().map(str::to_owned)));
    }
    let small = forms.iter().map(|form| small_digits(form));
    forms.extend(small.collect::<Vec<_>>());
    forms
}

/// `%2B` as `%2b`.
fn small_digits(text: &str) -> String {
    let mut left = 0;
    text.chars()
        .map(|c| {
            let escaped = left > 0;
            left = if c == '%' { 2 } else { left.max(1) - 1 };
            if escaped { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}

fn keep(forms: Vec<String>, always: bool) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    for form in forms {
        let same = |k: &SecretString| k.expose_secret() == form;
        if form.len() < SHORTEST || known.fixed.iter().any(same) {
            continue;
        }
        if always {
            known.fixed.push(SecretString::from(form));
        } else if !known.met.iter().any(same) {
            known.met.push_back(SecretString::from(form));
        }
    }
    while known.met.len() > MOST_MET {
        known.met.pop_front();
    }
    known.sorted = known.fixed.iter().chain(&known.met).cloned().collect();
    known
        .sorted
        .sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
}

/// What a percent-encoded text means; `None` if that is no text.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|two| hex::decode(two).ok());
        if let Some(decoded) = escaped {
            bytes.extend(decoded);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The text without secrets: known values, and logins in addresses.
pub fn hide(text: &str) -> Cow<'_, str> {
    let mut text = hide_logins(text);
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    for secret in known.iter().flat_map(|known| &known.sorted) {
        if text.contains(secret.expose_secret()) {
            text = Cow::Owned(text.replace(secret.expose_secret(), HIDDEN));
        }
    }
    let tokens = known.as_ref().map(|known| &known.tokens);
    match tokens.and_then(|tokens| tokens.hide(&text, HIDDEN)) {
        Some(hidden) => Cow::Owned(hidden),
        None => text,
    }
}

/// `https://user:password@host` without the part before `@`. A user alone is a name, except over HTTP, where it is a token.
fn hide_logins(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        if start < done {
            continue;
        }
        let authority = text[start..]
            .split(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c))
            .next()
            .unwrap_or_default();
        let before = text[..at].to_ascii_lowercase();
        let http = before.ends_with("http") || before.ends_with("https");
        if let Some(end) = authority.rfind('@')
            && (http || authority[..end].contains(':'))
            && &authority[..end] != HIDDEN
        {
            out.push_str(&text[done..start]);
            out.push_str(HIDDEN);
            done = start + end;
        }
    }
    if done == 0 {
        Cow::Borrowed(text)
    } else {
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_secret_is_replaced_in_every_form() {
        register_login("bot", &SecretString::from("s3cr\"t pässw@rd+"));
        for text in [
            "user s3cr\"t pässw@rd+!",
            r#"{"a":"s3cr\"t pässw@rd+"}"#,
            r#"{"log":"{\"a\":\"s3cr\\\"t pässw@rd+\"}"}"#,
            "?q=s3cr%22t+p%C3%A4ssw%40rd%2B",
            "?q=s3cr%22t%20p%C3%A4ssw%40rd%2B",
            "?q=s3cr%22t%20p%c3%a4ssw%40rd%2b",
            "s3cr%22t%20p%C3%A4ssw%40rd+",
            "Basic czNjciJ0IHDDpHNzd0ByZCs=",
            "Basic Ym90OnMzY3IidCBww6Rzc3dAcmQr",
        ] {
            let shown = hide(text);
            assert!(shown.contains(HIDDEN), "{shown}");
            assert!(!shown.contains("s3cr"), "{shown}");
        }
        assert_eq!(hide("nothing here"), "nothing here");
    }

    #[test]
    fn credentials_in_urls_are_replaced_though_nobody_registered_them() {
        assert_eq!(
            hide("cannot reach `https://bot:pa@ss@host/x`, HTTP://token@host and ssh://git@host"),
            "cannot reach `https://[redacted]@host/x`, HTTP://[redacted]@host and ssh://git@host"
        );
        let once = hide("https://bot:pass@host").into_owned();
        assert_eq!(hide(&once), once);
    }

    #[test]
    fn of_what_is_met_on_the_way_the_latest_are_kept_and_settings_always() {
        register(&SecretString::from("of-the-settings"));
        for n in 0..MOST_MET {
            meet_login("x", &SecretString::from(format!("handed-out-{n:05}")));
        }
        assert_eq!(hide(&format!("handed-out-{:05}", MOST_MET - 1)), HIDDEN);
        assert_eq!(hide("of-the-settings"), HIDDEN);
        let known = KNOWN.read().unwrap();
        assert_eq!(known.as_ref().unwrap().met.len(), MOST_MET);
    }
}
