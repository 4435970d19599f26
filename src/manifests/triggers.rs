//! Image change triggers of objects with pods, as `image.openshift.io/triggers` holds them (imagestreams 5): read, and changed
//! one container at a time. What is not meant keeps its words.

use serde_json::{Map, Value, json};

use super::field_path::{self, Which};
use super::pods::Workload;
use super::suggest::listed;

/// The annotation, on the object itself.
pub const TRIGGERS: &str = "image.openshift.io/triggers";
/// Kinds whose annotation somebody looks at.
pub const WATCHED: [&str; 5] = [
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "CronJob",
    "DeploymentConfig",
];

/// A trigger: a container takes the image of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Where its image comes from.
    pub from: From,
    /// The container; the field path itself where it leads to none.
    pub container: String,
    /// Whether it fires; `false` while it is paused.
    pub auto: bool,
}

/// A tag of an image stream, as a trigger names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// Another namespace than the object's.
    pub namespace: Option<String>,
    /// `STREAM:TAG`
    pub name: String,
}

/// What is to become of triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerWish {
    /// These containers take that image, whatever they took before.
    Set {
        /// The image.
        from: From,
        /// The containers, at least one.
        containers: Vec<String>,
        /// Whether the triggers fire.
        auto: bool,
    },
    /// Those that are there fire, or do not.
    Fire {
        /// Only those of this image.
        from: Option<From>,
        /// Whether they fire.
        auto: bool,
    },
    /// Those of an image go.
    Remove {
        /// The image.
        from: From,
        /// Only those of these containers, if any is named.
        containers: Vec<String>,
    },
    /// All go.
    RemoveAll,
}

/// Why triggers cannot be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggersError {
    /// Nobody would understand the annotation.
    #[error("the triggers of {0} cannot be read: {1}")]
    Unreadable(String, String),
    /// There is no such container.
    #[error("{object} has no container `{container}`, only {known}")]
    NoContainer {
        /// The object.
        object: String,
        /// What was named.
        container: String,
        /// What there is.
        known: String,
    },
    /// Nothing that was meant is there.
    #[error("no trigger of {0} takes {1}")]
    None(String, String),
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The triggers of an object.
///
/// # Errors
/// When its annotation is no list of maps.
pub fn read(workload: &Workload) -> Result<Vec<Trigger>, TriggersError> {
    let triggers = entries(workload)?;
    let read = triggers.iter().map(|trigger| Trigger {
        from: from_of(trigger, workload),
        container: match container(trigger, workload) {
            Some(name) => name.to_owned(),
            None => text(trigger, "fieldPath").to_owned(),
        },
        auto: trigger.get("paused") != Some(&Value::Bool(true)),
    });
    Ok(read.collect())
}

/// What the annotation is to be, `None` for none.
///
/// # Errors
/// When it cannot be read, or what was meant is not there.
pub fn change(workload: &Workload, wish: &TriggerWish) -> Result<Option<String>, TriggersError> {
    let old = entries(workload)?;
    let mut new = old.clone();
    match wish {
        TriggerWish::Set {
            from,
            containers,
            auto,
        } => {
            known(workload, containers)?;
            for name in containers {
                set(&mut new, workload, &own(from, workload), name, *auto);
            }
        }
        TriggerWish::Fire { from, auto } => {
            let from = from.as_ref().map(|from| own(from, workload));
            let meant = |trigger: &Map<String, Value>| {
                from.as_ref()
                    .is_none_or(|from| from_of(trigger, workload) == *from)
            };
            let mut found = new.iter_mut().filter(|trigger| meant(trigger)).peekable();
            if let (None, Some(from)) = (found.peek(), &from) {
                return Err(TriggersError::None(
                    workload.id.to_string(),
                    from.to_string(),
                ));
            }
            found.for_each(|trigger| fire(trigger, *auto));
        }
        TriggerWish::Remove { from, containers } => {
            known(workload, containers)?;
            let from = own(from, workload);
            new.retain(|trigger| {
                let name = container(trigger, workload);
                let meant = containers.is_empty()
                    || name.is_some_and(|name| containers.iter().any(|c| c == name));
                from_of(trigger, workload) != from || !meant
            });
            if new == old {
                return Err(TriggersError::None(
                    workload.id.to_string(),
                    from.to_string(),
                ));
            }
        }
        TriggerWish::RemoveAll => new.clear(),
    }
    if new == old && !(new.is_empty() && workload.triggers.is_some()) {
        return Ok(workload.triggers.clone());
    }
    let texts: Vec<String> = new.iter().map(in_order).collect();
    Ok((!texts.is_empty()).then(|| format!("[{}]", texts.join(","))))
}

fn entries(workload: &Workload) -> Result<Vec<Map<String, Value>>, TriggersError> {
    let text = workload.triggers.as_deref().unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text)
        .map_err(|error| TriggersError::Unreadable(workload.id.to_string(), error.to_string()))
}

