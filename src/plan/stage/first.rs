//! First stages: what the registry offers is the candidate. Their enter gates and freezes withhold an import.

use std::collections::{BTreeMap, BTreeSet};

use super::block::{self, Block};
use super::decide::{Decision, Judged};
use crate::manifests::Documents;
use crate::manifests::suggest::nearest;
use crate::model::follow::Step;
use crate::model::{
    ImageReference, ImageStream, Name, Namespace, Pipeline, RepoPath, Set, StreamKey, TagKey,
    TagReference, Verdict,
};
use crate::plan::change::files::Files;
use crate::plan::change::propose::{Proposal, Stamps};
use crate::plan::change::wave::Item;
use crate::plan::desk::Desk;
use crate::plan::gate::{Asked, Runs, condition, freeze};
use crate::plan::guard;
use crate::plan::import::{Followed, Following, Import, edits};
use crate::plan::report::{Change, ChangeKind, Condition, State, Subject};
use crate::plan::road::StageView;
use crate::plan::road::candidates::{Candidate, HeldSet, held_sets};
use crate::plan::road::timeline::Timeline;
use crate::plan::text::{Trailer, short};

/// Imports of one first stage.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The set the stage would hold.
    pub set: Set,
    /// What changes for it.
    pub imports: Vec<Import>,
}

/// What the registry offers a first stage; `None` where nothing changes or a stream has no digest at all yet.
pub fn offer(view: &StageView<'_>, imports: &[Import], desk: &Desk<'_>) -> Option<Offer> {
    let mine: Vec<Import> = imports
        .iter()
        .filter(|i| i.tag.tag == view.tag() && view.streams.contains(&i.tag.stream))
        .cloned()
        .collect();
    if mine.is_empty() {
        return None;
    }
    let members = view.streams.iter().filter_map(|stream| {
        let new = mine
            .iter()
            .find(|i| i.tag.stream == *stream)
            .map(|i| i.image.digest.clone());
        Some((
            stream.clone(),
            new.or_else(|| desk.head(stream, view.tag()).map(|i| i.digest))?,
        ))
    });
    Some(Offer {
        set: Set::new(members),
        imports: mine,
    })
}

/// The imports that a set means, where the registry does not offer it any more: that of an open pull request, whose tags
/// have these sources.
pub fn offer_of(
    view: &StageView<'_>,
    set: &Set,
    sources: &BTreeMap<StreamKey, String>,
    desk: &Desk<'_>,
) -> Offer {
    let imports = set.members().filter_map(|(stream, digest)| {
        let spec = desk.stream(stream)?.spec_tag(view.tag())?;
        let old = desk.head(stream, view.tag());
        let image = desk.image(stream, digest)?;
        (old.as_ref() != Some(&image)).then_some(())?;
        let followed = sources
            .get(stream)
            .and_then(|to| followed(stream, spec, to));
        let name = followed.as_ref().map(|followed| followed.name.as_str());
        let source = name.unwrap_or(&spec.from.as_ref()?.name).parse().ok()?;
        Some(Import {
            tag: TagKey::new(stream.clone(), view.tag()),
            source,
            old,
            image,
            moves: true,
            followed,
            wished: None,
        })
    });
    Offer {
        imports: imports.collect(),
        set: set.clone(),
    }
}

/// The change of a tag's source to this one, where that is still a step forward by its rule.
fn followed(stream: &StreamKey, spec: &TagReference, to: &str) -> Option<Followed> {
    let following = Following::of(stream, spec)?;
    let to: ImageReference = to.parse().ok()?;
    let newer = to.tag?;
    let step = following.rule().ok()?.step(following.has()?, &newer);
    (step == Step::Moves).then(|| following.to(&newer))
}

