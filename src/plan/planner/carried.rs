//! What the open pull request of a first stage carries.

use std::collections::BTreeMap;

use crate::model::{Set, StreamKey};
use crate::plan::change::stamps::stream_in;
use crate::plan::desk::Desk;
use crate::plan::pull::life::open_of;
use crate::plan::road::StageView;
use crate::plan::road::settled::settled;

/// The set that the open pull request of a first stage carries, read from its branch, and the sources of its tags there.
pub(super) fn carried_set(
    view: &StageView<'_>,
    desk: &mut Desk<'_>,
) -> Option<(Set, BTreeMap<StreamKey, String>)> {
    let (id, pull) = open_of(view, desk)?;
    let branch = pull.branch_facts.as_ref()?;
    let (mut members, mut sources) = (Vec::new(), BTreeMap::new());
    for key in &view.streams {
        let located = desk.docs.streams.get(key)?;
        let digest = match branch.changed.get(&located.path) {
            Some(Some(blob)) => {
                let text = desk.text(blob)??;
                let stream = stream_in(&text, &located.path, key, desk)?;
                let image = settled(&stream, view.tag())?.image;
                let from = stream
                    .spec_tag(view.tag())
                    .and_then(|tag| tag.from.as_ref());
                sources.extend(from.map(|from| (key.clone(), from.name.to_string())));
                desk.fresh
                    .insert((key.clone(), image.digest.clone()), image.clone());
                image.digest
            }
            _ => desk.head(key, view.tag())?.digest,
        };
        members.push((key.clone(), digest));
    }
    let set = Set::new(members);
    (set.id() == id).then_some((set, sources))
}
