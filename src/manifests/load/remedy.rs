//! What to do about a field that is missing, that nobody knows, or whose value has another shape: by the field's name, as
//! far as it says what people mean.

use crate::manifests::suggest::nearest;
use crate::manifests::yaml::{Id, Tree};

/// Sound values of fields, as they are written.
const EXAMPLES: &[(&str, &str)] = &[
    ("age", "2h"),
    ("allow", "[\"Mon-Thu 09:00-16:00\"]"),
    ("any", "[qa, hotfix]"),
    ("applications", "[{name: web, template: web}]"),
    ("approvals", "{count: 1, from: [\"@release\"]}"),
    ("argocd", "{server: main, app: web-prod}"),
    ("autoRollback", "{within: 2h}"),
    ("checks", "[smoke]"),
    ("count", "2"),
    ("cron", "\"0 9 1 * *\""),
    ("deny", "[\"Fri 12:00-24:00\"]"),
    ("deployed", "{check: argocd}"),
    ("digest", "\"sha256:<64 hex digits>\""),
    ("enter", "[{age: 2h}]"),
    ("environments", "[prod]"),
    ("expect", "'json.state == \"passed\"'"),
    ("expression", "'image.labels[\"tests\"] == \"passed\"'"),
    ("file", "smoke.yaml"),
    ("for", "8h"),
    ("from", "[qa]"),
    ("group", "30m"),
    (
        "http",
        "{url: \"https://HOST/PATH\", expect: 'json.state == \"passed\"'}",
    ),
    ("key", "keys/cosign.pub"),
    ("labels", "[release]"),
    ("metadata", "{name: NAME}"),
    ("min", "2h"),
    ("name", "NAME"),
    ("pipeline", "PIPELINE"),
    ("pullRequest", "{labels: [release]}"),
    ("reason", "\"why, for those who read it later\""),
    ("repository", "owner/name"),
    ("signature", "{key: keys/cosign.pub}"),
    ("since", "imported"),
    ("soak", "30m"),
    ("stages", "[{name: dev}]"),
    ("streams", "[web]"),
    ("timeZone", "Europe/Berlin"),
    ("timeout", "30m"),
    ("url", "\"https://HOST/PATH\""),
    ("verify", "[{soak: 30m}]"),
    (
        "window",
        "{allow: [\"Mon-Thu 09:00-16:00\"], timeZone: Europe/Berlin}",
    ),
    ("within", "2h"),
    ("workflow", "{repository: owner/name, file: smoke.yaml}"),
];

/// Fields of a stage alone, which people also look for in an environment.
const OF_STAGES: [&str; 7] = [
    "approvedBy",
    "autoRollback",
    "from",
    "order",
    "releaseTag",
    "tag",
    "verify",
];

/// Fields of an environment alone, which people also look for in a stage.
const OF_ENVIRONMENTS: [&str; 6] = [
    "applications",
    "delivery",
    "deployed",
    "overrides",
    "pullRequest",
    "rollback",
];

/// Fields of an environment's pull requests.
const OF_PULL_REQUESTS: [&str; 4] = ["group", "labels", "limit", "merge"];

/// Lists of gates.
const GATES: [&str; 2] = ["enter", "verify"];

/// Fields that mean something else in holds and freezes.
const OF_BRAKES: &[(&str, &str)] = &[
    ("except", "{pipelines: [web]}"),
    ("from", "2026-12-24T18:00"),
    ("pipelines", "[web]"),
    ("stages", "[prod]"),
    ("until", "2026-12-27T08:00"),
];

/// A sound value of a field in a document at this root.
fn example_in(tree: &Tree<'_>, root: Id, field: &str) -> Option<&'static str> {
    let kind = tree.get(root, "kind").and_then(|kind| tree.scalar(kind));
    let is_brake = matches!(kind, Some("Hold" | "Freeze"));
    let found = OF_BRAKES
        .iter()
        .find(|(name, _)| is_brake && *name == field);
    found.map(|(_, value)| *value).or_else(|| example(field))
}

fn example(field: &str) -> Option<&'static str> {
    let found = EXAMPLES.iter().find(|(name, _)| *name == field);
    found.map(|(_, value)| *value)
}