fn text<'t>(trigger: &'t Map<String, Value>, key: &str) -> &'t str {
    trigger.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Where a trigger takes its image from; the object's own namespace is not said.
fn from_of(trigger: &Map<String, Value>, workload: &Workload) -> From {
    let from = trigger.get("from").and_then(Value::as_object);
    let word = |key| from.map_or("", |from| text(from, key)).to_owned();
    let from = From {
        namespace: Some(word("namespace")).filter(|namespace| !namespace.is_empty()),
        name: word("name"),
    };
    own(&from, workload)
}

fn own(from: &From, workload: &Workload) -> From {
    let namespace = from.namespace.clone();
    From {
        namespace: namespace.filter(|said| workload.id.namespace.as_ref() != Some(said)),
        name: from.name.clone(),
    }
}

fn pod_spec(workload: &Workload) -> String {
    [workload.id.kind.template, &["spec"]].concat().join(".")
}

/// The container that a trigger moves.
fn container<'w>(trigger: &Map<String, Value>, workload: &'w Workload) -> Option<&'w str> {
    let lists = &workload.containers;
    let found = match field_path::parse(text(trigger, "fieldPath"), &pod_spec(workload)).ok()? {
        Which::At(list, index) => lists[usize::from(list == "containers")].get(index),
        Which::Named(name) => lists.iter().flatten().find(|known| **known == name),
    };
    found.map(String::as_str).filter(|name| !name.is_empty())
}

fn known(workload: &Workload, containers: &[String]) -> Result<(), TriggersError> {
    let all = || workload.containers.iter().flatten().map(String::as_str);
    match containers
        .iter()
        .find(|name| !all().any(|known| known == *name))
    {
        None => Ok(()),
        Some(name) => Err(TriggersError::NoContainer {
            object: workload.id.to_string(),
            container: name.clone(),
            known: listed(all()),
        }),
    }
}

/// Has one container take that image: one trigger for each container.
fn set(
    triggers: &mut Vec<Map<String, Value>>,
    workload: &Workload,
    from: &From,
    name: &str,
    auto: bool,
) {
    let mut first = true;
    triggers.retain(|trigger| {
        let its = container(trigger, workload) == Some(name);
        !its || std::mem::take(&mut first)
    });
    let mut its = triggers
        .iter_mut()
        .filter(|t| container(t, workload) == Some(name));
    let mut source = json!({"kind": "ImageStreamTag", "name": from.name});
    if let Some(namespace) = &from.namespace {
        source["namespace"] = json!(namespace);
    }
    match its.next() {
        Some(trigger) => {
            if from_of(trigger, workload) != *from {
                trigger.insert("from".to_owned(), source);
            }
            fire(trigger, auto);
        }
        None => {
            let path = format!(
                "{}.containers[?(@.name==\"{name}\")].image",
                pod_spec(workload)
            );
            let mut trigger = Map::new();
            trigger.insert("from".to_owned(), source);
            trigger.insert("fieldPath".to_owned(), Value::String(path));
            fire(&mut trigger, auto);
            triggers.push(trigger);
        }
    }
}

fn fire(trigger: &mut Map<String, Value>, auto: bool) {
    match auto {
        true => trigger.remove("paused"),
        false => trigger.insert("paused".to_owned(), Value::Bool(true)),
    };
}

