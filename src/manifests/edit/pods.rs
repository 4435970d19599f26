//! Annotations of objects with pods: the one by which all their image names are looked up, set on the template of the pods, or
//! on a pod itself, as upstream does (imagestreams 3.4), and the one with image change triggers, set on the object.

use std::collections::BTreeMap;

use super::change::annotate;
use super::wish::Wish;
use super::{EditRefused, Refusal, attempt};
use crate::manifests::pods::{RESOLVE_NAMES, WorkloadId, workloads};
use crate::manifests::triggers::TRIGGERS;
use crate::manifests::yaml::place_of;
use crate::model::RepoPath;

/// What is to be said of an object with pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodEdit {
    /// Whether every image name in it is looked up.
    Resolve(bool),
    /// Its image change triggers, in JSON; `None` for none.
    Triggers(Option<String>),
}

/// Sets an annotation, or takes it away wherever it counts. Nothing else in the file changes by a byte.
///
/// # Errors
/// When the object is not in the text or stands there twice, or when more would change than this.
pub fn edit_workload(
    path: &RepoPath,
    text: &str,
    id: &WorkloadId,
    edit: &PodEdit,
) -> Result<String, EditRefused> {
    let refuse = |line, why: String| EditRefused {
        path: path.clone(),
        line,
        why,
        smallest_change: smallest_change(id, edit),
    };
    let (found, _) = workloads(path, text).map_err(|problem| {
        let line = problem.place.as_ref().map(|place| place.line);
        refuse(line, "the file is not valid YAML".to_owned())
    })?;
    let mut found = found.iter().filter(|workload| workload.id == *id);
    let workload = match (found.next(), found.next()) {
        (Some(one), None) => one,
        (None, _) => return Err(refuse(None, format!("there is no {id} in it any more"))),
        (Some(_), Some(second)) => {
            let line = Some(second.place.line);
            return Err(refuse(line, format!("{id} stands there twice")));
        }
    };
    let edited = attempt(text, workload.document, |wish, _, _| {
        match edit {
            PodEdit::Resolve(resolve) => change(wish, id, *resolve),
            PodEdit::Triggers(triggers) => {
                let asked = BTreeMap::from([(TRIGGERS.to_owned(), triggers.clone())]);
                annotate(wish.map_at("metadata"), &asked);
            }
        }
        Ok(())
    });
    edited.map_err(|Refusal { at, why }| {
        let line = at.map_or(workload.place.line, |at| place_of(text, &(at..at)).line);
        refuse(Some(line), why)
    })
}

fn change(wish: &mut Wish, id: &WorkloadId, resolve: bool) {
    let value = resolve.then(|| "*".to_owned());
    let asked = BTreeMap::from([(RESOLVE_NAMES.to_owned(), value)]);
    if resolve {
        let way = id.kind.template.iter();
        let template = way.fold(wish, |map, key| map.map_at(key));
        annotate(template.map_at("metadata"), &asked);
        return;
    }
    // On the object it counts as well, so it goes from there, too.
    for way in [id.kind.template, &[]] {
        let holder = way.iter().try_fold(&mut *wish, |map, key| map.get_mut(key));
        if let Some(metadata) = holder.and_then(|map| map.get_mut("metadata")) {
            annotate(metadata, &asked);
        }
    }
}

