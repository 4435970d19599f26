//! Names of fields in logs. They are stable: dashboards and alerts are built on them. The README shows the same table, and
//! tests hold both against every line of the source that logs.

/// Every field and what it holds.
pub const FIELDS: [(&str, &str); 26] = [
    ("pass", "eight hex digits that all lines of one pass share"),
    ("pipeline", "name of a pipeline"),
    ("stage", "`pipeline/stage`"),
    ("stream", "`namespace/name` of an image stream"),
    ("tag", "name of a tag of that stream"),
    ("host", "a registry, with its port if it has one"),
    (
        "repository",
        "what is imported from, or the Git repository; never with a login",
    ),
    ("digest", "digest of an image"),
    ("commit", "id of a commit"),
    ("reference", "full name of a Git ref"),
    ("pull_request", "id of a pull request"),
    ("path", "a file or folder on this machine"),
    (
        "reason",
        "a stable word: `NotFound`, `Unauthorized`, `InternalError`, ...",
    ),
    ("error", "what happened, in words"),
    (
        "fault",
        "who has to act: `user`, `operator`, `remote`, `us`",
    ),
    (
        "retry",
        "whether trying again helps: `now`, `later`, `never`",
    ),
    ("tries", "failures in a row, or attempts"),
    ("next_try", "instant before which it is not tried again"),
    ("elapsed_ms", "how long it took, in milliseconds"),
    ("requests", "questions to registries in this pass"),
    ("rounds", "rounds of questions in this pass"),
    ("parsed", "files that were parsed anew"),
    ("files", "files that a commit changes"),
    ("tick", "the longest time between two passes"),
    ("settings", "names of settings"),
    ("dropped", "log lines that were lost"),
];