/// Decides whether a first stage takes what is offered.
pub fn decide(view: &StageView<'_>, offer: Option<&Offer>, desk: &mut Desk<'_>) -> Decision {
    let mut blocks = block::common(view, desk);
    blocks.extend(lacking(view, desk));
    let mut decision = Decision {
        blocks,
        ..Decision::default()
    };
    let Some(offer) = offer else { return decision };
    let judged = judge(view, &offer.set, desk);
    // What is only remembered of a source moves no set, and no gate has a say in it.
    let moves = offer.imports.iter().any(|i| i.moves);
    decision.chosen = Some(judged.clone())
        .filter(|j| decision.blocks.is_empty() && (!moves || j.may_go(view.delivery)));
    decision.candidate = moves.then_some(judged);
    decision
}

/// Judges a set that the registry offers, or that an open pull request carries.
pub fn judge(view: &StageView<'_>, set: &Set, desk: &mut Desk<'_>) -> Judged {
    let id = set.id();
    let empty = Timeline::default();
    let asked = Asked {
        stage: &view.key,
        runs: Runs::NobodyTells,
        set,
        id: &id,
        stays: &empty,
        first: &view.timeline,
    };
    let mut conditions: Vec<Condition> = view
        .enter
        .iter()
        .map(|r| condition(&r.rule, &r.set_by, &asked, desk))
        .collect();
    guard::tell(&mut conditions, &view.environments, desk.guards());
    let verdict: Verdict = freeze(Some(&view.key.pipeline), &view.environments, desk);
    conditions.push(Condition {
        name: "freeze".to_owned(),
        kind: "freeze".to_owned(),
        verdict,
        set_by: None,
    });
    let candidate = Candidate {
        set: set.clone(),
        id: id.clone(),
        at: usize::MAX,
        from: Vec::new(),
    };
    let held: BTreeMap<_, HeldSet> = held_sets(
        view,
        &BTreeMap::new(),
        std::slice::from_ref(&candidate),
        desk,
    );
    // A registry that goes back to an older digest is a change like any other: only holds by name count here.
    let held = held.get(&id).filter(|h| h.reason != "Reverted").cloned();
    Judged {
        candidate,
        conditions,
        held,
        lacks: None,
        vouched: None,
    }
}

/// The change of a first stage as a proposal.
pub fn proposal(offer: &Offer, stamps: &Stamps, desk: &Desk<'_>) -> Proposal {
    let mut by_stream: BTreeMap<StreamKey, Vec<_>> = BTreeMap::new();
    let mut heads = BTreeMap::new();
    for import in &offer.imports {
        by_stream
            .entry(import.tag.stream.clone())
            .or_default()
            .extend(edits(import, stamps.created, desk));
        heads.insert(import.tag.clone(), import.image.clone());
    }
    Proposal {
        id: offer.set.id(),
        set: offer.set.clone(),
        edits: by_stream,
        heads,
        evidence: Vec::new(),
        from: Vec::new(),
        asked_by: None,
    }
}

/// The offer as an item of the wave.
pub fn item(view: &StageView<'_>, offer: &Offer, desk: &mut Desk<'_>) -> Item {
    let stamps = Stamps {
        created: desk.stamp(),
        record: None,
    };
    let proposal = proposal(offer, &stamps, desk);
    let changes = offer
        .imports
        .iter()
        .map(|i| change(i, view.key.stage.as_str(), desk))
        .collect();
    let complete = offer.set.members().count() == view.streams.len();
    Item {
        subject: Subject::Stage(view.key.clone()),
        environments: view.environments.clone(),
        edits: proposal.edits,
        files: Files::new(),
        heads: proposal.heads,
        changes,
        trailer: complete.then(|| Trailer {
            set: proposal.id,
            stage: view.key.clone(),
            from: Vec::new(),
        }),
    }
}

/// An import of a tag in no pipeline as an item of the wave.
pub fn loose_item(import: &Import, desk: &Desk<'_>) -> Item {
    Item {
        subject: Subject::Tag(import.tag.clone()),
        environments: Vec::new(),
        edits: BTreeMap::from([(import.tag.stream.clone(), edits(import, desk.stamp(), desk))]),
        files: Files::new(),
        heads: BTreeMap::from([(import.tag.clone(), import.image.clone())]),
        changes: vec![change(import, &import.tag.tag, desk)],
        trailer: None,
    }
}

