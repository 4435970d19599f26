//! Moving a branch that somebody has checked out: index and files go along where nobody has changed them, as Git's own
//! `receive.denyCurrentBranch = updateInstead` does, or the move is refused. They never stay behind unseen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};

use super::error::{GitError, clean};
use super::types::PushResult;

/// No more changed paths than this are named.
const NAMED: usize = 3;
/// In the folder of a checkout while its files are on their way to the commit that it names.
const ON_THE_WAY: &str = "headwater-checkout";

/// What becomes of a checkout whose branch moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checkouts {
    /// They go along: the repository is used in place.
    GoAlong,
    /// Whoever moves the branch brings them along.
    InOurHands,
    /// As the repository's `receive.denyCurrentBranch` says, which refuses unless it says otherwise.
    AsConfigured,
}

enum Rule {
    GoAlong,
    Leave,
    Refuse,
}

/// How a checkout stands before its branch moves.
pub(super) enum Along {
    /// Nobody has the branch checked out, or its files are left alone.
    Nobody,
    /// It cannot move, and nothing was touched.
    Refused(PushResult),
    /// Index and files are at the new commit.
    Moved(Moved),
}

/// Files that are at a commit to which their branch is still to move.
pub(super) struct Moved {
    checkout: Repository,
    changes: Vec<Change>,
    /// Paths that were not there before.
    made: Vec<PathBuf>,
}

/// A path that a commit changes.
struct Change {
    path: PathBuf,
    old: Option<Oid>,
    new: Option<Oid>,
}

/// Brings the checkout of the branch `name` to `new`, before the branch itself moves: a crash in between leaves what the
/// next attempt knows for its own, and never changes that take the commit back.
pub(super) fn bring_along(
    target: &Repository,
    name: &str,
    new: Option<Oid>,
    checkouts: Checkouts,
) -> Result<Along, GitError> {
    let shown = target.path().display().to_string();
    let fail = |error: git2::Error| GitError::libgit2(&shown, &error);
    let Some(checkout) = checkout_of(target, name).map_err(fail)? else {
        return Ok(Along::Nobody);
    };
    let folder = checkout.workdir().unwrap_or_else(|| checkout.path());
    let folder = clean(&folder.display().to_string(), 300);
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    let rule = match checkouts {
        Checkouts::GoAlong => Rule::GoAlong,
        Checkouts::InOurHands => Rule::Leave,
        Checkouts::AsConfigured => configured(target).map_err(fail)?,
    };
    let message = match (rule, new) {
        (Rule::Leave, _) => return Ok(Along::Nobody),
        (_, None) => format!("`{branch}` is checked out in `{folder}`, so it is not deleted"),
        (Rule::Refuse, _) => format!(
            "`{branch}` is checked out in `{folder}`: give the folder itself with --local, push to a bare repository, or let `git config receive.denyCurrentBranch updateInstead` there bring its files along"
        ),
        (Rule::GoAlong, Some(new)) => {
            let lock = checkout.path().join("index.lock");
            if lock.exists() {
                return Err(GitError::Locked(format!(
                    "`{}`: another Git command is running, or died; remove the file if none is",
                    lock.display()
                )));
            }
            match Moved::begin(checkout, new).map_err(fail)? {
                Ok(moved) => return moved.carry_out(new).map(Along::Moved),
                Err(changed) => format!(
                    "{} in `{folder}` {} not committed: set it aside (`git stash -u`, or `-a` for ignored files), and run again",
                    listed(&changed),
                    if changed.len() == 1 { "is" } else { "are" }
                ),
            }
        }
    };
    Ok(Along::Refused(PushResult::Refused { message }))
}

/// The checkout, the repository's own or a linked one, that is on this branch.
fn checkout_of(target: &Repository, name: &str) -> Result<Option<Repository>, git2::Error> {
    let is_on = |repository: &Repository| {
        let head = repository.find_reference("HEAD").ok();
        let on = head.and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
        !repository.is_bare() && on.as_deref() == Some(name)
    };
    let mut places = vec![Repository::open(target.path())?];
    if target.is_worktree() {
        places.push(Repository::open(target.commondir())?);
    }
    for linked in target.worktrees()?.iter() {
        // One whose folder is gone has no files that could stay behind.
        let opened = linked.ok().flatten().and_then(|linked| {
            let tree = target.find_worktree(linked).ok()?;
            Repository::open_from_worktree(&tree).ok()
        });
        places.extend(opened);
    }
    Ok(places.into_iter().find(is_on))
}

