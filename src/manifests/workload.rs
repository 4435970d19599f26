//! The image fields of rendered workloads: which container asks for which image, and where that is written.

use std::ops::Range;

use super::code;
use super::diagnostic::{Diagnostic, Place};
use super::load::syntax_problem;
use super::pods::PodKind;
use super::yaml::{self, Id, Step, Style, Tree, place_of};
use crate::model::RepoPath;

/// An image that a container asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageField {
    /// Which document of the text; items of a `List` count one by one.
    pub document: usize,
    /// The way to it within the document.
    pub route: Vec<Step>,
    /// Name of the container, empty where it has none.
    pub container: String,
    /// The image as written.
    pub image: String,
    /// Where it is written.
    pub place: Place,
    bytes: Range<usize>,
}

/// All image fields of the pod specs in a text, in order. A text that is no YAML is one problem.
pub fn image_fields(path: &RepoPath, text: &str) -> Result<Vec<ImageField>, Box<Diagnostic>> {
    let tree = yaml::parse(text).map_err(|error| syntax_problem(path, text, &error))?;
    let mut fields = Vec::new();
    for (document, root) in tree.documents().into_iter().enumerate() {
        let kind = tree.get(root, "kind").and_then(|kind| tree.scalar(kind));
        let Some(kind) = kind.and_then(PodKind::of) else {
            continue;
        };
        let way = [kind.template, &["spec"]].concat();
        let Some(spec) = way.iter().try_fold(root, |map, key| tree.get(map, key)) else {
            continue;
        };
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            let containers = tree.get(spec, list).map(|list| tree.items(list));
            for (index, container) in containers.unwrap_or_default().iter().enumerate() {
                let mut route: Vec<Step> = way.iter().map(|key| Step::from(*key)).collect();
                route.extend([Step::from(list), Step::from(index), Step::from("image")]);
                fields.extend(image_of(path, &tree, *container, document, route)?);
            }
        }
    }
    Ok(fields)
}

fn image_of(
    path: &RepoPath,
    tree: &Tree<'_>,
    container: Id,
    document: usize,
    route: Vec<Step>,
) -> Result<Option<ImageField>, Box<Diagnostic>> {
    let Some(image) = tree.get(container, "image") else {
        return Ok(None);
    };
    let place = place_of(tree.text, &tree.range(image));
    let Some(text) = tree.scalar(image) else {
        let problem = Diagnostic::error(path, code::VALUE, "an image is text").at(Some(place));
        return Err(Box::new(problem));
    };
    let name = tree
        .get(container, "name")
        .and_then(|name| tree.scalar(name));
    Ok(Some(ImageField {
        document,
        route,
        container: name.unwrap_or_default().to_owned(),
        image: text.to_owned(),
        place,
        bytes: tree.range(image),
    }))
}

/// The text with other images: `pick` gives the image for a field, or `None` to leave it. Only those scalars change;
/// their quotes stay. Images written as an alias or a block are a problem, because others would change with them.
pub fn replace_images(
    path: &RepoPath,
    text: &str,
    mut pick: impl FnMut(&ImageField) -> Option<String>,
) -> Result<String, Box<Diagnostic>> {
    let tree = yaml::parse(text).map_err(|error| syntax_problem(path, text, &error))?;
    let mut edited = String::with_capacity(text.len() + 256);
    let mut done = 0;
    let mut fields = image_fields(path, text)?;
    fields.sort_by_key(|field| field.bytes.start);
    for field in fields {
        let Some(image) = pick(&field).filter(|image| *image != field.image) else {
            continue;
        };
        let quotes = own_scalar(&tree, &field.bytes).ok_or_else(|| {
            let words = format!(
                "the image of container `{}` cannot be changed where it stands",
                field.container
            );
            Box::new(Diagnostic::error(path, code::VALUE, words).at(Some(field.place.clone())))
        })?;
        edited.push_str(&text[done..field.bytes.start]);
        edited.push_str(&super::edit::image_text(&image, quotes));
        done = field.bytes.end;
    }
    edited.push_str(&text[done..]);
    Ok(edited)
}

/// How the scalar at these bytes is quoted, if it is one that can be changed by itself.
fn own_scalar(tree: &Tree<'_>, bytes: &Range<usize>) -> Option<Style> {
    let node = tree
        .nodes
        .iter()
        .find(|node| (node.start..node.end) == *bytes && !node.decorated)?;
    match node.content {
        yaml::Content::Scalar(
            _,
            style @ (Style::Plain | Style::SingleQuoted | Style::DoubleQuoted),
        ) if !bytes.is_empty() => Some(style),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers:
      - {name: wait, image: 'busybox'}
      containers:
      - name: app
        image: myapp   # ours
      - name: none
---
apiVersion: batch/v1
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: job, image: \"r.example/job:1\"}]}}}}}
---
apiVersion: v1
kind: List
items:
- kind: Pod
  spec:
    ephemeralContainers: [{name: debug, image: tools}]
- kind: ConfigMap
  data: {image: x}
";

    fn path() -> RepoPath {
        "environments/prod/rendered/a/all.yaml".parse().unwrap()
    }

    #[test]
    fn images_are_found_in_every_pod_spec_and_nowhere_else() {
        let fields = image_fields(&path(), TEXT).unwrap();
        let found: Vec<_> = fields
            .iter()
            .map(|f| {
                (
                    f.document,
                    f.container.as_str(),
                    f.image.as_str(),
                    f.place.line,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (0, "wait", "busybox", 7),
                (0, "app", "myapp", 10),
                (1, "job", "r.example/job:1", 15),
                (2, "debug", "tools", 22)
            ]
        );
        assert_eq!(
            yaml::locate(TEXT, 0, &fields[1].route).unwrap(),
            fields[1].place
        );
        assert_eq!(image_fields(&path(), "a: [").unwrap_err().code, "HW0002");
        assert!(image_fields(&path(), "kind: Pod\nspec: {containers: [{image: {}}]}\n").is_err());
    }

    #[test]
    fn images_are_replaced_in_place_with_their_quotes() {
        let edited = replace_images(&path(), TEXT, |f| {
            (f.image != "tools").then(|| format!("{}@sha256:0", f.image))
        })
        .unwrap();
        let expected = TEXT
            .replace("'busybox'", "'busybox@sha256:0'")
            .replace("myapp   #", "myapp@sha256:0   #")
            .replace("job:1\"", "job:1@sha256:0\"");
        assert_eq!(edited, expected);
        let aliased = "a: &i x\nkind: Pod\nspec: {containers: [{image: *i}]}\n";
        assert!(replace_images(&path(), aliased, |_| Some("y".to_owned())).is_err());
        assert_eq!(replace_images(&path(), aliased, |_| None).unwrap(), aliased);
    }
}