/// What people read of an import.
pub fn change(import: &Import, place: &str, desk: &Desk<'_>) -> Change {
    Change {
        kind: ChangeKind::Import,
        group: import.tag.stream.name.to_string(),
        place: place.to_owned(),
        subject: import.source.to_string(),
        old: import.old.as_ref().map(|i| short(&i.digest)),
        new: Some(short(&import.image.digest)),
        why: match &import.followed {
            Some(followed) => Some(followed.why()),
            None => was_here(import, desk)
                .then(|| "goes back to an image that was here before".to_owned()),
        },
        delivery: String::new(),
        files: Vec::new(),
    }
}

/// Whether the source came back to an image that it had before what the tag has now.
fn was_here(import: &Import, desk: &Desk<'_>) -> bool {
    let moves = desk.obs.history.moves.get(&import.tag);
    let mut moves = moves.into_iter().flatten();
    import.moves && moves.any(|step| step.digest.as_ref() == Some(&import.image.digest))
}

/// Imports that belong to no first stage.
pub fn loose<'i>(imports: &'i [Import], views: &[&StageView<'_>]) -> Vec<&'i Import> {
    let owned: BTreeSet<TagKey> = views
        .iter()
        .filter(|v| v.is_first())
        .flat_map(|v| v.streams.iter().map(|s| TagKey::new(s.clone(), v.tag())))
        .collect();
    imports.iter().filter(|i| !owned.contains(&i.tag)).collect()
}

/// A stream of a first stage without the tag that the stage begins with: nothing can ever enter.
fn lacking(view: &StageView<'_>, desk: &Desk<'_>) -> Option<Block> {
    let stream = view.streams.iter().find(|stream| {
        desk.stream(stream).is_some_and(|value| {
            // A whole repository may bring it still.
            lacks(value, view.tag()) && value.spec.docker_image_repository.is_none()
        })
    })?;
    let value = desk.stream(stream)?;
    let tag = view.tag();
    let why = format!(
        "TagMissing: {stream} has no tag `{tag}`, with which {} begins: nothing can enter",
        view.key
    );
    let mend = match nearest(tag, value.spec.tags.iter().map(|tag| tag.name.as_str())) {
        Some(near) => format!("did you mean `tag: {near}` in the pipeline's stage? Otherwise"),
        None => "name a tag of the stream in the pipeline's stage (`tag: ...`), or".to_owned(),
    };
    let help = format!(
        "{mend} give the stream that tag: headwater tag <image> {}:{tag}",
        stream.name
    );
    Some(Block::new(State::Broken, "TagMissing", why).help(help))
}

/// Whether a stream knows nothing of a tag.
fn lacks(stream: &ImageStream, tag: &str) -> bool {
    stream.spec_tag(tag).is_none() && stream.status_tag(tag).is_none()
}

/// Why nothing was imported yet, of a first stage whose tags are all there.
pub fn not_imported(view: &StageView<'_>, desk: &Desk<'_>) -> String {
    let sources = view.streams.iter().filter_map(|stream| {
        let from = desk.stream(stream)?.spec_tag(view.tag())?.from.as_ref();
        Some((format!("{stream}:{}", view.tag()), from))
    });
    let mut unasked = sources.filter(|(_, from)| !from.is_some_and(|f| f.kind == "DockerImage"));
    match unasked.next() {
        Some((tag, None)) => {
            format!("{tag} has no source: nothing is imported until it has `from`")
        }
        Some((tag, Some(from))) => {
            format!("{tag} takes what {} holds, which is nothing yet", from.name)
        }
        None => "nothing was imported yet: the next run asks the registry".to_owned(),
    }
}

/// Why a tag of a stream that no stage names is perhaps meant by one: a first stage of the stream's pipeline names a tag that
/// is not there. An image that came in meanwhile would be past that stage's approvals once the name is mended.
pub fn perhaps_meant(
    stream: &StreamKey,
    imports: &[Import],
    views: &[&StageView<'_>],
    desk: &Desk<'_>,
) -> Option<String> {
    let value = desk.stream(stream)?;
    let comes = |tag| {
        imports
            .iter()
            .any(|i| i.tag.tag == tag && i.tag.stream == *stream)
    };
    let mut entries = views.iter().filter(|view| view.is_first());
    let entry = entries.find(|view| {
        view.streams.contains(stream) && lacks(value, view.tag()) && !comes(view.tag())
    })?;
    Some(format!(
        "stage {} begins with tag `{}`, which {stream} does not have: perhaps it means this one",
        entry.key,
        entry.tag()
    ))
}

/// Why a tag that no pipeline seems to own is not imported: a file from which nothing could be read stands beside its
/// stream's, or bears its name, or a pipeline carries a stream that is not there, or a matrix of pipelines gives none. If
/// that is its pipeline, nobody knows the rules. At the top of a folder of streams or pipelines, where many lie side by side, only a file that is named after the
/// stream counts.
pub fn perhaps_owned(stream: &StreamKey, docs: &Documents) -> Option<String> {
    let unread = docs.broken_pipelines.iter();
    let mut unread = unread.filter(|(name, _)| !docs.pipelines.contains_key(*name));
    if let Some((_, why)) = unread.find(|(name, _)| name.as_str() == stream.name.as_str()) {
        return Some(why.clone());
    }
    if let Some(why) = misspelt(docs) {
        return Some(why);
    }
    if let Some(why) = &docs.nameless_pipelines {
        return Some(why.clone());
    }
    let path = &docs.streams.get(stream)?.path;
    let is_read = |file: &RepoPath| {
        docs.streams.values().any(|s| s.path == *file)
            || docs.pipelines.values().any(|p| p.path == *file)
    };
    let folder = path.parent();
    let paths = &docs.config.spec.paths;
    let crowded = [&paths.streams, &paths.pipelines]
        .map(Some)
        .contains(&folder.as_ref());
    let mut beside = docs.errors().filter(|e| {
        let related = !crowded || is_named_after(&e.path, stream.name.as_str());
        e.path.parent() == folder && related
    });
    let error = beside.find(|e| !is_read(&e.path))?;
    Some(format!("{}: {}", error.path, error.message))
}

/// What is wrong with a pipeline that carries a stream which is not there: it may mean any that no other one carries.
fn misspelt(docs: &Documents) -> Option<String> {
    let broken = docs.broken_pipelines.iter();
    let mut broken = broken.filter_map(|(name, why)| Some((docs.pipelines.get(name)?, why)));
    let unknown = |pipeline: &Pipeline| {
        let namespace = pipeline.metadata.namespace.as_ref().map(Namespace::as_str);
        let key = |name: String| docs.stream_key(namespace, &name);
        let mut keys = pipeline.stream_names().into_iter().map(key);
        keys.any(|key| key.is_none_or(|key| !docs.streams.contains_key(&key)))
    };
    let (_, why) = broken.find(|(located, _)| unknown(&located.value))?;
    Some(why.clone())
}

/// Whether a file is called `<name>.yaml`, `<name>-pipeline.yaml` and the like.
fn is_named_after(file: &RepoPath, name: &str) -> bool {
    let text = file.as_str();
    let file_name = text.rsplit('/').next().unwrap_or(text);
    file_name
        .strip_prefix(name)
        .is_some_and(|rest| rest.starts_with(['.', '-', '_']))
}

/// Names of stages, for lookups within a pipeline.
pub fn by_name<'a, 'r>(road: &'r [StageView<'a>]) -> BTreeMap<Name, &'r StageView<'a>> {
    road.iter().map(|v| (v.key.stage.clone(), v)).collect()
}
