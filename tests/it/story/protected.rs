//! A base that takes no pushes: what was to be done is said to be refused, nothing is lost, and it is done once it may.

use super::*;
use crate::support::git_http::hook;

const REFUSE_MAIN: &str = "while read -r old new ref; do
  if [ \"$ref\" = refs/heads/main ]; then echo 'main is protected' >&2; exit 1; fi
done";

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_base_refuses_and_nothing_is_lost() {
    let Some(real) = Real::start().await else {
        return;
    };
    let base = real.base();
    let build = real.build("1.2.0", "passed");
    hook(base.path(), "pre-receive", REFUSE_MAIN);
    let before = base.resolve("main");
    for _ in 0..2 {
        real.run(&["run"])
            .ends(4, &["refused", "main is protected"]);
        assert_eq!(base.resolve("main"), before);
    }
    std::fs::remove_file(base.path().join("hooks/pre-receive")).unwrap();
    real.run(&["run"]).ends(0, &["pushed"]);
    assert!(deploys(&base, "dev", &build) && deploys(&base, "qa", &build));
    assert!(base.log("main").contains(&"Begin".to_owned()));
    base.git(&["fsck", "--strict"]);
}
