//! What is wrong with documents that can be read: one file per rule, all problems at once. Rules about one stream run when
//! its file is loaded; rules about how documents fit together run over all of them.

mod brakes;
mod environment;
mod finding;
mod pipeline;
mod stream;
mod workload;
mod zone;

pub(crate) use finding::{At, Finding, Report, Repository, Thing, route};
pub(crate) use stream::findings as stream_findings;
pub use workload::{manifest_findings, may_have_findings};

/// A rule over all documents: its name, the code of its first problem, and what it does.
type Rule = (&'static str, &'static str, fn(&Repository<'_>, &mut Report));

/// Runs every rule over all documents.
pub(crate) fn run(repository: &Repository<'_>, report: &mut Report) {
    let tables = [pipeline::RULES, environment::RULES, brakes::RULES];
    for (_, _, rule) in tables.into_iter().flatten() {
        rule(repository, report);
    }
}

#[cfg(test)]
mod tests;
