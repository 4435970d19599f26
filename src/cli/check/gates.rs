//! Gates that would refuse every set, told before they do: expressions that cannot be parsed or can be neither true nor
//! false, and keys that are none.

use super::place::{key, placed};
use crate::cli::read::Files;
use crate::manifests::{
    Diagnostic, Documents, Listing as _, Located, Said, Step, Texts as _, code,
};
use crate::model::address::Word;
use crate::model::gate::Http;
use crate::model::{Gate, RepoPath, VerifyingKey};
use crate::plan::gate::cel::{self, answer};

/// What is wrong with expressions and keys of pipelines and environments.
pub(super) fn problems(documents: &Documents, files: &Files) -> Vec<Said> {
    let mut problems = Vec::new();
    for located in documents.pipelines.values() {
        let streams: Vec<String> = documents
            .pipeline_streams(&located.value)
            .into_iter()
            .map(|key| key.name.to_string())
            .collect();
        for (at, stage) in located.value.spec.stages.iter().enumerate() {
            for (list, gates) in [("enter", &stage.enter), ("verify", &stage.verify)] {
                let route =
                    |gate| vec![key("stages"), Step::Index(at), key(list), Step::Index(gate)];
                problems.extend(of_list(located, gates, route, Some(&streams), files));
            }
        }
    }
    for located in documents.environments.values() {
        let route = |gate| vec![key("enter"), Step::Index(gate)];
        let gates = &located.value.spec.enter;
        problems.extend(of_list(located, gates, route, None, files));
    }
    problems
}

fn of_list<T>(
    located: &Located<T>,
    gates: &[Gate],
    route: impl Fn(usize) -> Vec<Step>,
    streams: Option<&[String]>,
    files: &Files,
) -> Vec<Said> {
    let wrong = gates.iter().enumerate().filter_map(|(at, gate)| {
        let found = match gate {
            Gate::Expression(source) => {
                let why = cel::check_in(source, streams).err()?;
                let words = format!("this expression lets no set pass: {why}");
                (code::EXPRESSION, vec!["expression"], words, TRY_IT)
            }
            Gate::Http(http) => {
                let (field, why) = unanswerable(http, streams)?;
                let words = format!("this gate lets no set pass: {why}");
                (code::EXPRESSION, vec!["http", field], words, TRY_ANSWER)
            }
            Gate::Workflow(workflow) => {
                let mut values = workflow.inputs.values();
                let digest = Word::Digest.in_braces();
                let several = streams.is_some_and(|streams| streams.len() > 1);
                let reads = several && values.any(|value| value.contains(&digest));
                let words = reads.then(|| format!("this gate lets no set pass: {ONLY}"))?;
                (
                    code::EXPRESSION,
                    vec!["workflow", "inputs"],
                    words,
                    ONE_WORD,
                )
            }
            Gate::Signature(signature) => {
                let words = unusable(&signature.key, files)?;
                (code::KEY, vec!["signature", "key"], words, PUT_KEY)
            }
            _ => return None,
        };
        Some((at, found))
    });
    wrong
        .map(|(at, (code, fields, words, help))| {
            let mut whole = vec![key("spec")];
            whole.extend(route(at));
            whole.extend(fields.into_iter().map(key));
            let problem = Diagnostic::error(&located.path, code, words).help(help);
            placed(located, &whole, problem, files)
        })
        .collect()
}

/// What to do about each of them.
const TRY_IT: &str =
    "write what is true of a set that may pass, as `image.labels[\"tests\"] == \"passed\"`";
const TRY_ANSWER: &str = "write what is true of a good answer, as `json.state == \"passed\"`";
const ONE_WORD: &str = "write {{set}} instead of {{digest}}";
const PUT_KEY: &str =
    "commit the public key (`cosign public-key`) and write its path, as in `key: keys/cosign.pub`";

/// A word that cannot be filled in.
const ONLY: &str = "`digest` stands for the only image, and here are several: use `set`";

/// Why no answer could satisfy a gate, and the field that is wrong.
fn unanswerable(http: &Http, streams: Option<&[String]>) -> Option<(&'static str, String)> {
    let reads = match answer::check(&http.expect) {
        Ok(reads) => reads,
        Err(why) => return Some(("expect", why)),
    };
    let several = streams.is_some_and(|streams| streams.len() > 1);
    if several && http.url.words().any(|word| word == Word::Digest) {
        return Some(("url", ONLY.to_owned()));
    }
    let reads_it = several && reads.words.contains(&Word::Digest);
    reads_it.then(|| ("expect", ONLY.to_owned()))
}

/// Why a file is no key to check signatures with.
fn unusable(path: &RepoPath, files: &Files) -> Option<String> {
    if files.lookup.is_symlink(path) {
        return Some(format!(
            "`{path}` is a symbolic link, which is not followed"
        ));
    }
    if !files.lookup.exists(path) {
        return Some(format!(
            "there is no file `{path}`: a key is named from the top of the repository"
        ));
    }
    match files.text(path) {
        None => Some(format!("`{path}` is no text")),
        Some(text) => match VerifyingKey::of_pem(&text) {
            Ok(_) => None,
            Err(why) => Some(format!("`{path}` is no key: {why}")),
        },
    }
}
