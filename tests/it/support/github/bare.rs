//! The Git side: refs, merges and commits of the bare repository, as GitHub itself makes them.

use std::path::Path;

use git2::{Commit, ErrorCode, Oid, Repository, Signature, Time, Tree};
use headwater::model::Timestamp;

/// The bare repository.
pub(super) struct Bare(Repository);

/// Author and committer of a commit.
pub(super) struct By<'a> {
    /// Whom the commit is by: name and address.
    pub(super) author: (&'a str, &'a str),
    /// When.
    pub(super) at: Timestamp,
}

/// What a comparison of two commits says.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) commits: usize,
    pub(super) additions: usize,
    pub(super) deletions: usize,
    /// Path, what happened to it, lines added and removed, and the blob it is now.
    pub(super) files: Vec<(String, &'static str, usize, usize, String)>,
}

/// Why a ref was not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It was.
    Done,
    /// Somebody was faster.
    Meanwhile,
}

impl Bare {
    /// Opens it.
    pub(super) fn open(path: &Path) -> Self {
        Self(Repository::open_bare(path).unwrap())
    }

    /// Where a ref is (its full name).
    pub(super) fn at(&self, name: &str) -> Option<String> {
        let found = self.0.refname_to_id(name).ok()?;
        Some(found.to_string())
    }

    /// Where a branch is.
    pub(super) fn branch(&self, name: &str) -> Option<String> {
        self.at(&format!("refs/heads/{name}"))
    }

    /// A file's text at a commit.
    pub(super) fn text(&self, sha: &str, path: &str) -> Option<String> {
        let tree = self.commit(sha).tree().unwrap();
        let entry = tree.get_path(Path::new(path)).ok()?;
        let blob = self.0.find_blob(entry.id()).ok()?;
        String::from_utf8(blob.content().to_vec()).ok()
    }

    /// A commit and its ancestors, newest first.
    pub(super) fn line(&self, head: &str) -> Vec<String> {
        let mut walk = self.0.revwalk().unwrap();
        walk.push(Oid::from_str(head).unwrap()).unwrap();
        walk.map(|id| id.unwrap().to_string()).collect()
    }

    /// All refs whose full name begins so, sorted.
    pub(super) fn refs(&self, start: &str) -> Vec<(String, String)> {
        let all = self.0.references().unwrap().map(Result::unwrap);
        let found = all.filter_map(|r| Some((r.name().ok()?.to_owned(), r.target()?.to_string())));
        let mut found: Vec<_> = found.filter(|(name, _)| name.starts_with(start)).collect();
        found.sort();
        found
    }

    /// The commit that a sha, a branch, a tag or a full ref name stands for.
    pub(super) fn resolve(&self, name: &str) -> Option<String> {
        let candidates = [
            format!("refs/{}", name.trim_start_matches("refs/")),
            format!("refs/heads/{name}"),
            format!("refs/tags/{name}"),
        ];
        let by_ref = candidates.iter().find_map(|name| self.at(name));
        by_ref.or_else(|| self.is_commit(name).then(|| name.to_owned()))
    }

    /// Whether this full sha is a commit that is here.
    pub(super) fn is_commit(&self, sha: &str) -> bool {
        sha.len() == 40 && oid(sha).is_some_and(|id| self.0.find_commit(id).is_ok())
    }

