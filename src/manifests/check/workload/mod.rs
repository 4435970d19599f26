//! Rules about objects with pods, as far as image streams move their images: triggers that would never fire, and short
//! names that would be taken from somewhere else. Nothing of ours is wrong with them, so all of it is a warning.

mod short_names;
mod triggers;

use std::collections::BTreeSet;

use super::Finding;
use crate::manifests::diagnostic::Diagnostic;
use crate::manifests::documents::Documents;
use crate::manifests::pods::{Workload, at, workloads_in};
use crate::manifests::yaml::{self, Id, Tree};
use crate::model::{ImageStream, RepoPath, StreamKey};

/// Most findings of one file.
const MOST: usize = 100;

/// An object with pods, and what is around it.
struct Object<'a, 't> {
    tree: &'a Tree<'t>,
    root: Id,
    workload: &'a Workload,
    docs: &'a Documents,
}

impl Object<'_, '_> {
    /// The value at a way of keys.
    fn at(&self, way: &[&str]) -> Option<Id> {
        at(self.tree, self.root, way)
    }

    /// The way to the spec of its pods.
    fn pod_spec(&self) -> Vec<&'static str> {
        [self.workload.id.kind.template, &["spec"]].concat()
    }

    /// The containers of one list: the index, and the name where there is one.
    fn containers(&self, list: &str) -> Vec<&str> {
        let way = [self.pod_spec().as_slice(), &[list]].concat();
        let items = self.at(&way).map(|list| self.tree.items(list));
        let name = |item: &Id| {
            let name = self.tree.get(*item, "name");
            name.and_then(|name| self.tree.scalar(name))
                .unwrap_or_default()
        };
        items.unwrap_or_default().iter().map(name).collect()
    }

    /// A stream by short name: of the object's namespace, else of the repository's own.
    fn stream(&self, namespace: Option<&str>, name: &str) -> Option<(StreamKey, &ImageStream)> {
        let namespace = namespace.or(self.workload.id.namespace.as_deref());
        let own = namespace.and_then(|n| self.docs.stream_key(Some(n), name));
        let keys = own.into_iter().chain(self.docs.stream_key(None, name));
        let mut found = keys.filter_map(|key| {
            let located = self.docs.streams.get(&key)?;
            Some((key, &*located.value))
        });
        found.next()
    }

    /// Tags of a stream: wished, recorded, or to come by promotion.
    fn tags<'s>(&'s self, key: &StreamKey, stream: &'s ImageStream) -> BTreeSet<&'s str> {
        let wished = stream.spec.tags.iter().map(|tag| tag.name.as_str());
        let recorded = stream.status.tags.iter().map(|tag| tag.tag.as_str());
        let carriers = self.docs.pipelines.values().map(|located| &located.value);
        let carriers = carriers.filter(|p| self.docs.pipeline_streams(p).contains(key));
        let promised = carriers.flat_map(|p| p.spec.stages.iter().map(|stage| stage.tag()));
        wished.chain(recorded).chain(promised).collect()
    }

    /// Whether there is something of that name that cannot be read.
    fn is_broken(&self, name: &str) -> bool {
        let mut broken = self.docs.broken_streams.keys();
        broken.any(|key| key.name.as_str() == name)
    }
}

/// What is odd about the objects with pods in a text. A text that is no YAML is nobody's manifest: nothing is said of it.
pub fn manifest_findings(path: &RepoPath, text: &str, docs: &Documents) -> Vec<Diagnostic> {
    let Ok(tree) = yaml::parse(text) else {
        return Vec::new();
    };
    let roots = tree.documents();
    let mut problems = Vec::new();
    for workload in workloads_in(&tree) {
        let Some(root) = roots.get(workload.document) else {
            continue;
        };
        let object = Object {
            tree: &tree,
            root: *root,
            workload: &workload,
            docs,
        };
        let mut findings: Vec<Finding> = Vec::new();
        let moved: BTreeSet<String> = triggers::check(&object, &mut findings);
        short_names::check(&object, &moved, &mut findings);
        let found = findings.into_iter();
        problems.extend(found.map(|finding| finding.into_diagnostic(path, &tree, *root)));
    }
    problems.truncate(MOST);
    problems
}

/// Whether a text may hold anything that these rules are about; cheap, so that most files are not parsed.
pub fn may_have_findings(text: &str) -> bool {
    text.contains("image") && text.contains("ontainers")
}

#[cfg(test)]
mod tests;
