//! Objects with pods: their names as `kubectl` has them, where they keep the pods' metadata, and whether every image name
//! in them is looked up in image streams (imagestreams 4, point 6).

use std::collections::BTreeMap;
use std::fmt;

use super::diagnostic::{Diagnostic, Place};
use super::load::syntax_problem;
use super::triggers::TRIGGERS;
use super::yaml::{self, Id, Tree, place_of};
use crate::model::RepoPath;

/// The annotation that asks for it; it counts only with the value `*`.
pub const RESOLVE_NAMES: &str = "alpha.image.policy.openshift.io/resolve-names";

/// A kind of object with pods.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodKind {
    /// As in `kind`.
    pub kind: &'static str,
    /// As in the address of its objects, which is also what people type.
    pub plural: &'static str,
    short: Option<&'static str>,
    /// The way to the template of its pods; a pod has none.
    pub template: &'static [&'static str],
}

const TEMPLATE: &[&str] = &["spec", "template"];

macro_rules! kinds {
    ($(($kind:literal, $plural:literal, $short:expr, $template:expr),)*) => {
        /// All kinds whose images are looked up.
        static KINDS: &[PodKind] = &[$(PodKind {
            kind: $kind,
            plural: $plural,
            short: $short,
            template: $template,
        }),*];
    };
}

kinds! {
    ("Pod", "pods", Some("po"), &[]),
    ("PodTemplate", "podtemplates", None, &["template"]),
    ("ReplicationController", "replicationcontrollers", Some("rc"), TEMPLATE),
    ("Deployment", "deployments", Some("deploy"), TEMPLATE),
    ("ReplicaSet", "replicasets", Some("rs"), TEMPLATE),
    ("StatefulSet", "statefulsets", Some("sts"), TEMPLATE),
    ("DaemonSet", "daemonsets", Some("ds"), TEMPLATE),
    ("Job", "jobs", None, TEMPLATE),
    ("CronJob", "cronjobs", Some("cj"), &["spec", "jobTemplate", "spec", "template"]),
    ("DeploymentConfig", "deploymentconfigs", Some("dc"), TEMPLATE),
}

impl PodKind {
    /// The kind of an object.
    pub fn of(kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|known| known.kind == kind)
    }

    /// The kind that a person means: singular, plural or short, with or without its group, in any case.
    pub fn named(word: &str) -> Option<&'static Self> {
        let lower = word.to_ascii_lowercase();
        let name = lower.split_once('.').map_or(&*lower, |(name, _)| name);
        KINDS.iter().find(|known| {
            known.plural == name
                || known.short == Some(name)
                || known.kind.eq_ignore_ascii_case(name)
        })
    }

    /// Plurals of all kinds, for help.
    pub fn all() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|known| known.plural)
    }
}

/// Which object is meant, wherever it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkloadId {
    /// What it is.
    pub kind: &'static PodKind,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, where it is said.
    pub namespace: Option<String>,
}

/// As `kubectl` names it: `deployments/web`.
impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.plural, self.name)
    }
}

/// An object with pods in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Which it is.
    pub id: WorkloadId,
    /// The group of its `apiVersion`, empty for the core's.
    pub group: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether every image name in it is looked up, whatever the streams say.
    pub resolves: bool,
    /// The annotation with its image change triggers, where there is one.
    pub triggers: Option<String>,
    /// Names of its init containers and of its containers, empty where one has none.
    pub containers: [Vec<String>; 2],
    /// Whether its roll-outs are paused.
    pub paused: bool,
    /// Where it begins.
    pub place: Place,
    /// Which document of the text; items of a `List` count one by one.
    pub(crate) document: usize,
}

impl Workload {
    /// As `-o name` prints it: `deployment.apps/web`.
    pub fn full_name(&self) -> String {
        let kind = self.id.kind.kind.to_ascii_lowercase();
        match self.group.as_str() {
            "" => format!("{kind}/{}", self.id.name),
            group => format!("{kind}.{group}/{}", self.id.name),
        }
    }
}

/// All objects with pods in a text, and how many others there are. Objects without a name are others.
///
/// # Errors
/// A text that is no YAML is one problem.
pub fn workloads(path: &RepoPath, text: &str) -> Result<(Vec<Workload>, usize), Box<Diagnostic>> {
    let tree = yaml::parse(text).map_err(|error| syntax_problem(path, text, &error))?;
    let found = workloads_in(&tree);
    let others = tree.documents().len() - found.len();
    Ok((found, others))
}

/// All objects with pods of a parsed text.
pub(crate) fn workloads_in(tree: &Tree<'_>) -> Vec<Workload> {
    let documents = tree.documents().into_iter().enumerate();
    documents
        .filter_map(|(document, root)| workload(tree, root, document))
        .collect()
}