    /// A commit that is here.
    pub(super) fn commit(&self, sha: &str) -> Commit<'_> {
        self.0.find_commit(oid(sha).unwrap()).unwrap()
    }

    /// Whether `inner` is `outer` or one of its ancestors.
    pub(super) fn contains(&self, outer: &str, inner: &str) -> bool {
        let (Some(outer), Some(inner)) = (oid(outer), oid(inner)) else {
            return false;
        };
        outer == inner || self.0.graph_descendant_of(outer, inner).unwrap_or(false)
    }

    /// How many commits of `head` the base lacks, and how many of the base `head` lacks.
    pub(super) fn ahead_behind(&self, head: &str, base: &str) -> (usize, usize) {
        let (head, base) = (oid(head).unwrap(), oid(base).unwrap());
        self.0.graph_ahead_behind(head, base).unwrap()
    }

    /// The tree that merging gives; `None` if it conflicts.
    pub(super) fn merged_tree(&self, base: &str, head: &str) -> Option<Tree<'_>> {
        let (ours, theirs) = (self.commit(base), self.commit(head));
        let mut index = self.0.merge_commits(&ours, &theirs, None).ok()?;
        if index.has_conflicts() {
            return None;
        }
        let tree = index.write_tree_to(&self.0).unwrap();
        Some(self.0.find_tree(tree).unwrap())
    }

    /// Writes a commit; GitHub is its committer.
    pub(super) fn write(
        &self,
        tree: &Tree<'_>,
        parents: &[&str],
        by: &By<'_>,
        text: &str,
    ) -> String {
        let time = Time::new(by.at.as_second(), 0);
        let author = Signature::new(by.author.0, by.author.1, &time).unwrap();
        let committer = Signature::new("GitHub", "noreply@github.com", &time).unwrap();
        let parents: Vec<Commit<'_>> = parents.iter().map(|sha| self.commit(sha)).collect();
        let parents: Vec<&Commit<'_>> = parents.iter().collect();
        let made = self
            .0
            .commit(None, &author, &committer, text, tree, &parents);
        made.unwrap().to_string()
    }

    /// The commits of `head` made anew on the base; `None` where one of them conflicts.
    pub(super) fn rebased(&self, base: &str, head: &str, at: Timestamp) -> Option<String> {
        let mut walk = self.0.revwalk().unwrap();
        walk.push(oid(head).unwrap()).unwrap();
        walk.hide(oid(base).unwrap()).unwrap();
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)
            .unwrap();
        let mut tip = base.to_owned();
        for id in walk.map(Result::unwrap) {
            let commit = self.0.find_commit(id).unwrap();
            if commit.parent_count() > 1 {
                continue;
            }
            let onto = self.commit(&tip);
            let mut index = self.0.cherrypick_commit(&commit, &onto, 0, None).ok()?;
            if index.has_conflicts() {
                return None;
            }
            let tree = index.write_tree_to(&self.0).unwrap();
            let tree = self.0.find_tree(tree).unwrap();
            let author = commit.author();
            let author = (author.name().unwrap(), author.email().unwrap());
            let by = By { author, at };
            tip = self.write(&tree, &[&tip], &by, commit.message().unwrap());
        }
        Some(tip)
    }

    /// A tree with files put or taken away; `None` names a file that is to go and is not there.
    pub(super) fn edited(
        &self,
        from: &str,
        put: &[(String, Vec<u8>)],
        gone: &[String],
    ) -> Option<Tree<'_>> {
        let tree = self.commit(from).tree().unwrap();
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, bytes) in put {
            let blob = self.0.blob(bytes).unwrap();
            let before = tree.get_path(Path::new(path));
            let executable = before.is_ok_and(|entry| entry.filemode() == 0o100_755);
            let mode = if executable {
                git2::FileMode::BlobExecutable
            } else {
                git2::FileMode::Blob
            };
            update.upsert(path.as_str(), blob, mode);
        }
        for path in gone {
            tree.get_path(Path::new(path)).ok()?;
            update.remove(path.as_str());
        }
        let made = update.create_updated(&self.0, &tree).ok()?;
        Some(self.0.find_tree(made).unwrap())
    }

    /// Moves a ref from where it was (`None`: it was not there), or takes it away.
    pub(super) fn set(&self, name: &str, from: Option<&str>, to: Option<&str>) -> Moved {
        if self.at(name).as_deref() != from {
            return Moved::Meanwhile;
        }
        let result = match (from.and_then(oid), to.and_then(oid)) {
            (Some(from), Some(to)) => {
                let moved = self.0.reference_matching(name, to, true, from, "api");
                moved.map(drop)
            }
            (None, Some(to)) => self.0.reference(name, to, false, "api").map(drop),
            (Some(_), None) => self.0.find_reference(name).and_then(|mut r| r.delete()),
            (None, None) => Ok(()),
        };
        match result {
            Ok(()) => Moved::Done,
            Err(e) if matches!(e.code(), ErrorCode::Modified | ErrorCode::Exists) => {
                Moved::Meanwhile
            }
            Err(e) => panic!("{name}: {e}"),
        }
    }

    /// Puts a ref of the server's own, wherever it was.
    pub(super) fn force(&self, name: &str, to: &str) {
        let id = oid(to).unwrap();
        self.0.reference(name, id, true, "server").unwrap();
    }

    /// Whether a name can be that of a ref.
    pub(super) fn is_name(name: &str) -> bool {
        git2::Reference::is_valid_name(name)
    }

    /// The first-parent commit of the base that brought `head` in.
    pub(super) fn brought_by(&self, base: &str, head: &str) -> String {
        let mut found = base.to_owned();
        loop {
            let parent = self.commit(&found).parent_id(0).map(|id| id.to_string());
            match parent {
                Ok(parent) if self.contains(&parent, head) => found = parent,
                _ => return found,
            }
        }
    }

    /// What `head` changes since it left the base.
    pub(super) fn difference(&self, base: &str, head: &str) -> Difference {
        let (b, h) = (oid(base).unwrap(), oid(head).unwrap());
        let fork = self.0.merge_base(b, h).ok();
        let old = fork.map(|id| self.0.find_commit(id).unwrap().tree().unwrap());
        let commits = self.ahead_behind(head, base).0;
        self.compared(old.as_ref(), head, commits)
    }

    /// What a commit changes against its first parent.
    pub(super) fn changes_of(&self, sha: &str) -> Difference {
        let commit = self.commit(sha);
        let old = commit.parent(0).ok().map(|parent| parent.tree().unwrap());
        self.compared(old.as_ref(), sha, 1)
    }

    fn compared(&self, old: Option<&Tree<'_>>, head: &str, commits: usize) -> Difference {
        let new = self.commit(head).tree().unwrap();
        let diff = self.0.diff_tree_to_tree(old, Some(&new), None).unwrap();
        let mut difference = Difference {
            commits,
            ..Difference::default()
        };
        for (at, delta) in diff.deltas().enumerate() {
            let patch = git2::Patch::from_diff(&diff, at).unwrap();
            let (_, added, removed) = patch.map_or((0, 0, 0), |p| p.line_stats().unwrap());
            let what = match delta.status() {
                git2::Delta::Added => "added",
                git2::Delta::Deleted => "removed",
                _ => "modified",
            };
            let file = if what == "removed" {
                delta.old_file()
            } else {
                delta.new_file()
            };
            let path = file.path().unwrap().to_str().unwrap().to_owned();
            difference.additions += added;
            difference.deletions += removed;
            let blob = file.id().to_string();
            difference.files.push((path, what, added, removed, blob));
        }
        difference
    }

    /// Messages of the commits that the base lacks, oldest first.
    pub(super) fn messages(&self, base: &str, head: &str) -> Vec<String> {
        let mut walk = self.0.revwalk().unwrap();
        walk.push(oid(head).unwrap()).unwrap();
        walk.hide(oid(base).unwrap()).unwrap();
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)
            .unwrap();
        let commits = walk.map(|id| self.0.find_commit(id.unwrap()).unwrap());
        commits
            .map(|commit| commit.message().unwrap().trim_end().to_owned())
            .collect()
    }
}

fn oid(sha: &str) -> Option<Oid> {
    Oid::from_str(sha).ok()
}