/// A trigger with its keys in the order in which people read them.
fn in_order(trigger: &Map<String, Value>) -> String {
    let order = ["from", "kind", "name", "namespace", "fieldPath", "paused"];
    let mut keys: Vec<&String> = trigger.keys().collect();
    keys.sort_by_key(|key| {
        order
            .iter()
            .position(|known| known == key)
            .unwrap_or(order.len())
    });
    let pairs = keys.into_iter().map(|key| {
        let value = match &trigger[key] {
            Value::Object(map) => in_order(map),
            other => other.to_string(),
        };
        format!("{}:{value}", Value::String(key.clone()))
    });
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::pods::workloads;

    const HEAD: &str = "kind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n";
    const PODS: &str = "spec: {template: {spec: {initContainers: [{name: wait}], containers: [{name: web}, {name: log}]}}}\n";

    fn workload(triggers: &str) -> Workload {
        let annotation = match triggers {
            "" => String::new(),
            triggers => format!("  annotations: {{{TRIGGERS}: '{triggers}'}}\n"),
        };
        let path = "apps/web.yaml".parse().unwrap();
        let (found, _) = workloads(&path, &format!("{HEAD}{annotation}{PODS}")).unwrap();
        found.into_iter().next().unwrap()
    }

    fn image(text: &str) -> From {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        From {
            namespace,
            name: name.to_owned(),
        }
    }

    fn wish(from: &str, containers: &[&str], auto: bool) -> TriggerWish {
        TriggerWish::Set {
            from: image(from),
            containers: containers.iter().map(|c| (*c).to_owned()).collect(),
            auto,
        }
    }

    fn one(from: &str, container: &str, more: &str) -> String {
        format!(
            r#"{{"from":{{"kind":"ImageStreamTag",{from}}},"fieldPath":"spec.template.spec.containers[?(@.name==\"{container}\")].image"{more}}}"#
        )
    }

    fn changed(triggers: &str, wish: &TriggerWish) -> String {
        change(&workload(triggers), wish)
            .unwrap()
            .unwrap_or_default()
    }

    #[test]
    fn a_container_takes_one_image_and_the_others_keep_theirs() {
        let web = one(r#""name":"shop:latest""#, "web", "");
        assert_eq!(
            changed("", &wish("shop:latest", &["web"], true)),
            format!("[{web}]")
        );
        // The object's own namespace is not said, another one is.
        assert_eq!(
            changed("", &wish("shop/shop:latest", &["web"], true)),
            format!("[{web}]")
        );
        let log = one(
            r#""name":"log:1","namespace":"base""#,
            "log",
            r#","paused":true"#,
        );
        let both = changed(&format!("[{web}]"), &wish("base/log:1", &["log"], false));
        assert_eq!(both, format!("[{web},{log}]"));
        // What is as it is keeps its words, whatever they are.
        let odd = format!(r#"[ {web} , {{"fieldPath":"x","own":1}} ]"#);
        assert_eq!(changed(&odd, &wish("shop:latest", &["web"], true)), odd);
        // Another image for the same container is no second trigger, also where a number names the container.
        let other = one(r#""name":"shop:stable""#, "web", "");
        assert_eq!(
            changed(&both, &wish("shop:stable", &["web"], true)),
            format!("[{other},{log}]")
        );
        let by_number = r#"[{"from":{"kind":"ImageStreamTag","name":"shop:latest"},"fieldPath":"spec.template.spec.containers[0].image"}]"#;
        assert_eq!(
            changed(by_number, &wish("shop:stable", &["web"], true)),
            by_number.replace("latest", "stable")
        );
    }

    #[test]
    fn triggers_are_paused_and_removed_by_their_image() {
        let web = one(r#""name":"shop:latest""#, "web", "");
        let log = one(r#""name":"shop:latest""#, "log", "");
        let base = one(r#""name":"shop:latest","namespace":"base""#, "wait", "");
        let all = format!("[{web},{log},{base}]");
        let fire = |from: Option<&str>, auto| TriggerWish::Fire {
            from: from.map(image),
            auto,
        };
        let manual = changed(&all, &fire(Some("shop:latest"), false));
        assert_eq!(manual.matches(r#","paused":true}"#).count(), 2, "{manual}");
        assert!(manual.contains(&base), "{manual}");
        assert_eq!(changed(&manual, &fire(None, true)), all);
        let remove = |from: &str, containers: &[&str]| TriggerWish::Remove {
            from: image(from),
            containers: containers.iter().map(|c| (*c).to_owned()).collect(),
        };
        assert_eq!(
            changed(&all, &remove("shop:latest", &["log"])),
            format!("[{web},{base}]")
        );
        assert_eq!(
            changed(&all, &remove("shop:latest", &[])),
            format!("[{base}]")
        );
        assert_eq!(
            changed(&format!("[{web}]"), &remove("shop/shop:latest", &[])),
            ""
        );
        assert_eq!(change(&workload(&all), &TriggerWish::RemoveAll), Ok(None));
        for (wish, words) in [
            (
                remove("shop:1", &[]),
                "no trigger of deployments/web takes shop:1",
            ),
            (
                fire(Some("x/shop:1"), true),
                "no trigger of deployments/web takes x/shop:1",
            ),
            (
                wish("shop:1", &["db"], true),
                "deployments/web has no container `db`, only wait, web, log",
            ),
        ] {
            let refused = change(&workload(&all), &wish).unwrap_err().to_string();
            assert_eq!(refused, words);
        }
        let unreadable = change(&workload("{}"), &TriggerWish::RemoveAll).unwrap_err();
        assert!(matches!(unreadable, TriggersError::Unreadable(..)));
    }

    #[test]
    fn triggers_are_read_with_their_containers() {
        let text = r#"[{"from":{"kind":"ImageStreamTag","name":"a:1","namespace":"shop"},"fieldPath":"spec.template.spec.initContainers[0].image","paused":true},{"from":{"kind":"ImageStreamTag","name":"b:1","namespace":"base"},"fieldPath":"nowhere"}]"#;
        let read = read(&workload(text)).unwrap();
        let shown: Vec<_> = read
            .iter()
            .map(|t| (t.from.to_string(), t.container.as_str(), t.auto))
            .collect();
        assert_eq!(
            shown,
            [
                ("a:1".to_owned(), "wait", false),
                ("base/b:1".to_owned(), "nowhere", true)
            ]
        );
    }
}
