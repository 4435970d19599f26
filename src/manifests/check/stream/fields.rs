//! HW0415: fields that upstream's type does not have, such as an `importPolicy` nested under `from`, which servers drop
//! silently and which therefore never take effect.

use super::super::Finding;
use crate::manifests::code;
use crate::manifests::suggest::{listed, nearest};
use crate::manifests::yaml::{Content, Id, Step, Tree};

/// The fields of one level.
struct Shape(&'static [(&'static str, Inner)]);

/// What a field holds.
enum Inner {
    /// A value, or something free.
    Any,
    /// Another level.
    One(&'static Shape),
    /// A list of another level.
    Many(&'static Shape),
}
use Inner::{Any, Many, One};

static STREAM: Shape = Shape(&[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", One(&METADATA)),
    ("spec", One(&SPEC)),
    ("status", One(&STATUS)),
]);
static METADATA: Shape = Shape(&[
    ("name", Any),
    ("generateName", Any),
    ("namespace", Any),
    ("labels", Any),
    ("annotations", Any),
    ("creationTimestamp", Any),
    ("deletionTimestamp", Any),
    ("deletionGracePeriodSeconds", Any),
    ("finalizers", Any),
    ("generation", Any),
    ("managedFields", Any),
    ("ownerReferences", Any),
    ("resourceVersion", Any),
    ("selfLink", Any),
    ("uid", Any),
]);
static SPEC: Shape = Shape(&[
    ("lookupPolicy", One(&LOOKUP)),
    ("dockerImageRepository", Any),
    ("tags", Many(&TAG)),
]);
static LOOKUP: Shape = Shape(&[("local", Any)]);
static TAG: Shape = Shape(&[
    ("name", Any),
    ("annotations", Any),
    ("from", One(&FROM)),
    ("reference", Any),
    ("generation", Any),
    ("importPolicy", One(&IMPORT)),
    ("referencePolicy", One(&REFERENCE)),
]);
static FROM: Shape = Shape(&[
    ("kind", Any),
    ("namespace", Any),
    ("name", Any),
    ("uid", Any),
    ("apiVersion", Any),
    ("resourceVersion", Any),
    ("fieldPath", Any),
]);
static IMPORT: Shape = Shape(&[("insecure", Any), ("scheduled", Any), ("importMode", Any)]);
static REFERENCE: Shape = Shape(&[("type", Any)]);
static STATUS: Shape = Shape(&[
    ("dockerImageRepository", Any),
    ("publicDockerImageRepository", Any),
    ("tags", Many(&HISTORY)),
]);
static HISTORY: Shape = Shape(&[
    ("tag", Any),
    ("items", Many(&ITEM)),
    ("conditions", Many(&CONDITION)),
]);
static ITEM: Shape = Shape(&[
    ("created", Any),
    ("dockerImageReference", Any),
    ("image", Any),
    ("generation", Any),
]);
static CONDITION: Shape = Shape(&[
    ("type", Any),
    ("status", Any),
    ("lastTransitionTime", Any),
    ("reason", Any),
    ("message", Any),
    ("generation", Any),
]);

impl Shape {
    fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.0.iter().map(|(name, _)| *name)
    }
}

/// Says what is unknown or in the wrong place.
pub(super) fn check(tree: &Tree<'_>, root: Id, findings: &mut Vec<Finding>) {
    let mut walk = Walk {
        tree,
        route: Vec::new(),
        above: Vec::new(),
        findings,
    };
    walk.level(root, &STREAM);
}

struct Walk<'a, 't> {
    tree: &'a Tree<'t>,
    route: Vec<Step>,
    above: Vec<&'static Shape>,
    findings: &'a mut Vec<Finding>,
}

impl Walk<'_, '_> {
    fn level(&mut self, id: Id, shape: &'static Shape) {
        for (key, value) in self.tree.entries(id) {
            let Some(name) = self.tree.scalar(*key) else {
                continue;
            };
            match shape.0.iter().find(|(field, _)| *field == name) {
                None => self.unknown(name, shape),
                Some((_, Any)) => {}
                Some((field, One(inner))) => {
                    self.inside(field, shape, |walk| walk.level(*value, inner))
                }
                Some((field, Many(inner))) => {
                    self.inside(field, shape, |walk| walk.items(*value, inner))
                }
            }
        }
    }

    fn items(&mut self, id: Id, shape: &'static Shape) {
        let Content::List { items, .. } = &self.tree.node(self.tree.resolved(id)).content else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            self.route.push(Step::Index(index));
            self.level(*item, shape);
            self.route.pop();
        }
    }

    fn inside(&mut self, field: &str, shape: &'static Shape, check: impl FnOnce(&mut Self)) {
        self.route.push(Step::from(field));
        self.above.push(shape);
        check(self);
        self.above.pop();
        self.route.pop();
    }

    fn unknown(&mut self, name: &str, shape: &'static Shape) {
        // `<<` merges another map in; its fields are checked where they stand.
        if name == "<<" {
            return;
        }
        let higher = self
            .above
            .iter()
            .rev()
            .position(|above| above.names().any(|field| field == name));
        let help = match (higher, nearest(name, shape.names())) {
            (Some(levels), _) => match self.field_at(levels) {
                Some(field) => format!("move it out, beside `{field}`; here it has no effect"),
                None => "move it out; here it has no effect".to_owned(),
            },
            (None, Some(candidate)) => format!("did you mean `{candidate}`?"),
            (None, None) => format!("known here: {}", listed(shape.names())),
        };
        let mut route = self.route.clone();
        route.push(Step::Name(name.to_owned()));
        let message = match self.field_at(0) {
            Some(field) => format!("`{field}` of an image stream has no field `{name}`"),
            None => format!("an image stream has no field `{name}`"),
        };
        self.findings
            .push(Finding::warning(code::STREAM_FIELD, route, message).help(help));
    }

    /// The field that leads into the level so many levels above this one.
    fn field_at(&self, levels: usize) -> Option<&str> {
        self.route
            .iter()
            .rev()
            .filter_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                _ => None,
            })
            .nth(levels)
    }
}
