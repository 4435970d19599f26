//! `check --online`: whether every image that streams record is still at its registry. One HEAD for each image, bounded in
//! number, through the client that passes use; nothing is written or remembered.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use crate::cli::{CliError, Context, Exit};
use crate::manifests::yaml::Step;
use crate::manifests::{Diagnostic, Documents, Texts, code, locate};
use crate::model::{Digest, Faulty as _, ImageReference, Namespace, RepoPath};
use crate::registry::{Access, Client, RegistryError};

/// Questions under way at a time; the client bounds them per host besides.
const IN_FLIGHT: usize = 16;
/// More images than this are not asked for in one check; those that tags point to come first.
const MOST: usize = 5_000;

/// An image, and where it is recorded first.
struct Recorded {
    /// How many newer images its tag has had.
    age: usize,
    reference: ImageReference,
    namespace: Namespace,
    insecure: bool,
    /// Tags that point to it, and tags that may go back to it.
    tags: [BTreeSet<String>; 2],
    path: RepoPath,
    index: usize,
    route: Vec<Step>,
}

/// What came of asking.
#[derive(Default)]
pub(super) struct Asked {
    /// Images that are gone.
    pub(super) problems: Vec<Diagnostic>,
    /// What could not be found out, in words.
    pub(super) untold: Vec<String>,
    /// How the process ends because of that, if it does.
    pub(super) exit: Option<Exit>,
}

/// Asks for all images of the streams in the files that are reported on.
///
/// # Errors
/// When the settings of registries make no sense.
pub(super) async fn ask(
    context: &Context,
    docs: &Documents,
    texts: &(impl Texts + Sync),
    inside: &(dyn Fn(&RepoPath) -> bool + Sync),
) -> Result<Asked, CliError> {
    let settings = &context.settings().registry;
    let client = Client::new(settings);
    let mut images = recorded(docs, inside);
    let left = images.len().saturating_sub(MOST);
    images.truncate(MOST);
    let _spinner = context.out.progress().spinner("asking registries");
    let client = &client;
    let answers = futures_util::stream::iter(images.into_iter().map(|image| async move {
        let access = Access {
            namespace: image.namespace.clone(),
            insecure: image.insecure,
        };
        let answer = client.resolve(&image.reference, &access).await;
        (image, answer)
    }));
    let mut answers = answers.buffered(IN_FLIGHT);
    let mut asked = Asked::default();
    // By host and reason: how many, and the words of the first.
    let mut failed: BTreeMap<(String, &str), (usize, String)> = BTreeMap::new();
    while let Some((image, answer)) = answers.next().await {
        match answer {
            Ok(_) => {}
            Err(RegistryError::NotFound { .. }) => asked.problems.push(gone(&image, texts)),
            Err(error) => {
                let exit = Exit::of(error.fault());
                // What may be mended by waiting is told only where nothing worse is.
                if asked.exit.is_none() || exit == Exit::Failed {
                    asked.exit = Some(exit);
                }
                let host = image.reference.repository.registry().to_string();
                let failure = failed.entry((host, error.reason()));
                failure.or_insert_with(|| (0, error.to_string())).0 += 1;
            }
        }
    }
    let failed = failed.into_iter();
    let words = failed.map(|((host, reason), (count, first))| {
        let images = crate::cli::output::diagnostics::counted(count, "image");
        format!("{host} did not tell of {images} ({reason}): {first}")
    });
    asked.untold = words.collect();
    if left > 0 {
        asked.untold.push(format!(
            "{left} older images were not asked for: a check asks for at most {MOST}"
        ));
    }
    Ok(asked)
}

