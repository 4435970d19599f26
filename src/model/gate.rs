//! Conditions as people write them: before a set enters a stage (`enter`) and after it arrived (`verify`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::address::{Address, Word};
use super::commit_status::CommitStatus;
use super::name::Name;
use super::object::{RepoPath, hash8};
use super::time::{Period, Timestamp};
use super::window::Window;
use super::workflow_run::INPUT;

/// One condition: a map with a single key, its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gate {
    /// The set has been known for some time.
    Age(Age),
    /// The set has stayed in the stage without interruption.
    Soak(Period),
    /// A CEL expression over the images of the set is true.
    Expression(String),
    /// Times at which a set may enter.
    Window(Window),
    /// The image is signed with a cosign key.
    Signature(Signature),
    /// A workflow of the forge succeeds for the set.
    Workflow(Workflow),
    /// Named checks of the forge are green.
    #[serde(deserialize_with = "check_names")]
    Checks(Vec<String>),
    /// An HTTP answer satisfies a CEL expression.
    Http(Http),
}

impl Gate {
    /// The kind as written in YAML.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Age(_) => "age",
            Self::Soak(_) => "soak",
            Self::Expression(_) => "expression",
            Self::Window(_) => "window",
            Self::Signature(_) => "signature",
            Self::Workflow(_) => "workflow",
            Self::Checks(_) => "checks",
            Self::Http(_) => "http",
        }
    }

    /// Whether this kind may stand under `enter`.
    pub const fn may_guard_entry(&self) -> bool {
        matches!(
            self,
            Self::Age(_) | Self::Expression(_) | Self::Window(_) | Self::Signature(_)
        )
    }

    /// Whether this kind may stand under `verify`.
    pub const fn may_verify(&self) -> bool {
        matches!(
            self,
            Self::Soak(_)
                | Self::Expression(_)
                | Self::Workflow(_)
                | Self::Checks(_)
                | Self::Http(_)
        )
    }

    /// Eight hex digits that name this definition: a verdict belongs to (set, stage, definition).
    pub fn id(&self) -> String {
        hash8(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// Names of checks: at least one, each once.
fn check_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.is_empty() {
        return Err(de::Error::custom(
            "this waits for no check: write those that must be there, as [smoke]",
        ));
    }
    for (index, name) in names.iter().enumerate() {
        sound_check(name).map_err(de::Error::custom)?;
        if names[..index].contains(name) {
            return Err(de::Error::custom(format!("`{name}` is named twice")));
        }
    }
    Ok(names)
}

/// The name of a check with `{{app}}` and `{{environment}}` in it, and no other expression.
fn check_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    sound_check(&name).map_err(de::Error::custom)?;
    let left = name.replace("{{app}}", "").replace("{{environment}}", "");
    if left.contains("{{") || left.contains("}}") {
        return Err(de::Error::custom(
            "only {{app}} and {{environment}} stand for anything in the name of a check",
        ));
    }
    Ok(Some(name))
}

fn sound_check(name: &str) -> Result<(), String> {
    if name.trim().is_empty() || name.trim() != name || name.chars().any(char::is_control) {
        return Err("a check has a name of one line, without blanks around it".to_owned());
    }
    if name.starts_with(CommitStatus::PREFIX) {
        return Err(format!(
            "`{name}` is what we say ourselves, which proves nothing"
        ));
    }
    Ok(())
}

/// What `age` counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Since {
    /// When the set was first current in the pipeline's first stage.
    #[default]
    Imported,
    /// When the set became current in the stage it comes from.
    Entered,
}

/// A least age: `2h`, or `{min: 2h, since: imported | entered}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Age {
    /// The least age.
    pub min: Period,
    /// What it counts from.
    pub since: Since,
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Age;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time like 2h, or {min: 2h, since: imported}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Age, E> {
                Ok(Age {
                    min: text.parse().map_err(E::custom)?,
                    since: Since::default(),
                })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Age, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Long {
                    min: Period,
                    #[serde(default)]
                    since: Since,
                }
                let Long { min, since } =
                    Long::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Age { min, since })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A cosign signature by a public key of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signature {
    /// Path of the public key from the top of the repository, read at the base.
    #[serde(deserialize_with = "path")]
    pub key: RepoPath,
}

/// A path from the top of the repository, with or without a leading `/`.
fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RepoPath, D::Error> {
    let text = String::deserialize(deserializer)?;
    let path = text.strip_prefix('/').unwrap_or(&text);
    path.parse().map_err(de::Error::custom)
}