fn configured(target: &Repository) -> Result<Rule, git2::Error> {
    let said = match target.config()?.get_string("receive.denyCurrentBranch") {
        Ok(said) => said.to_ascii_lowercase(),
        Err(error) if error.code() == ErrorCode::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    Ok(match said.as_str() {
        "updateinstead" => Rule::GoAlong,
        "ignore" | "warn" | "false" | "no" | "off" | "0" => Rule::Leave,
        _ => Rule::Refuse,
    })
}

impl Moved {
    /// What is to be done, or the paths that somebody changed and the commit changes too.
    fn begin(
        checkout: Repository,
        new: Oid,
    ) -> Result<Result<Self, BTreeSet<String>>, git2::Error> {
        let (changes, made, changed) = {
            let old = head_tree(&checkout)?;
            let new = checkout.find_commit(new)?.tree()?;
            let halfway = halfway(&checkout);
            let changes = changes(&checkout, old.as_ref(), &new)?;
            let mut made = Vec::new();
            let mut changed = BTreeSet::new();
            for change in &changes {
                match state(&checkout, change, halfway.as_ref())? {
                    State::Absent => made.push(change.path.clone()),
                    State::Known => {}
                    State::Foreign => {
                        changed.insert(change.path.display().to_string());
                    }
                }
            }
            (changes, made, changed)
        };
        if !changed.is_empty() {
            return Ok(Err(changed));
        }
        Ok(Ok(Self {
            checkout,
            changes,
            made,
        }))
    }

    fn carry_out(self, new: Oid) -> Result<Self, GitError> {
        let shown = self.checkout.path().display().to_string();
        let note = self.checkout.path().join(ON_THE_WAY);
        fs::write(&note, new.to_string())
            .map_err(|error| GitError::io(&format!("write `{}`", note.display()), &error))?;
        let done = self
            .checkout
            .find_commit(new)
            .and_then(|new| self.put(new.tree()?.as_object()));
        match done {
            Ok(()) => Ok(self),
            Err(error) => {
                let folder = self
                    .checkout
                    .workdir()
                    .map_or(shown, |at| at.display().to_string());
                let error = GitError::libgit2(&folder, &error);
                self.undo();
                Err(error)
            }
        }
    }

    /// Puts the changed paths, and only those, to what a tree has.
    fn put(&self, tree: &git2::Object<'_>) -> Result<(), git2::Error> {
        // Without a path all of them would be meant.
        if self.changes.is_empty() {
            return Ok(());
        }
        let mut options = CheckoutBuilder::new();
        options.force().disable_pathspec_match(true);
        for change in &self.changes {
            options.path(&change.path);
        }
        self.checkout.checkout_tree(tree, Some(&mut options))
    }

    /// The branch has moved.
    pub(super) fn finish(self) {
        self.forget();
    }

    /// The branch has not moved: files and index are put back, as far as that is possible. Where it is not, the next attempt
    /// knows them for its own.
    pub(super) fn undo(self) {
        let back = self.put_back();
        match back {
            Ok(()) => self.forget(),
            Err(error) => {
                tracing::warn!(%error, "files of a checkout could not be put back; the next pass brings them along");
            }
        }
    }

    fn put_back(&self) -> Result<(), git2::Error> {
        match head_tree(&self.checkout)? {
            Some(old) => self.put(old.as_object())?,
            None => {
                let mut index = self.checkout.index()?;
                for change in &self.changes {
                    if index.get_path(&change.path, 0).is_some() {
                        index.remove_path(&change.path)?;
                    }
                }
                index.write()?;
            }
        }
        let root = self.checkout.workdir().unwrap_or_else(|| Path::new(""));
        for path in &self.made {
            // Gone already is as good.
            let _ = fs::remove_file(root.join(path));
            let mut folder = path.parent();
            while let Some(empty) = folder.filter(|f| !f.as_os_str().is_empty()) {
                if fs::remove_dir(root.join(empty)).is_err() {
                    break;
                }
                folder = empty.parent();
            }
        }
        Ok(())
    }

    fn forget(&self) {
        let note = self.checkout.path().join(ON_THE_WAY);
        if let Err(error) = fs::remove_file(&note) {
            tracing::debug!(%error, "a note beside a checkout stays");
        }
    }
}

fn head_tree(checkout: &Repository) -> Result<Option<Tree<'_>>, git2::Error> {
    match checkout.head() {
        Ok(head) => head.peel_to_tree().map(Some),
        Err(error) if error.code() == ErrorCode::UnbornBranch => Ok(None),
        Err(error) => Err(error),
    }
}

