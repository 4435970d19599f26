//! A model of GitHub on loopback, spoken to through the real client: one repository `acme/deploy` whose Git side is a
//! bare repository on disk, served over smart HTTP too, with its people, pull requests, reviews, checks and deployments.
//! Heads, bases, merges and conflicts are real commits. Every request and every answer is held against GitHub's published
//! description; whatever differs, and is not among the known deviations, fails the test when the model is dropped.
//!
//! ```text
//! let github = GitHub::start().await;                               // or `with(&[("a.yaml", "a: 1\n")])`
//! let client = github.client(&github.token("headwater-bot"));       // a plain user; `app_client()` is `headwater[bot]`
//! let head = github.push("headwater/promote/x", &[("a.yaml", "a: 2\n")], "headwater-bot");
//! let number = github.open("headwater/promote/x", "Promote x", "headwater-bot");   // or through the client
//! github.approve(number, "mara");
//! github.advance("2h");
//! github.merge_by(number, "mara", Method::Squash);
//! assert_eq!(github.pull(number).state, State::Merged);
//! assert_eq!(github.writing(), 0);                                   // no request of anybody's wrote anything
//! ```
//!
//! **Where**: REST at [`GitHub::api`] (`http://127.0.0.1:PORT/api/v3`, as an Enterprise server has it) and at the root
//! ([`GitHub::origin`]); GraphQL at `/api/graphql` and `/graphql`; Git at [`GitHub::git_url`], with a token in it at
//! [`GitHub::git_url_as`] (`x-access-token:TOKEN`). Addresses inside answers carry the `Host` that was asked, so a
//! `FaultProxy` may stand in front.
//!
//! **Who**: `mara` (admin), `otto` and `headwater-bot` (write), `rita` (read), `nobody` (none); `add_user` adds more;
//! [`GitHub::token`] gives the token of any of them. `team("release", &["mara"])` makes a team. The App `headwater` is installed:
//! [`GitHub::app`] has its id, installation and private key, its login is `headwater[bot]`. Its tokens live for an hour of the
//! real clock (the client reads that); [`GitHub::revoke_tokens`] ends all of them at once.
//!
//! **When**: the model's clock stands still at 2026-01-05T09:00:00Z until `advance` or `set_time`.
//!
//! **People's acts**: `push`, `delete_branch`, `open`, `approve`, `request_changes`, `dismiss`, `close`, `reopen`, `merge_by`,
//! `edit_body`, `edit_title`, `label`, `comment`, `update_branch`, `protect`, `check` (a check run of somebody else's App), `status`.
//! They ask as GitHub's pages would, count as nobody's requests, and panic where GitHub would refuse. What others push straight into
//! [`GitHub::bare`] is noticed with the next request.
//!
//! **Faults**: `fault(Rule::on("POST", "/pulls$").once(), Fault::LoseAnswer)`; the first rule that fits decides, rules as in
//! the fault proxy; the path is that without `/api/v3`.
//!
//! | what shall happen | fault |
//! | --- | --- |
//! | this answer without doing anything (403, 410, 451, 502, HTML, cut JSON, ...) | [`Fault::status`], [`Fault::reply`] |
//! | done, but the connection breaks before the answer | [`Fault::LoseAnswer`] |
//! | not done, the connection breaks | [`Fault::LoseRequest`] |
//! | done after this long | [`Fault::Delay`] |
//! | a list as it was before the last so many changes | [`Fault::Stale`] |
//! | 403, nothing remaining, until so many seconds from now by the model's clock | [`Fault::PrimaryLimit`] |
//! | 403 with or without `retry-after` in seconds | [`Fault::SecondaryLimit`] |
//! | 401, 404 | `revoke_tokens`, `set_permission(login, Permission::None)`, `suspend_app` |
//! | `mergeable: null` as long as it lasts | `know_mergeability(false)` |
//!
//! **Counters**: [`GitHub::requests`] by method and path, [`GitHub::reading`] (GET), [`GitHub::writing`] (all else but tokens and GraphQL
//! queries), [`GitHub::content`] (those that notify people: pull requests, reviews, comments, merges), [`GitHub::conditional`] (answered 304; they count
//! against no limit), [`GitHub::seen`] for all of them, [`GitHub::forget_requests`] to begin anew.
