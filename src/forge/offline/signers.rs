//! Who may sign approvals: the `allowed_signers` format of OpenSSH, read strictly. One key is one person.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use super::document::one_line;
use crate::config::forge::AllowedSigners;
use crate::git::NAMESPACE;
use crate::model::Timestamp;

const MAX_FILE: u64 = 1 << 20;
const MAX_LINES: usize = 10_000;

/// Keys and the people they belong to.
#[derive(Debug, Clone, Default)]
pub(super) struct Signers {
    by_key: BTreeMap<KeyData, Signer>,
    /// Lines that are not used, and why.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Clone)]
struct Signer {
    principal: String,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Signers {
    /// Reads the operator's file or lines. A file that cannot be read allows nobody, and is a problem that is told.
    pub(super) async fn load(source: Option<&AllowedSigners>) -> Self {
        match source {
            None => Self::default(),
            Some(AllowedSigners::Lines(lines)) => Self::parse(lines.iter().map(String::as_str)),
            Some(AllowedSigners::File(path)) => match read_bounded(path).await {
                Ok(text) => Self::parse(text.lines()),
                Err(why) => Self {
                    by_key: BTreeMap::new(),
                    problems: vec![format!("cannot read `{}`: {why}", path.display())],
                },
            },
        }
    }

    fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut signers = Self::default();
        for (index, line) in lines.enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            if index >= MAX_LINES {
                signers.problems.push(format!(
                    "allowed signers from line {number} on are too many"
                ));
                break;
            }
            match parse_line(line) {
                Err(why) => signers
                    .problems
                    .push(format!("allowed signers, line {number}: {why}")),
                Ok(None) => {}
                Ok(Some((key, _))) if signers.by_key.contains_key(&key) => {
                    signers.problems.push(format!(
                        "allowed signers, line {number}: this key is listed before; the first line counts"
                    ));
                }
                Ok(Some((key, signer))) => {
                    signers.by_key.insert(key, signer);
                }
            }
        }
        signers
    }

    /// Why a key is nobody's: where not all signers can be read, it may be the operator's list and not the key.
    fn nobodys(&self) -> String {
        let words = "signed by a key that is not among the allowed signers";
        match self.problems.as_slice() {
            [] => words.to_owned(),
            [one] => format!("{words}, which cannot all be read: {one}"),
            [first, rest @ ..] => format!(
                "{words}, which cannot all be read: {first} (and {} more)",
                rest.len()
            ),
        }
    }

    /// Whose key this is at that time, or why it is nobody's.
    pub(super) fn whose(&self, key: &KeyData, at: Timestamp) -> Result<&str, String> {
        let signer = self.by_key.get(key).ok_or_else(|| self.nobodys())?;
        if signer.after.is_some_and(|after| at < after) {
            return Err("signed before its key became valid".to_owned());
        }
        if signer.before.is_some_and(|before| at >= before) {
            return Err("signed after its key ceased to be valid".to_owned());
        }
        Ok(&signer.principal)
    }
}

async fn read_bounded(path: &std::path::Path) -> Result<String, String> {
    let meta = tokio::fs::metadata(path).await.map_err(|e| e.to_string())?;
    if meta.len() > MAX_FILE {
        return Err(format!("it is larger than {MAX_FILE} bytes"));
    }
    tokio::fs::read_to_string(path)
        .await
        .map_err(|e| e.to_string())
}

/// `principals [options] type key [comment]`; `None` for a key that is not for commits.
fn parse_line(line: &str) -> Result<Option<(KeyData, Signer)>, String> {
    let (principals, rest) = field(line)?;
    let principal = principals.split(',').next().unwrap_or_default();
    if principal.is_empty() || principal.contains(['*', '?', '!']) || principals.contains('!') {
        return Err(format!(
            "`{}` is a pattern; name one person per key",
            one_line(&principals)
        ));
    }
    if principal.chars().count() > 200 || one_line(principal) != principal {
        return Err("its principal is no plain name".to_owned());
    }
    let mut signer = Signer {
        principal: principal.to_owned(),
        after: None,
        before: None,
    };
    let mut key = rest.trim_start();
    if PublicKey::from_openssh(key).is_err() {
        let (options, after) = field(key)?;
        key = after.trim_start();
        if !read_options(&options, &mut signer)? {
            return Ok(None);
        }
    }
    let key =
        PublicKey::from_openssh(key).map_err(|error| format!("its key cannot be read: {error}"))?;
    match key.key_data() {
        KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
        KeyData::Ecdsa(ecdsa) if ecdsa.curve() == ssh_key::EcdsaCurve::NistP256 => {}
        _ => {
            return Err(format!(
                "`{}` keys are not supported: use ssh-ed25519 or ecdsa-sha2-nistp256",
                key.algorithm()
            ));
        }
    }
    Ok(Some((key.key_data().clone(), signer)))
}