fn smallest_change(id: &WorkloadId, edit: &PodEdit) -> String {
    let (name, value, template) = match edit {
        PodEdit::Resolve(resolve) => (RESOLVE_NAMES, resolve.then_some("*"), id.kind.template),
        PodEdit::Triggers(triggers) => (TRIGGERS, triggers.as_deref(), &[][..]),
    };
    let way = [template, &["metadata", "annotations"]].concat().join(".");
    match value {
        Some(value) => format!("write {name}: '{value}' into `{way}` of {id}"),
        None => format!("delete {name} from `{way}` of {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # the shop
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers: [{name: web, image: \"shop:latest\"}]
---
apiVersion: v1
kind: Pod
metadata: {name: once}
spec: {}
";

    fn path() -> RepoPath {
        "apps/web.yaml".parse().unwrap()
    }

    fn id(kind: &str, name: &str) -> WorkloadId {
        WorkloadId {
            kind: crate::manifests::pods::PodKind::named(kind).unwrap(),
            name: name.to_owned(),
            namespace: None,
        }
    }

    #[test]
    fn it_is_set_on_the_template_of_the_pods_and_taken_away_again() {
        let on =
            edit_workload(&path(), TEXT, &id("deploy", "web"), &PodEdit::Resolve(true)).unwrap();
        let expected = TEXT.replace(
            "      labels: {app: web}\n",
            &format!(
                "      labels: {{app: web}}\n      annotations:\n        {RESOLVE_NAMES}: \"*\"\n"
            ),
        );
        assert_eq!(on.replace("'*'", "\"*\""), expected);
        assert_eq!(
            edit_workload(&path(), &on, &id("deploy", "web"), &PodEdit::Resolve(true)).unwrap(),
            on
        );
        let off =
            edit_workload(&path(), &on, &id("deploy", "web"), &PodEdit::Resolve(false)).unwrap();
        assert_eq!(off, TEXT);
    }

    #[test]
    fn a_pod_has_it_itself() {
        let on = edit_workload(&path(), TEXT, &id("pod", "once"), &PodEdit::Resolve(true)).unwrap();
        assert!(on.contains("metadata: {name: once, annotations: {"), "{on}");
        assert!(
            on.starts_with("# ours\n") && on.contains("labels: {app: web}\n    spec"),
            "{on}"
        );
        let off =
            edit_workload(&path(), &on, &id("pod", "once"), &PodEdit::Resolve(false)).unwrap();
        assert_eq!(off, TEXT);
    }

    #[test]
    fn a_template_without_metadata_gets_it() {
        let text = "kind: Job\nmetadata:\n  name: one\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n";
        let on = edit_workload(&path(), text, &id("job", "one"), &PodEdit::Resolve(true)).unwrap();
        let (found, _) = workloads(&path(), &on).unwrap();
        assert!(found[0].resolves, "{on}");
        assert!(on.starts_with(text), "{on}");
    }

    #[test]
    fn on_the_object_it_is_taken_away_too() {
        let text = format!(
            "kind: Deployment\nmetadata:\n  name: web\n  annotations:\n    {RESOLVE_NAMES}: '*'\n    team: shop\nspec: {{}}\n"
        );
        let off = edit_workload(
            &path(),
            &text,
            &id("deploy", "web"),
            &PodEdit::Resolve(false),
        )
        .unwrap();
        assert_eq!(
            off,
            "kind: Deployment\nmetadata:\n  name: web\n  annotations:\n    team: shop\nspec: {}\n"
        );
    }

    #[test]
    fn triggers_are_set_on_the_object_and_taken_away_again() {
        let triggers = PodEdit::Triggers(Some(r#"[{"a":"b"}]"#.to_owned()));
        let on = edit_workload(&path(), TEXT, &id("deploy", "web"), &triggers).unwrap();
        let expected = TEXT.replace(
            "  name: web   # the shop\n",
            "  name: web   # the shop\n  annotations:\n    image.openshift.io/triggers: '[{\"a\":\"b\"}]'\n",
        );
        assert_eq!(on, expected);
        let none = PodEdit::Triggers(None);
        let off = edit_workload(&path(), &on, &id("deploy", "web"), &none).unwrap();
        assert_eq!(off, TEXT);
        assert_eq!(
            edit_workload(&path(), TEXT, &id("deploy", "web"), &none).unwrap(),
            TEXT
        );
    }

    #[test]
    fn what_cannot_be_done_is_told_with_the_smallest_change() {
        let twice = "kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: a}\n";
        for (text, name, says) in [
            (TEXT, "a", "no pods/a in it any more"),
            (
                twice,
                "a",
                "line 4 cannot be edited safely: pods/a stands there twice",
            ),
            ("a: [", "a", "not valid YAML"),
            ("x: &m {name: a}\nkind: Pod\nmetadata: *m\n", "a", "alias"),
        ] {
            let refused = edit_workload(&path(), text, &id("pod", name), &PodEdit::Resolve(true))
                .unwrap_err()
                .to_string();
            assert!(refused.contains(says), "{refused}");
            assert!(refused.contains("write alpha.image.policy.openshift.io/resolve-names: '*' into `metadata.annotations` of pods/a"), "{refused}");
        }
    }
}
