//! Tags in no pipeline, and failures of imports that are written down.

use std::collections::BTreeMap;

use super::Work;
use crate::model::Delivery;
use crate::plan::change::files::Files;
use crate::plan::change::wave::Item;
use crate::plan::desk::Desk;
use crate::plan::import::Imports;
use crate::plan::report::{Change, ChangeKind, State, Subject};
use crate::plan::road::StageView;
use crate::plan::stage::first;

impl Work<'_> {
    /// Tags in no pipeline, and failures written down.
    pub(super) fn loose(
        &mut self,
        imports: &Imports,
        views: &[&StageView<'_>],
        desk: &mut Desk<'_>,
    ) {
        let by_commit = desk.docs.config.spec.delivery == Delivery::Commit;
        for import in first::loose(&imports.imports, views) {
            if let Some(why) = first::perhaps_owned(&import.tag.stream, desk.docs) {
                let why = format!("its pipeline may be unreadable: {why}");
                let subject = Subject::Tag(import.tag.clone());
                desk.hold(subject, State::Held, "PipelineUnreadable", why);
                continue;
            }
            if let Some(why) =
                first::perhaps_meant(&import.tag.stream, &imports.imports, views, desk)
            {
                let subject = Subject::Tag(import.tag.clone());
                let hold = desk.hold(subject, State::Held, "StageTagMissing", why);
                hold.help = Some("mend the stage's tag, or add that tag to the stream".to_owned());
                continue;
            }
            if by_commit {
                self.items.push(first::loose_item(import, desk));
            } else {
                let why =
                    "NotYet: a tag in no pipeline with `delivery: pullRequest` in headwater.yaml";
                desk.hold(Subject::Tag(import.tag.clone()), State::Held, "NotYet", why);
            }
        }
        for record in &imports.records {
            self.items.push(Item {
                subject: Subject::Tag(record.tag.clone()),
                environments: Vec::new(),
                edits: BTreeMap::from([(record.tag.stream.clone(), record.edits.clone())]),
                files: Files::new(),
                heads: BTreeMap::new(),
                changes: vec![Change {
                    kind: ChangeKind::Record,
                    group: record.tag.stream.name.to_string(),
                    place: record.tag.tag.clone(),
                    subject: record.subject.to_owned(),
                    old: None,
                    new: Some(record.what.clone()),
                    why: None,
                    delivery: String::new(),
                    files: Vec::new(),
                }],
                trailer: None,
            });
        }
    }
}
