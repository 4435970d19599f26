//! Labels, requests for reviews and notes of an open pull request. What is refused of them is remembered one by one.

use super::{Applier, Done, Ended, Refusal, forge_ended};
use crate::forge::{self, Part};
use crate::model::Faulty as _;
use crate::plan::effect::Tending;
use crate::plan::refusal::{ask_id, label_id, note_id};

pub(super) async fn run(applier: &Applier, id: &str, tending: &Tending) -> Vec<Ended> {
    let notes = tending.notes.iter().map(|note| forge::Note {
        key: note.key.clone(),
        text: note.text.clone(),
    });
    let asked = forge::Tending {
        labels: tending.labels.clone(),
        ask: tending.ask.clone(),
        notes: notes.collect(),
    };
    let refused = match applier.forge.tend(id, asked).await {
        Ok(refused) => refused,
        Err(error) => {
            let ended = forge_ended(&format!("tend to pull request {id}"), &error);
            return vec![ended];
        }
    };
    let is_left = |part: &Part| !refused.iter().any(|(other, _)| other == part);
    let with: Vec<String> = parts(tending).filter(is_left).map(|p| words(&p)).collect();
    let id = id.to_owned();
    let mut ended: Vec<Ended> = refused
        .iter()
        .map(|(part, error)| {
            let healing = error.fault().heals();
            Ended::Refused(Refusal {
                what: format!("give pull request {id} {}", words(part)),
                why: error.to_string(),
                fault: error.fault(),
                changes: match part {
                    _ if healing => Vec::new(),
                    Part::Label(label) => vec![label_id(&id, label)],
                    Part::Ask(who) => vec![ask_id(&id, who)],
                    Part::Note(key) => vec![note_id(&id, key)],
                },
            })
        })
        .collect();
    if !with.is_empty() {
        ended.push(Ended::Done(Done::Tended { id, with }));
    }
    ended
}

fn parts(tending: &Tending) -> impl Iterator<Item = Part> {
    let labels = tending.labels.iter().cloned().map(Part::Label);
    let asked = tending.ask.iter().cloned().map(Part::Ask);
    let notes = tending
        .notes
        .iter()
        .map(|note| Part::Note(note.key.clone()));
    labels.chain(asked).chain(notes)
}

fn words(part: &Part) -> String {
    match part {
        Part::Label(label) => format!("the label `{label}`"),
        Part::Ask(who) => format!("a review by {who}"),
        Part::Note(key) => format!("a note ({key})"),
    }
}
