//! Git: a bare mirror, snapshots and history from objects, commits as trees in memory, push as compare-and-swap.
//! No work tree is ever checked out, no hook or filter runs, no `git` process is started.

mod batch;
mod checked_out;
mod compare;
mod copy;
mod credentials;
mod error;
mod folders;
mod history;
mod hooks;
mod http;
mod identity;
mod local;
mod location;
mod made;
mod maintenance;
mod mirror;
mod pack;
mod packs;
mod past;
mod place;
mod push;
mod read;
mod remote;
mod replay;
mod repository;
mod signed;
mod signing;
mod slow;
mod tls;
mod traffic;
mod transport;
mod types;
mod us;
mod work_commit;
mod work_list;
mod work_tree;
mod write;

pub use credentials::Lender;
pub use error::GitError;
pub use identity::identity_at;
pub use made::At;
pub use past::Stood;
pub use replay::Replay;
pub use repository::Repository;
pub use signed::SignedCommit;
pub use signing::{NAMESPACE, SigningKey};
pub use traffic::Traffic;
pub use types::{
    BlobProblem, CommitInfo, Entry, EntryKind, Fetched, FileChange, Log, Merge, NewCommit, Person,
    PushOutcome, PushResult, RefUpdate, TreeListing,
};
pub use us::Us;
pub use work_tree::{PushTarget, WorkFile, WorkTree};