/// Every image once, those that tags point to first.
fn recorded(docs: &Documents, inside: &dyn Fn(&RepoPath) -> bool) -> Vec<Recorded> {
    let mut known: BTreeMap<(String, String), Recorded> = BTreeMap::new();
    for (key, located) in &docs.streams {
        if !inside(&located.path) {
            continue;
        }
        for (row, list) in located.value.status.tags.iter().enumerate() {
            let insecure = located.value.spec_tag(&list.tag);
            let insecure = insecure.is_some_and(|tag| tag.import_policy.insecure);
            for (age, item) in list.items.iter().enumerate() {
                let reference = item.docker_image_reference().parse::<ImageReference>();
                let Some(reference) = reference.ok().filter(|r| r.digest.is_some()) else {
                    continue;
                };
                let name = (key.namespace.to_string(), reference.to_string());
                let before = known.get_mut(&name);
                let mut tags = before
                    .map(|b| std::mem::take(&mut b.tags))
                    .unwrap_or_default();
                tags[age.min(1)].insert(format!("{}:{}", key.name, list.tag));
                if let Some(before) = known.get_mut(&name).filter(|before| before.age <= age) {
                    before.tags = tags;
                    continue;
                }
                let steps: [Step; 4] = ["status".into(), "tags".into(), row.into(), "items".into()];
                let more: [Step; 2] = [age.into(), "dockerImageReference".into()];
                known.insert(
                    name,
                    Recorded {
                        age,
                        reference,
                        namespace: key.namespace.clone(),
                        insecure,
                        tags,
                        path: located.path.clone(),
                        index: located.index,
                        route: steps.into_iter().chain(more).collect(),
                    },
                );
            }
        }
    }
    let mut images: Vec<Recorded> = known.into_values().collect();
    images.sort_by_key(|image| image.age);
    images
}

fn gone(image: &Recorded, texts: &impl Texts) -> Diagnostic {
    let (path, reference) = (&image.path, &image.reference);
    let [heads, older] = &image.tags;
    let named = |tags: &BTreeSet<String>| {
        tags.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let back: BTreeSet<String> = older.difference(heads).cloned().collect();
    let digest = reference.digest.as_ref().map(Digest::short);
    let digest = digest.unwrap_or_default();
    let problem = match image.age {
        0 => Diagnostic::error(
            path,
            code::IMAGE_GONE,
            format!(
                "{} {} to {digest}, which its registry does not have any more{}",
                named(heads),
                if heads.len() == 1 { "points" } else { "point" },
                match back.is_empty() {
                    true => String::new(),
                    false => format!("; {} cannot go back to it", named(&back)),
                }
            ),
        )
        .help(format!(
            "push {reference} again, or point the tag elsewhere: what runs it cannot be started anew"
        )),
        _ => Diagnostic::warning(
            path,
            code::IMAGE_GONE,
            format!(
                "{} cannot go back to {digest}: its registry does not have it any more",
                named(&back)
            ),
        )
        .help(format!("push {reference} again, or `headwater prune` what is old")),
    };
    let text = texts.text(path);
    problem.at(text.and_then(|text| locate(&text, image.index, &image.route)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::world::assemble_all;

    #[test]
    fn every_tag_that_shares_a_lost_image_is_named() {
        let image = |word: &[u8]| {
            let digest = Digest::sha256(word);
            format!("{{dockerImageReference: 'q.io/a/b@{digest}', image: '{digest}'}}")
        };
        let (old, new) = (image(b"old"), image(b"new"));
        let tags: String = [
            ("a", old.clone()),
            ("b", format!("{new}, {old}")),
            ("c", format!("{old}, {new}")),
            ("d", new.clone()),
        ]
        .map(|(tag, items)| format!("    - {{tag: {tag}, items: [{items}]}}\n"))
        .concat();
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: x}}\nspec: {{tags: [{{name: a}}, {{name: b}}, {{name: c}}, {{name: d}}]}}\nstatus:\n  tags:\n{tags}"
        );
        let documents = assemble_all(&[("streams/x.yaml", &text)]);
        let recorded = recorded(&documents, &|_| true);
        assert_eq!(recorded.len(), 2);
        let mut told: Vec<String> = recorded
            .iter()
            .map(|image| gone(image, &NoTexts).message)
            .collect();
        told.sort();
        assert!(told[0].starts_with("x:a, x:c point to "), "{told:?}");
        assert!(told[0].ends_with("; x:b cannot go back to it"), "{told:?}");
        assert!(
            told[1].starts_with("x:b, x:d point to ")
                && told[1].ends_with("; x:c cannot go back to it"),
            "{told:?}"
        );
    }

    struct NoTexts;

    impl Texts for NoTexts {
        fn text(&self, _: &RepoPath) -> Option<std::sync::Arc<str>> {
            None
        }
    }
}
