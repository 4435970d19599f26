//! `import-image`: asks registries now, and writes what they say into the stream.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::args::{ImportImageArgs, WriteArgs};
use super::streams::{Place, Proof, Wish, refused, shown_tag};
use super::{CliError, Context, Exit};
use crate::model::platform::Preferred;
use crate::model::tag_order::foremost;
use crate::model::{Digest, ImageReference, ImageRepository, StreamKey, TagKey, TagName};
use crate::observe::Seen;
use crate::plan::streams::import::{Answered, Decided, Import, ImportWish, What, decide, imported};
use crate::plan::streams::tag::Policies;
use crate::registry::{Access, Client, RegistryError};

/// Questions to registries under way at a time; the client bounds them per host besides.
const IN_FLIGHT: usize = 16;

/// Imports one tag, or all of a stream.
///
/// # Errors
/// When it makes no sense, or cannot be written where it was asked for. What a registry refuses is told tag by tag.
pub async fn run(context: &Context, args: &ImportImageArgs) -> Result<Exit, CliError> {
    let place = Place::open(context, &args.write).await?;
    let wish = ImportWish {
        target: args.target.clone(),
        from: args.from.clone(),
        confirm: args.confirm,
        all: args.all,
        policies: args.policy.policies(None),
    };
    let decided = decide(&wish, place.scene(&place.docs)).map_err(refused)?;
    let registry = &context.settings().registry;
    let client = Client::new(registry);
    let Decided { stream, what } = decided;
    let mut repository = None;
    let (tags, left) = match what {
        What::Tags(tags) => (tags, 0),
        What::Repository { from, policies } => {
            let listed = whole(&client, &stream, &from, &policies, context).await?;
            repository = Some(from);
            listed
        }
    };
    let asked = tags.len();
    let scene = place.scene(&place.docs);
    let known = scene.stream(&stream).ok();
    let prefers = |import: &Import| match import.reference.digest {
        Some(_) => Preferred::default(),
        None => known
            .and_then(|known| known.spec_tag(&import.tag))
            .map_or_else(Preferred::default, Preferred::of),
    };
    let tags = tags.into_iter().map(|import| (prefers(&import), import));
    let (answers, failures) = ask(&client, &stream, tags.collect(), context).await;
    let title = match answers.as_slice() {
        [(import, _)] => format!("Import {}:{} from {}", stream.name, import.tag, import.from),
        several => format!("Import {} tags of {}", several.len(), stream.name),
    };
    let wish = Wish {
        verb: "import-image",
        title,
        proof: Proof::Registry,
        write: &args.write,
    };
    let scene = place.scene(&place.docs);
    let failed = failures.iter().map(|(tag, error)| {
        let name = shown_tag(scene, &TagKey::new(stream.clone(), tag));
        (name, error)
    });
    let failed: Vec<(String, &RegistryError)> = failed.collect();
    let repository = repository.filter(|_| failed.is_empty());
    if !answers.is_empty() {
        let repository = repository.as_ref();
        let differs = place
            .edit(&wish, &|scene| {
                imported(&stream, &answers, repository, scene)
            })
            .await?;
        if differs {
            tell_unproven(context, &args.write);
        }
    }
    if left > 0 {
        context.out.note(format!(
            "{left} more tags of that repository were not imported: name them with `headwater tag`"
        ));
    }
    end(context, asked, &failed)
}

/// What people commit proves nothing of where a digest came from.
fn tell_unproven(context: &Context, write: &WriteArgs) {
    if !write.commit && !write.push && !write.dry_run {
        context.out.note(
            "a stage takes digests only from commits of headwater: with --commit or --push this import is one, committed by hand it is not",
        );
    }
}