/// The first field, which may hold quoted spaces, without its quotes, and the rest.
fn field(text: &str) -> Result<(String, &str), String> {
    let mut quoted = false;
    let mut found = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return Ok((found, &text[at..])),
            _ => found.push(c),
        }
    }
    Err(if quoted {
        "a quote is not closed".to_owned()
    } else {
        "its key is missing".to_owned()
    })
}

/// Takes over the options; `false` if the key is for other things than Git.
fn read_options(options: &str, signer: &mut Signer) -> Result<bool, String> {
    let mut for_git = true;
    let mut last = "";
    for option in options.split(',') {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value),
            // The comma belongs to the list of `namespaces`.
            None if last == "namespaces" => ("namespaces-more", option),
            None => (option, ""),
        };
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => {
                last = "namespaces";
                for_git = is_git(value);
                continue;
            }
            "namespaces-more" => {
                for_git |= is_git(value);
                continue;
            }
            "valid-after" => signer.after = Some(instant(value)?),
            "valid-before" => signer.before = Some(instant(value)?),
            "cert-authority" => {
                return Err("certificates are not supported; list the key itself".to_owned());
            }
            _ => return Err(format!("`{}` is not an option or a key", one_line(option))),
        }
        last = "";
    }
    Ok(for_git)
}

fn is_git(namespace: &str) -> bool {
    namespace == NAMESPACE || namespace == "*"
}

/// `YYYYMMDD[HHMM[SS]][Z]`; taken as UTC with or without `Z`, so that it means the same on every machine.
fn instant(text: &str) -> Result<Timestamp, String> {
    let fail = || {
        format!(
            "`{}` is not a time like 20261231 or 202612312359Z",
            one_line(text)
        )
    };
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err(fail());
    }
    let full = format!("{digits:0<14}");
    DateTime::strptime("%Y%m%d%H%M%S", &full)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map(|zoned| zoned.timestamp())
        .map_err(|_| fail())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn parse(text: &str) -> Signers {
        Signers::parse(text.lines())
    }

    fn whose(signers: &Signers, at: &str) -> Result<String, String> {
        let key = PublicKey::from_openssh(ANN).unwrap();
        signers
            .whose(key.key_data(), at.parse().unwrap())
            .map(str::to_owned)
    }

    const NOW: &str = "2026-11-02T09:00:00Z";

    #[test]
    fn a_key_belongs_to_the_first_principal_of_its_line() {
        for line in [
            format!("ann@acme.example {ANN} laptop"),
            format!("ann@acme.example,ann@home.example\t{ANN}"),
            format!("\"ann@acme.example\" namespaces=\"file,git\" {ANN}"),
            format!("# people\n\nann@acme.example namespaces=\"git\" {ANN}\n"),
        ] {
            let signers = parse(&line);
            assert_eq!(signers.problems, Vec::<String>::new(), "{line}");
            assert_eq!(whose(&signers, NOW).unwrap(), "ann@acme.example", "{line}");
        }
    }

    #[test]
    fn a_key_for_other_things_is_nobodys() {
        let signers = parse(&format!("ann@acme.example namespaces=\"file\" {ANN}"));
        assert!(signers.problems.is_empty());
        assert!(whose(&signers, NOW).is_err());
    }

    #[test]
    fn a_key_counts_only_while_it_is_valid() {
        let signers = parse(&format!(
            "ann@acme.example valid-after=20261101,valid-before=\"202611020930Z\" {ANN}"
        ));
        assert_eq!(signers.problems, Vec::<String>::new());
        assert!(whose(&signers, "2026-11-02T09:29:59Z").is_ok());
        assert!(
            whose(&signers, "2026-11-02T09:30:00Z")
                .unwrap_err()
                .contains("ceased")
        );
        assert!(
            whose(&signers, "2026-10-31T23:59:59Z")
                .unwrap_err()
                .contains("before")
        );
    }

    #[test]
    fn lines_that_could_make_one_key_many_people_are_refused_by_number() {
        let signers = parse(&format!(
            "*@acme.example {ANN}\nann {ANN}\nbob {ANN}\ncert cert-authority {ANN}\nx\ny what {ANN}\nz valid-before=soon {ANN}\n!q {ANN}"
        ));
        assert_eq!(whose(&signers, NOW).unwrap(), "ann");
        let about: Vec<&str> = signers
            .problems
            .iter()
            .map(|p| p.split(':').next().unwrap())
            .collect();
        let expected: Vec<String> = [1, 3, 4, 5, 6, 7, 8]
            .map(|n| format!("allowed signers, line {n}"))
            .to_vec();
        assert_eq!(about, expected);
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_allows_nobody_and_says_so() {
        let signers = Signers::load(Some(&AllowedSigners::File("/nonexistent/file".into()))).await;
        let said = whose(&signers, NOW).unwrap_err();
        assert!(said.contains("cannot read `/nonexistent/file`"), "{said}");
        assert_eq!(signers.problems.len(), 1);
    }
}
