//! What the demo checks of its own story: where stages stand, and that one digest is everywhere. Nothing is taken from
//! what commands print: all of it is read from the registry and from Git, at the base.

use super::shell::unexpected;
use super::world::{HOST, Look, MAIN, MYAPP, World, broken};
use crate::cli::CliError;
use crate::cli::engine::edge;
use crate::manifests::workload::image_fields;
use crate::model::{Digest, PinnedImage, RepoPath, StageKey};
use crate::plan::road::settled::settled;
use crate::plan::{StageReport, State};

/// Longest output that is read.
const MOST_BYTES: usize = 1 << 20;

/// A stage by its name.
///
/// # Errors
/// When the plan knows none of that name.
pub(super) fn stage<'l>(look: &'l Look, name: &str) -> Result<&'l StageReport, CliError> {
    let key: StageKey = parse(name)?;
    let stages = &look.plan.stages;
    let found = stages.iter().find(|stage| stage.key == key);
    found.ok_or_else(|| unexpected(&format!("a stage {name}")))
}

/// Checks where a stage stands: its state and the version it holds.
///
/// # Errors
/// When it stands otherwise.
pub(super) fn stands<'l>(
    look: &'l Look,
    name: &str,
    state: State,
    version: Option<&str>,
) -> Result<&'l StageReport, CliError> {
    let stage = stage(look, name)?;
    let holds = stage.current.as_ref().map(|set| set.version.as_str());
    if stage.state == state && holds == version {
        return Ok(stage);
    }
    let said = |version: Option<&str>| version.unwrap_or("nothing").to_owned();
    Err(unexpected(&format!(
        "{name} to be {state:?} with {}, not {:?} with {} ({})",
        said(version),
        stage.state,
        said(holds),
        stage.why
    )))
}

/// The open pull request of a stage.
///
/// # Errors
/// When there is none.
pub(super) fn pull_request(look: &Look, name: &str) -> Result<String, CliError> {
    let id = stage(look, name)?.pull_request.clone();
    id.ok_or_else(|| unexpected(&format!("an open pull request for {name}")))
}

/// Checks that the registry still offers this build.
///
/// # Errors
/// When it offers another.
pub(super) fn offered(world: &World, pushed: &Digest) -> Result<(), CliError> {
    if world.registry.digest(MYAPP, MAIN).as_ref() == Some(pushed) {
        Ok(())
    } else {
        Err(unexpected(&format!("the registry to offer {pushed}")))
    }
}

/// Reads the digest behind tags and in manifests, and says so line by line, the registry's first.
///
/// # Errors
/// When one of them is another.
pub(super) async fn one_digest(
    world: &World,
    look: &Look,
    pushed: &Digest,
    environments: &[&str],
    tags: &[&str],
) -> Result<Vec<String>, CliError> {
    let mut found = vec![(format!("{HOST}/{MYAPP}"), pushed.clone())];
    for tag in tags {
        found.push((format!("tag {tag}"), tag_digest(look, tag)?));
    }
    for environment in environments {
        let path = format!("environments/{environment}/rendered/myapp/deployment.yaml");
        let digest = rendered_digest(world, look, &path).await?;
        found.push((path, digest));
    }
    if let Some((place, digest)) = found.iter().find(|(_, digest)| digest != pushed) {
        return Err(unexpected(&format!("{pushed} in {place}, not {digest}")));
    }
    let width = found.iter().map(|(place, _)| place.len()).max();
    let width = width.unwrap_or_default();
    let lines = found.iter();
    Ok(lines
        .map(|(place, digest)| format!("{place:width$}   {digest}"))
        .collect())
}

fn tag_digest(look: &Look, tag: &str) -> Result<Digest, CliError> {
    let streams = &look.observation.snapshot.documents.streams;
    let stream = streams.iter().find(|(key, _)| key.name.as_str() == "myapp");
    stream
        .and_then(|(_, located)| settled(&located.value, tag))
        .map(|settled| settled.image.digest)
        .ok_or_else(|| unexpected(&format!("a digest behind myapp:{tag}")))
}

/// The digest in a manifest at the base.
async fn rendered_digest(world: &World, look: &Look, path: &str) -> Result<Digest, CliError> {
    let path: RepoPath = parse(path)?;
    let missing = || unexpected(&format!("a readable manifest {path}"));
    let entry = look.observation.snapshot.files.get(&path);
    let blob = entry.ok_or_else(missing)?.blob.clone();
    let git = world.engine()?.git;
    let mut blobs = git
        .blobs(vec![blob.clone()], MOST_BYTES)
        .await
        .map_err(|e| edge(&e))?;
    let bytes = blobs.remove(&blob).and_then(Result::ok);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let fields = image_fields(&path, &text.ok_or_else(missing)?).map_err(|_| missing())?;
    let images = fields
        .iter()
        .map(|field| field.image.parse::<PinnedImage>());
    let mut images: Vec<PinnedImage> = images
        .collect::<Result<_, _>>()
        .map_err(|_| unexpected(&format!("every image in {path} to have a digest")))?;
    match (images.pop(), images.is_empty()) {
        (Some(image), true) => Ok(image.digest),
        _ => Err(unexpected(&format!("one image in {path}"))),
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, CliError>
where
    T::Err: std::error::Error + 'static,
{
    text.parse()
        .map_err(|error| broken(&format!("`{text}` cannot be read"), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_story_that_goes_otherwise_is_an_error_that_says_what_was_expected() {
        let world = World::make(None).await.unwrap();
        let pushed = world.build("1.2.0", "passed");
        let engine = world.engine().unwrap();
        engine.reconciler.run(world.now).await.unwrap();
        let look = world.look().await.unwrap();
        let places = ["dev", "qa"];
        let lines = one_digest(&world, &look, &pushed, &places, &["qa-stable"]).await;
        assert_eq!(lines.unwrap().len(), 4);
        stands(&look, "myapp/qa", State::Settled, Some("1.2.0")).unwrap();

        let other = Digest::sha256(b"other");
        for (digest, places, tags) in [
            (&other, &[][..], &["qa-stable"][..]),
            (&other, &["dev"], &[]),
            (&pushed, &["prod"], &[]),
            (&pushed, &[], &["prod"]),
        ] {
            let wrong = one_digest(&world, &look, digest, places, tags).await;
            assert!(wrong.unwrap_err().message.contains("expected"));
        }
        assert!(offered(&world, &other).is_err());
        let said = |result: Result<&StageReport, CliError>| result.unwrap_err().message;
        let wrong = said(stands(&look, "myapp/qa", State::Settled, Some("1.2.1")));
        assert!(
            wrong.contains("Settled with 1.2.1, not Settled with 1.2.0"),
            "{wrong}"
        );
        let wrong = said(stands(&look, "myapp/qa", State::Held, Some("1.2.0")));
        assert!(wrong.contains("myapp/qa to be Held"), "{wrong}");
        assert!(pull_request(&look, "myapp/prod").is_err());
    }
}