/// What to write where a field is missing.
pub(super) fn missing(tree: &Tree<'_>, root: Id, field: &str) -> String {
    match (field, example_in(tree, root, field)) {
        ("timeZone", _) => {
            "add `timeZone: Europe/Berlin`, or the zone that is meant: there is no default"
                .to_owned()
        }
        (_, Some(value)) => format!("add `{field}: {value}`, with what is meant"),
        (_, None) => format!("add `{field}:` with its value"),
    }
}

/// What to write instead of a value of another shape, by the key it stands under.
pub(super) fn shape(tree: &Tree<'_>, root: Id, at: Id) -> Option<String> {
    let (key, listed) = key_of(tree, root, at)?;
    if listed && GATES.contains(&key) {
        return Some("write one gate in each item, as in `- soak: 30m` or `- age: 2h`".to_owned());
    }
    let kind = tree.scalar(at).filter(|_| listed).and_then(|word| {
        let value = example(word)?;
        Some(format!("write `{word}: {value}`"))
    });
    kind.or_else(|| {
        let value = example_in(tree, root, key)?;
        Some(format!("write it as in `{key}: {value}`"))
    })
}

/// What to write instead of a value that its field does not take, where the words about it do not say so.
pub(super) fn other(tree: &Tree<'_>, root: Id, at: Id, words: &str) -> Option<String> {
    // Addresses have words of their own, and say which.
    if let Some(open) = tree.scalar(at).and_then(unfilled)
        && !words.contains("{{version}}")
    {
        return Some(format!(
            "nothing is filled in for `{open}` here: the `matrix` of this document has no such dimension"
        ));
    }
    let says_so = ["write ", "use ", "did you mean"];
    match says_so.iter().any(|step| words.contains(step)) {
        true => None,
        false => shape(tree, root, at),
    }
}

/// A placeholder that is still one.
fn unfilled(text: &str) -> Option<&str> {
    let begin = text.find("{{")?;
    let end = begin + text[begin..].find("}}")? + 2;
    Some(&text[begin..end]).filter(|open| open.len() <= LONGEST_SAID)
}

/// Longer placeholders are not said again, in bytes.
const LONGEST_SAID: usize = 60;

/// The key under which a value stands, and whether as an item of a list there.
fn key_of<'t>(tree: &'t Tree<'_>, root: Id, at: Id) -> Option<(&'t str, bool)> {
    let mut open: Vec<(Id, Option<&str>, bool)> = vec![(root, None, false)];
    let mut looked = 0_usize;
    while let Some((id, key, listed)) = open.pop() {
        looked += 1;
        if id == at {
            return key.map(|key| (key, listed));
        }
        // Aliases may come to more than is worth looking at for a hint.
        if looked > MOST_LOOKED {
            return None;
        }
        let id = tree.resolved(id);
        for (name, value) in tree.entries(id) {
            if *name == at {
                return key.map(|key| (key, listed));
            }
            open.push((*value, tree.scalar(*name), false));
        }
        open.extend(tree.items(id).iter().map(|item| (*item, key, true)));
    }
    None
}

/// Values that are looked at for the key of one of them.
const MOST_LOOKED: usize = 20_000;

/// What to do about a field that nobody knows here.
pub(super) fn unknown(field: &str, known: &[&str]) -> String {
    let has = |name: &str| known.contains(&name);
    let (stage, environment) = (has("releaseTag"), has("delivery"));
    if (stage || environment) && OF_PULL_REQUESTS.contains(&field) {
        return format!(
            "write it into the environment, below `pullRequest`: `pullRequest: {{{field}: ...}}`"
        );
    }
    if stage && OF_ENVIRONMENTS.contains(&field) {
        return format!(
            "`{field}` is a rule of the environment: write it into environments/<name>.yaml; a pipeline adds to its rules and loosens none"
        );
    }
    if environment && OF_STAGES.contains(&field) {
        return format!("`{field}` is a rule of stages: write it into the pipeline");
    }
    if has("spec") && has("metadata") && example(field).is_some()
        || field == "matrix" && has("spec")
    {
        return format!("write `{field}` below `spec`");
    }
    match nearest(field, known.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => "take it out, or write one of those instead".to_owned(),
    }
}