/// A workflow run for the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workflow {
    /// Forge repository that holds the workflow, `owner/name`.
    #[serde(deserialize_with = "forge_repository")]
    pub repository: String,
    /// Branch or tag to run it on; without it the repository's default branch.
    #[serde(default, rename = "ref", deserialize_with = "git_ref")]
    pub git_ref: Option<String>,
    /// Its file in `.github/workflows`.
    #[serde(deserialize_with = "workflow_file")]
    pub file: String,
    /// Inputs that the workflow declares. Their values may hold words like `{{digest}}`.
    #[serde(default, deserialize_with = "inputs")]
    pub inputs: BTreeMap<String, String>,
    /// After this the run counts as failed.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// How often a failed run is started again.
    #[serde(default)]
    pub retries: u32,
}

fn forge_repository<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts: Vec<&str> = text.split('/').collect();
    let sound = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = |part: &&str| !matches!(*part, "" | "." | "..") && part.chars().all(sound);
    match parts.len() == 2 && parts.iter().all(good) {
        true => Ok(text),
        false => Err(de::Error::custom(
            "this is no repository: write `owner/name`",
        )),
    }
}

fn workflow_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let name = text
        .strip_suffix(".yaml")
        .or_else(|| text.strip_suffix(".yml"));
    let sound = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match name.is_some_and(|name| !name.is_empty() && name.chars().all(sound)) {
        true => Ok(text),
        false => Err(de::Error::custom(
            "a workflow is named by its file below .github/workflows, like `e2e.yaml`",
        )),
    }
}

fn git_ref<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let bad = |c: char| c.is_whitespace() || c.is_control();
    match &text {
        Some(text) if text.is_empty() || text.contains(bad) => {
            Err(de::Error::custom("this is no name of a branch or a tag"))
        }
        _ => Ok(text),
    }
}

fn inputs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let inputs = BTreeMap::<String, String>::deserialize(deserializer)?;
    if inputs.len() > MOST_INPUTS {
        let words = format!("a workflow takes at most {MOST_INPUTS} inputs beside `{INPUT}`");
        return Err(de::Error::custom(words));
    }
    if inputs.contains_key(INPUT) {
        let words = format!("`{INPUT}` is given by headwater itself: it is the key of the run");
        return Err(de::Error::custom(words));
    }
    for value in inputs.values() {
        let left = Word::ALL.into_iter().fold(value.clone(), |left, word| {
            left.replace(&word.in_braces(), "")
        });
        if left.contains("{{") {
            let all = Word::ALL.map(Word::in_braces).join(", ");
            return Err(de::Error::custom(format!(
                "only these stand for anything in an input: {all}"
            )));
        }
    }
    Ok(inputs)
}

/// GitHub takes 25 in all.
const MOST_INPUTS: usize = 24;

/// An HTTP answer that must satisfy an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// Where to ask; the host must be listed by the operator.
    pub url: Address,
    /// Name of an operator credential bound to that host.
    #[serde(default)]
    pub auth: Option<Name>,
    /// CEL over the answer.
    pub expect: String,
}

/// Where an environment reports that a set runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployed {
    /// Commit status or check run, with `{{app}}` and `{{environment}}` filled in.
    #[serde(default, deserialize_with = "check_name")]
    pub check: Option<String>,
    /// An application of an Argo CD server.
    #[serde(default)]
    pub argocd: Option<ArgoCdApplication>,
    /// After this silence counts as failure.
    #[serde(default)]
    pub timeout: Option<Period>,
}

/// An application as Argo CD names it, on a server that the operator's settings name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgoCdApplication {
    /// The server's name in the operator's settings.
    pub server: Name,
    /// The application's name, with `{{app}}` and `{{environment}}` filled in.
    #[serde(deserialize_with = "application_name")]
    pub app: String,
}

/// The name of an object of Kubernetes with `{{app}}` and `{{environment}}` in it, and no other expression.
fn application_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let left = name.replace("{{app}}", "x").replace("{{environment}}", "x");
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    match left.chars().all(sound) && left.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => Ok(name),
        false => Err(de::Error::custom(
            "an application's name has small letters, digits, `-` and `.`; only {{app}} and {{environment}} stand for anything in it",
        )),
    }
}

/// Who must approve, and how many of them. Spelled as CODEOWNERS does: `@user`, `@org/team`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approvals {
    /// How many different people.
    pub count: u32,
    /// Of whom; empty means anybody who may approve.
    #[serde(default)]
    pub from: Vec<String>,
}

