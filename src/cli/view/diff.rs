//! What a commit changes in files, as a unified diff.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::cli::output::Style;
use crate::model::RepoPath;
use crate::plan::Effect;
use crate::plan::effect::CommitContent;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Where the present text of a file comes from; `None` where there is no such file.
pub type Old<'a> = &'a dyn Fn(&RepoPath) -> Option<String>;

/// The commits that effects bring, each below a line that says where it goes.
pub fn effects(effects: &[Effect], branch: &str, old: Old<'_>) -> String {
    let commits = effects.iter().filter_map(|effect| commit(effect, branch));
    let parts = commits.map(|(place, content)| {
        let head = Style::Bold.paint(&format!("{place}: {}", title(content)));
        format!("{head}\n{}", files(&content.files, old))
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

/// Where an effect's commit goes, and the commit.
pub fn commit<'a>(effect: &'a Effect, base: &str) -> Option<(String, &'a CommitContent)> {
    match effect {
        Effect::PushBase { commit, .. } => Some((format!("commit on {base}"), commit)),
        Effect::OpenPullRequest { branch, commit, .. } => {
            Some((format!("pull request {branch}"), commit))
        }
        Effect::UpdatePullRequest {
            branch,
            rebuild: Some(rebuild),
            ..
        } => Some((format!("pull request {branch}"), &rebuild.commit)),
        Effect::UpdatePullRequest { rebuild: None, .. }
        | Effect::MergePullRequest { .. }
        | Effect::EnqueuePullRequest { .. }
        | Effect::SetCommitStatus { .. }
        | Effect::TendPullRequest { .. }
        | Effect::RecordMerge { .. }
        | Effect::ClearBranches { .. }
        | Effect::RecordDeployment { .. }
        | Effect::DispatchWorkflow { .. }
        | Effect::ClosePullRequest { .. } => None,
    }
}

/// The first line of a commit's message.
pub fn title(commit: &CommitContent) -> String {
    super::words::safe(commit.message.lines().next().unwrap_or_default())
}

/// Files as they will be (`None`: deleted) against what they are. Files that stay as they are are left out.
pub fn files(files: &BTreeMap<RepoPath, Option<String>>, old: Old<'_>) -> String {
    let file = |(path, new): (&RepoPath, &Option<String>)| {
        let old = old(path);
        (old != *new).then(|| one(path, old.as_deref(), new.as_deref()))
    };
    files.iter().filter_map(file).collect::<Vec<_>>().join("\n")
}

fn one(path: &RepoPath, old: Option<&str>, new: Option<&str>) -> String {
    let name = |side: char, text: Option<&str>| match text {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
    let mut lines = vec![
        Style::Bold.paint(&format!("--- {}", name('a', old))),
        Style::Bold.paint(&format!("+++ {}", name('b', new))),
    ];
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let text = hunk.to_string();
        // Not `lines()`: it would hide a carriage return that the change is about.
        lines.extend(text.trim_end_matches('\n').split('\n').map(paint));
    }
    lines.join("\n")
}

/// A line of a diff in its colour. Tabs take four columns; a carriage return, which a diff may be about, is shown.
pub fn paint(line: &str) -> String {
    let line = line.replace('\t', "    ").replace('\r', "\u{240d}");
    let style = match line.chars().next() {
        Some('+') => Style::Green,
        Some('-') => Style::Red,
        Some('@') => Style::Cyan,
        _ => return crate::cli::output::clean(&crate::telemetry::redact(&line)).into_owned(),
    };
    style.paint(&line)
}
