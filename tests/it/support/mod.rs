//! What integration tests share: worlds to act in. Mocks are not among them: a fake is a small model of the real thing,
//! spoken to through the real client.
//!
//! - [`answering`]: a host for gates to ask, which answers as it is told.
//! - [`argocd`]: a small Argo CD, whose applications are synced and fare as tests say.
//! - [`hermetic`]: commands that see nothing of the machine they run on, and bare Git repositories to act on.
//! - [`git_http`]: a repository served over smart HTTP by Git's own `http-backend`.
//! - [`crash`]: kills the program at a chosen step, from outside.
//! - [`docker_registry`]: Debian's registry on a free port, plain or with TLS and passwords, and images to put there.
//! - [`fault_proxy`]: a proxy that delays, cuts, changes and counts, in front of any of the others.
//! - [`github`]: a model of GitHub, with people, pull requests and checks over a real repository.
//! - [`odd_registry`]: a registry that misbehaves on purpose.
//! - [`scrape`]: a strict reader of metrics.
//! - [`tls`]: certificates that a house authority issues, and a listener that shows one.
//! - [`upstream`]: a strict reader of image streams, by upstream's types.
//! - [`world`]: all of it together with the engine, people and a clock, to tell stories in.

pub(crate) mod answering;
pub(crate) mod argocd;
pub(crate) mod crash;
pub(crate) mod docker_registry;
pub(crate) mod fault_proxy;
pub(crate) mod git_http;
pub(crate) mod github;
pub(crate) mod hermetic;
pub(crate) mod odd_registry;
pub(crate) mod running;
pub(crate) mod scrape;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod world;