/// All tags of a repository, the most important ones first; how many are left out.
async fn whole(
    client: &Client,
    stream: &StreamKey,
    from: &ImageRepository,
    policies: &Policies,
    context: &Context,
) -> Result<(Vec<Import>, usize), CliError> {
    let access = access(stream, policies);
    let _spinner = context.out.progress().spinner("listing tags");
    let names = client.tags(from, &access).await;
    let names = names.map_err(|error| super::engine::edge(&error))?;
    let names: Vec<&str> = names.iter().map(TagName::as_str).collect();
    let first = foremost(&names);
    let left = names.len() - first.len();
    let tags = first.into_iter().map(str::to_owned).map(|tag| Import {
        from: format!("{from}:{tag}"),
        reference: ImageReference {
            repository: from.clone(),
            tag: Some(tag.clone()),
            digest: None,
        },
        policies: policies.clone(),
        tag,
    });
    Ok((tags.collect(), left))
}

fn access(stream: &StreamKey, policies: &Policies) -> Access {
    Access {
        namespace: stream.namespace.clone(),
        insecure: policies.insecure == Some(true),
    }
}

/// The digest that is recorded of an image: of an index its own, or, with `importMode: Legacy`, that of the image which
/// stands for it.
async fn resolve(
    client: &Client,
    import: &Import,
    preferred: &Preferred,
    access: &Access,
) -> Result<Digest, RegistryError> {
    let unknown = BTreeSet::new();
    let resolved = client.verified(&import.reference, access, &unknown).await?;
    if import.policies.import_mode.as_deref() != Some("Legacy") || !resolved.is_index() {
        return Ok(resolved.digest);
    }
    let index = import.reference.repository.at(resolved.digest);
    let described = client.describe(&index, access).await?;
    let single = Seen::from(described).facts.single(preferred).cloned();
    single.ok_or_else(|| RegistryError::Invalid {
        subject: index.to_string(),
        detail: "its index holds no image".to_owned(),
    })
}

/// Asks for every tag; answers in the order of tags, failures by tag.
async fn ask(
    client: &Client,
    stream: &StreamKey,
    tags: Vec<(Preferred, Import)>,
    context: &Context,
) -> (Vec<Answered>, BTreeMap<String, RegistryError>) {
    let _spinner = context.out.progress().spinner("asking registries");
    let asked =
        futures_util::stream::iter(tags.into_iter().map(|(preferred, import)| async move {
            let access = access(stream, &import.policies);
            let resolved = resolve(client, &import, &preferred, &access).await;
            (import, resolved)
        }));
    let mut answers = Vec::new();
    let mut failures = BTreeMap::new();
    let mut asked = asked.buffered(IN_FLIGHT);
    while let Some((import, resolved)) = asked.next().await {
        match resolved {
            Ok(digest) => {
                let image = import.reference.repository.at(digest);
                answers.push((import, image));
            }
            Err(error) => {
                failures.insert(import.tag, error);
            }
        }
    }
    (answers, failures)
}

/// Tells what failed, and how the process ends.
fn end(
    context: &Context,
    asked: usize,
    failed: &[(String, &RegistryError)],
) -> Result<Exit, CliError> {
    let Some((name, first)) = failed.first() else {
        return Ok(Exit::Settled);
    };
    let help = match first.reason() {
        "Unauthorized" if first.to_string().contains("`tokenRealms`") => {
            "nothing was written; if that token server may be given credentials, list it in tokenRealms of the registry under registry.registries of the settings"
        }
        "Unauthorized" => {
            "nothing was written; give credentials for it under registry.credentials of the settings"
        }
        "Forbidden" => "nothing was written; list the host under registry.allowed of the settings",
        _ => {
            "nothing was written; `headwater tag` writes the wish, which passes try again and again"
        }
    };
    if asked == 1 {
        let error = super::engine::edge(*first).context(format!("{name} was not imported"));
        return Err(CliError {
            exit: Exit::Failed,
            ..error
        }
        .help(help));
    }
    for (name, error) in failed {
        context.out.note(format!("error: {name}: {error}"));
    }
    Err(CliError::failed(format!(
        "{} of {asked} tags were not imported",
        failed.len()
    )))
}