/// The object itself, as data.
pub fn object(text: &str, id: &WorkloadId) -> Option<serde_json::Value> {
    let tree = yaml::parse(text).ok()?;
    let mut roots = tree.documents().into_iter().enumerate();
    let (_, root) = roots.find(|(document, root)| {
        workload(&tree, *root, *document).is_some_and(|workload| workload.id == *id)
    })?;
    yaml::from_node(&tree, root).ok()
}

fn workload(tree: &Tree<'_>, root: Id, document: usize) -> Option<Workload> {
    let text = |way: &[&str]| at(tree, root, way).and_then(|id| tree.scalar(id));
    let kind = PodKind::of(text(&["kind"])?)?;
    let name = text(&["metadata", "name"])?.to_owned();
    let namespace = text(&["metadata", "namespace"]).filter(|n| !n.is_empty());
    let version = text(&["apiVersion"]).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let labels = at(tree, root, &["metadata", "labels"]).map(|labels| pairs(tree, labels));
    let metadata = [kind.template, &["metadata"]].concat();
    let asks = |way: &[&str]| {
        let annotations = at(tree, root, way).and_then(|holder| tree.get(holder, "annotations"));
        let value = annotations.and_then(|map| tree.get(map, RESOLVE_NAMES));
        value.and_then(|value| tree.scalar(value)) == Some("*")
    };
    let containers = ["initContainers", "containers"].map(|list| {
        let way = [kind.template, &["spec", list]].concat();
        let items = at(tree, root, &way).map(|list| tree.items(list));
        let name = |item: &Id| tree.get(*item, "name").and_then(|name| tree.scalar(name));
        let names = items.unwrap_or_default().iter().map(name);
        names
            .map(|name| name.unwrap_or_default().to_owned())
            .collect()
    });
    Some(Workload {
        triggers: text(&["metadata", "annotations", TRIGGERS]).map(str::to_owned),
        containers,
        paused: text(&["spec", "paused"]) == Some("true"),
        group: group.to_owned(),
        labels: labels.unwrap_or_default(),
        resolves: asks(&metadata) || asks(&["metadata"]),
        place: place_of(tree.text, &tree.range(root)),
        document,
        id: WorkloadId {
            kind,
            name,
            namespace: namespace.map(str::to_owned),
        },
    })
}

/// The value at a way of keys.
pub(crate) fn at(tree: &Tree<'_>, root: Id, way: &[&str]) -> Option<Id> {
    way.iter().try_fold(root, |map, key| tree.get(map, key))
}

fn pairs(tree: &Tree<'_>, map: Id) -> BTreeMap<String, String> {
    let entries = tree.entries(map).iter();
    let texts = entries.filter_map(|(key, value)| Some((tree.scalar(*key)?, tree.scalar(*value)?)));
    texts.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> RepoPath {
        "apps/web.yaml".parse().unwrap()
    }

    #[test]
    fn kinds_are_known_by_every_name_that_people_type() {
        for (word, kind) in [
            ("deployment", "Deployment"),
            ("Deployments", "Deployment"),
            ("deploy", "Deployment"),
            ("deployments.apps", "Deployment"),
            ("dc", "DeploymentConfig"),
            ("deploymentconfig.apps.openshift.io", "DeploymentConfig"),
            ("sts", "StatefulSet"),
            ("cronjob", "CronJob"),
            ("po", "Pod"),
        ] {
            assert_eq!(PodKind::named(word).map(|k| k.kind), Some(kind), "{word}");
        }
        assert_eq!(PodKind::named("services"), None);
        assert_eq!(PodKind::named(""), None);
    }

    #[test]
    fn objects_with_pods_are_found_with_what_they_ask_for() {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop, labels: {{app: web}}}}\nspec: {{template: {{metadata: {{annotations: {{{RESOLVE_NAMES}: '*'}}}}}}}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: tidy, annotations: {{{RESOLVE_NAMES}: '*'}}}}\n---\napiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Pod, metadata: {{name: one, annotations: {{{RESOLVE_NAMES}: yes}}}}}}\n- {{kind: Job, metadata: {{}}}}\n"
        );
        let (found, others) = workloads(&path(), &text).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|w| (w.id.to_string(), w.full_name(), w.resolves, w.document))
            .collect();
        let of = |id: &str, name: &str, resolves, document| {
            (id.to_owned(), name.to_owned(), resolves, document)
        };
        assert_eq!(
            told,
            [
                of("deployments/web", "deployment.apps/web", true, 0),
                of("cronjobs/tidy", "cronjob.batch/tidy", true, 2),
                of("pods/one", "pod/one", false, 3),
            ]
        );
        assert_eq!(others, 2, "the service and the job without a name");
        assert_eq!(found[0].id.namespace.as_deref(), Some("shop"));
        assert_eq!(found[0].labels["app"], "web");
        assert_eq!(workloads(&path(), "a: [").unwrap_err().code, "HW0002");
    }
}