/// The tree that an attempt which died was on the way to.
fn halfway(checkout: &Repository) -> Option<Tree<'_>> {
    let note = fs::read_to_string(checkout.path().join(ON_THE_WAY)).ok()?;
    let commit = Oid::from_str(note.trim()).ok()?;
    checkout.find_commit(commit).ok()?.tree().ok()
}

fn changes(
    checkout: &Repository,
    old: Option<&Tree<'_>>,
    new: &Tree<'_>,
) -> Result<Vec<Change>, git2::Error> {
    let diff = checkout.diff_tree_to_tree(old, Some(new), None)?;
    let id = |file: git2::DiffFile<'_>| (!file.id().is_zero()).then(|| file.id());
    let changes = diff.deltas().filter_map(|delta| {
        let path = delta
            .new_file()
            .path()
            .or_else(|| delta.old_file().path())?;
        Some(Change {
            path: path.to_owned(),
            old: id(delta.old_file()),
            new: id(delta.new_file()),
        })
    });
    Ok(changes.collect())
}

enum State {
    Absent,
    /// What the branch has, the new commit, or an attempt that died.
    Known,
    Foreign,
}

/// How a path stands in files and index.
fn state(
    checkout: &Repository,
    change: &Change,
    halfway: Option<&Tree<'_>>,
) -> Result<State, git2::Error> {
    let halfway = halfway.and_then(|tree| tree.get_path(&change.path).ok());
    let halfway = halfway.map(|entry| entry.id());
    let known =
        |id: Option<Oid>| id == change.old || id == change.new || (id.is_some() && id == halfway);
    let staged = checkout
        .index()?
        .get_path(&change.path, 0)
        .map(|entry| entry.id);
    let root = checkout.workdir().unwrap_or_else(|| Path::new(""));
    if !known(staged) || leads_elsewhere(root, &change.path) {
        return Ok(State::Foreign);
    }
    let place = root.join(&change.path);
    let Ok(seen) = fs::symlink_metadata(&place) else {
        return Ok(if is_left_out(checkout, &change.path)? {
            State::Known
        } else if known(None) {
            State::Absent
        } else {
            State::Foreign
        });
    };
    let id = if seen.is_symlink() {
        let to = fs::read_link(&place).unwrap_or_default();
        Oid::hash_object(ObjectType::Blob, to.as_os_str().as_encoded_bytes())?
    } else if seen.is_file() {
        // With the filters that Git would apply to it.
        checkout.blob_path(&place)?
    } else {
        return Ok(State::Foreign);
    };
    let half = || halfway.is_some_and(|whole| begins(checkout, whole, &place));
    Ok(if known(Some(id)) || half() {
        State::Known
    } else {
        State::Foreign
    })
}

/// Whether a sparse checkout leaves a path out.
fn is_left_out(checkout: &Repository, path: &Path) -> Result<bool, git2::Error> {
    let entry = checkout.index()?.get_path(path, 0);
    let skip = git2::IndexEntryExtendedFlag::SKIP_WORKTREE.bits();
    Ok(entry.is_some_and(|entry| entry.flags_extended & skip != 0))
}

/// Whether a folder above a path is none, or a link: then the path is not what it seems.
fn leads_elsewhere(root: &Path, path: &Path) -> bool {
    let above = path
        .ancestors()
        .skip(1)
        .filter(|a| !a.as_os_str().is_empty());
    let mut above = above.map(|folder| fs::symlink_metadata(root.join(folder)));
    above.any(|seen| seen.is_ok_and(|seen| !seen.is_dir()))
}

/// Whether a file is the beginning of what an attempt that died was writing.
fn begins(checkout: &Repository, whole: Oid, place: &Path) -> bool {
    let blob = checkout.find_blob(whole).ok();
    let written = fs::read(place).ok();
    blob.zip(written)
        .is_some_and(|(blob, written)| blob.content().starts_with(&written))
}

fn listed(paths: &BTreeSet<String>) -> String {
    let named = paths.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|path| format!("`{}`", clean(path, 200)))
        .collect();
    let named = named.join(", ");
    match paths.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