impl Approvals {
    /// Whose approvals count, in words.
    pub fn who(&self) -> String {
        match self.from.as_slice() {
            [] => "anybody".to_owned(),
            named => named.join(", "),
        }
    }
}

/// What a gate says of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub enum Verdict {
    /// The condition holds.
    Open {
        /// Evidence in plain words, free of anything relative to now.
        why: String,
    },
    /// Not yet; may open by itself.
    Waiting {
        /// What it waits for.
        why: String,
        /// The earliest instant it could open, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// No, and waiting does not help.
    Refused {
        /// The reason.
        why: String,
    },
}

impl Verdict {
    /// Whether the gate is open.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Whether it is shut for good, as far as can be told.
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// The reason in words.
    pub fn why(&self) -> &str {
        match self {
            Self::Open { why } | Self::Waiting { why, .. } | Self::Refused { why } => why,
        }
    }
}

/// A gate that may be skipped by `promote --skip`, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Overrides {
    /// Kinds of gate that may be skipped.
    #[serde(default)]
    pub skip: Vec<Name>,
    /// People or teams who may.
    #[serde(default)]
    pub by: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_named_so_that_it_leads_nowhere_else() {
        let read = |fields: &str| {
            serde_json::from_str::<Gate>(&format!(r#"{{"workflow": {{{fields}}}}}"#))
        };
        let good = r#""repository": "acme/app", "file": "e2e.yaml""#;
        assert!(
            read(&format!(
                r#"{good}, "inputs": {{"image": "x@{{{{digest}}}}"}}"#
            ))
            .is_ok()
        );
        for (fields, words) in [
            (r#""repository": "acme", "file": "e2e.yaml""#, "owner/name"),
            (
                r#""repository": "acme/..", "file": "e2e.yaml""#,
                "owner/name",
            ),
            (
                r#""repository": "acme/app/x", "file": "e2e.yaml""#,
                "owner/name",
            ),
            (
                r#""repository": "acme/app?x", "file": "e2e.yaml""#,
                "owner/name",
            ),
            (
                r#""repository": "acme/app", "file": "../e2e.yaml""#,
                "by its file",
            ),
            (r#""repository": "acme/app", "file": "e2e""#, "by its file"),
            (
                r#""repository": "acme/app", "file": "e2e.yaml", "ref": "a b""#,
                "no name of a branch",
            ),
            (
                r#""repository": "acme/app", "file": "e2e.yaml", "inputs": {"headwater": "x"}"#,
                "key of the run",
            ),
            (
                r#""repository": "acme/app", "file": "e2e.yaml", "inputs": {"a": "{{tag}}"}"#,
                "only these",
            ),
        ] {
            let error = read(fields).unwrap_err().to_string();
            assert!(error.contains(words), "{fields}: {error}");
        }
    }

    #[test]
    fn a_gate_of_checks_names_some_and_each_once() {
        let read = |names: &str| serde_json::from_str::<Gate>(&format!(r#"{{"checks": {names}}}"#));
        assert!(read(r#"["e2e", "load test"]"#).is_ok());
        for (names, words) in [
            ("[]", "waits for no check"),
            (r#"[""]"#, "one line"),
            (r#"[" e2e"]"#, "one line"),
            (r#"["a\nb"]"#, "one line"),
            (r#"["e2e", "e2e"]"#, "twice"),
            (r#"["headwater/prod"]"#, "we say ourselves"),
        ] {
            let error = read(names).unwrap_err().to_string();
            assert!(error.contains(words), "{names}: {error}");
        }
        let deployed = |name: &str| {
            let json = serde_json::json!({ "check": name });
            serde_json::from_value::<Deployed>(json)
        };
        assert!(deployed("argocd/{{app}}-{{environment}}").is_ok());
        for name in ["", "argocd/{{nope}}", "argocd/{{app", "x}}"] {
            assert!(deployed(name).is_err(), "{name}");
        }
        let argocd = |app: &str| {
            let json = serde_json::json!({ "argocd": {"server": "eu", "app": app} });
            serde_json::from_value::<Deployed>(json)
        };
        assert!(argocd("{{app}}-{{environment}}").is_ok());
        for app in ["", "{{stage}}", "a/b", "..", "A", "a b", "{{app"] {
            assert!(argocd(app).is_err(), "{app}");
        }
    }
}
