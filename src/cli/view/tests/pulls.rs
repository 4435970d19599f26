//! `pr`

use std::collections::BTreeMap;

use super::samples::*;
use crate::cli::view::pulls::{PullView, PullsView};
use crate::cli::view::{View, diff};
use crate::model::Set;
use crate::plan::facts::marker::Marker;
use crate::plan::facts::pull::{ApprovalFacts, BranchFacts, PullRequestFacts, PullState};
use crate::plan::report::{StageReport, State};

const ID: &str = "promote-orders-prod-1a2b3c4d";

fn pull(id: &str, state: PullState) -> PullRequestFacts {
    let marker = Marker::promotion("orders/prod".parse().unwrap(), Set::default().id());
    let body = "\
**orders** moves from **1.42.3** to **1.42.7** in **prod**. Nothing is rebuilt.

| stream | now | after merge |
|---|---|---|
| default/orders | `sha256:9c04e1f7a2b8` | `sha256:2b82f9c1d4e7` |

| | condition | evidence |
|---|---|---|
| yes | soak 4h | `` a `quoted` \\| bar `` |
| no | approval | [run 1190](https://ci.example/1190) |

**Changes**
```diff
-  image: ghcr.io/shop/orders@sha256:9c04
+  image: ghcr.io/shop/orders@sha256:2b82
```
<details><summary>Earlier candidates</summary>1.42.6</details>
";
    PullRequestFacts {
        id: id.to_owned(),
        branch: "headwater/promote/orders/prod/1a2b3c4d".to_owned(),
        state,
        body: format!("{}\n\n{body}", marker.to_line()),
        marker,
        title: "Promote orders 1.42.3 -> 1.42.7 to prod".to_owned(),
        labels: vec!["promotion".to_owned()],
        head: "1a2b3c4d".repeat(5).parse().unwrap(),
        closed_by: None,
        closed_why: None,
        merged_as: None,
        unrecorded: false,
        queue: None,
        unmarked: false,
        statuses: None,
        approvals: vec![],
        past: None,
        opened_at: None,
        branch_facts: None,
    }
}

fn stages() -> Vec<StageReport> {
    vec![
        stage("orders/prod", "1.42.3", "11d")
            .is(State::Waiting, "approval")
            .proposed(ID)
            .on(yes("soak 4h", "not interrupted"))
            .on(not_yet("window", "shut", Some("2026-11-23T14:00:00Z")))
            .on(not_yet(
                "approval by 1 of @acme/release",
                "0 of 1 @acme/release",
                None,
            )),
    ]
}

fn pulls() -> Vec<PullRequestFacts> {
    let mut merged = pull("481", PullState::Merged);
    merged.merged_as = Some("77ab01c2".repeat(5).parse().unwrap());
    let mut foreign = pull("env-prod-aabbccdd", PullState::Open);
    foreign.branch_facts = Some(BranchFacts {
        head: foreign.head.clone(),
        merge_base: foreign.head.clone(),
        foreign: Some("@bob pushed to it".to_owned()),
        pushed_by: vec![],
        changed: BTreeMap::new(),
        merged: None,
    });
    vec![pull(ID, PullState::Open), foreign, merged]
}

#[test]
fn a_list_says_what_each_still_needs() {
    let (pulls, stages) = (pulls(), stages());
    let opened = BTreeMap::from([(ID.to_owned(), before("40m"))]);
    let view = PullsView {
        pulls: &pulls,
        stages: &stages,
        opened: &opened,
        all: false,
    };
    same(&shown(&view, &frame(Some(140))), "\
ID                             STATE   APPROVALS   AGE   TITLE                                     BLOCKED BY
promote-orders-prod-1a2b3c4d   open    0 of 1      40m   Promote orders 1.42.3 -> 1.42.7 to prod   window, approval
env-prod-aabbccdd              open    0           -     Promote orders 1.42.3 -> 1.42.7 to prod   not ours any more: @bob pushed to it, it
                                                                                                   conflicts with the base
");
    same(
        &shown(&view, &frame(Some(60))),
        "\
promote-orders-prod-1a2b3c4d   open   approvals 0 of 1
40m ago   blocked by window, approval
    Promote orders 1.42.3 -> 1.42.7 to prod
env-prod-aabbccdd   open   approvals 0
blocked by not ours any more: @bob pushed to it, it
conflicts with the base
    Promote orders 1.42.3 -> 1.42.7 to prod
",
    );
    assert_eq!(view.names(), [ID, "env-prod-aabbccdd"]);
    let all = PullsView { all: true, ..view };
    same(&shown(&all, &frame(None)), "\
ID                             STATE    APPROVALS   AGE   TITLE                                     BLOCKED BY
promote-orders-prod-1a2b3c4d   open     0 of 1      40m   Promote orders 1.42.3 -> 1.42.7 to prod   window, approval
env-prod-aabbccdd              open     0           -     Promote orders 1.42.3 -> 1.42.7 to prod   not ours any more: @bob pushed to it, it conflicts with the base
481                            merged   0           -     Promote orders 1.42.3 -> 1.42.7 to prod
");
    let json = round_trip(&all.data());
    assert_eq!(
        json[0]["blockedBy"],
        serde_json::json!(["window", "approval"])
    );
    assert_eq!(json[2]["state"], "merged");
    let none = PullsView { pulls: &[], ..all };
    same(&shown(&none, &frame(None)), "no pull requests\n");
}

fn approved() -> PullRequestFacts {
    let mut pull = pull(ID, PullState::Open);
    let approval = |who: &str, head: &str, authentic| ApprovalFacts {
        who: who.to_owned(),
        head: head.repeat(5).parse().unwrap(),
        at: before("10m"),
        reader: false,
        authentic,
    };
    pull.approvals = vec![
        approval("@lena", "3f9c2ab4", true),
        approval("eve\u{202e}@example", "1a2b3c4d", false),
    ];
    pull
}

#[test]
fn one_is_shown_with_its_text_its_conditions_and_who_approved() {
    let (pull, stages) = (approved(), stages());
    let changed = files(&[(
        "environments/prod/rendered/orders/deployment.yaml",
        Some("image: b\n"),
    )]);
    let diff = diff::files(&changed, &|_| Some("image: a\n".to_owned()));
    let view = PullView {
        uncounted: &BTreeMap::new(),
        pull: &pull,
        stages: &stages,
        opened: Some(before("40m")),
        diff,
    };
    same(
        &shown(&view, &frame(Some(100))),
        "\
Promote orders 1.42.3 -> 1.42.7 to prod
open   promote-orders-prod-1a2b3c4d   headwater/promote/orders/prod/1a2b3c4d at 1a2b3c4d
opened 40m ago   labels: promotion

orders moves from 1.42.3 to 1.42.7 in prod. Nothing is rebuilt.

  stream           now                   after merge
  default/orders   sha256:9c04e1f7a2b8   sha256:2b82f9c1d4e7

        condition   evidence
  yes   soak 4h     a `quoted` | bar
  no    approval    run 1190 (https://ci.example/1190)

Changes
  -  image: ghcr.io/shop/orders@sha256:9c04
  +  image: ghcr.io/shop/orders@sha256:2b82
Earlier candidates 1.42.6

Now
  yes   soak 4h           not interrupted
  NO    window            shut, until 15:00, 58m left (environment prod)
  NO    approval 0 of 1   @acme/release (environment prod)

Approvals
  @lena 13:52: an earlier head, which does not count
  eve�@example 13:52: the present head; the forge does not vouch for who it was

--- a/environments/prod/rendered/orders/deployment.yaml
+++ b/environments/prod/rendered/orders/deployment.yaml
@@ -1 +1 @@
-image: a
+image: b

to approve: headwater pr approve promote-orders-prod-1a2b3c4d
",
    );
}

#[test]
fn one_fits_the_narrowest_terminal() {
    let (pull, stages) = (approved(), stages());
    let view = PullView {
        uncounted: &BTreeMap::new(),
        pull: &pull,
        stages: &stages,
        opened: Some(before("40m")),
        diff: String::new(),
    };
    same(
        &shown(&view, &frame(Some(60))),
        "\
Promote orders 1.42.3 -> 1.42.7 to prod
open   promote-orders-prod-1a2b3c4d
headwater/promote/orders/prod/1a2b3c4d at 1a2b3c4d
opened 40m ago   labels: promotion

orders moves from 1.42.3 to 1.42.7 in prod. Nothing is
rebuilt.

  stream           now                   after merge
  default/orders   sha256:9c04e1f7a2b8   sha256:2b82f9c1d4e7

        condition   evidence
  yes   soak 4h     a `quoted` | bar
  no    approval    run 1190 (https://ci.example/1190)

Changes
  -  image: ghcr.io/shop/orders@sha256:9c04
  +  image: ghcr.io/shop/orders@sha256:2b82
Earlier candidates 1.42.6

Now
  yes   soak 4h           not interrupted
  NO    window            shut, until 15:00, 58m left
                          (environment prod)
  NO    approval 0 of 1   @acme/release (environment prod)

Approvals
  @lena 13:52: an earlier head, which does not count
  eve�@example 13:52: the present head; the forge does not
  vouch for who it was

to approve: headwater pr approve
promote-orders-prod-1a2b3c4d
",
    );
}

#[test]
fn a_hostile_body_is_shown_and_does_nothing() {
    let mut pull = pull(ID, PullState::Open);
    for body in [
        "```",
        "| a",
        "|",
        "**",
        "[x](",
        "`` `",
        "\\",
        "\u{1b}[2J\u{202e}",
        "<!-- headwater: {} -->",
        "|\\||\n|--|\n",
        "[a[b](c)",
    ] {
        pull.body = body.to_owned();
        let view = PullView {
            uncounted: &BTreeMap::new(),
            pull: &pull,
            stages: &[],
            opened: None,
            diff: String::new(),
        };
        shown(&view, &frame(Some(60)));
    }
    pull.body = format!("{}\n<!-- not ours -->", pull.marker.to_line());
    let view = PullView {
        uncounted: &BTreeMap::new(),
        pull: &pull,
        stages: &[],
        opened: None,
        diff: String::new(),
    };
    let text = shown(&view, &frame(Some(60)));
    assert!(
        text.contains("not ours") && !text.contains("promotion\":"),
        "{text}"
    );
}

#[test]
fn two_rules_about_approvals_block_once() {
    let mut stages = stages();
    let second = not_yet("approval by 1 of @acme/sre", "0 of 1 @acme/sre", None);
    stages[0].conditions.push(second);
    let pulls = pulls();
    let view = PullsView {
        pulls: &pulls,
        stages: &stages,
        opened: &BTreeMap::new(),
        all: false,
    };
    let data = view.data();
    assert_eq!(data[0].blocked_by, ["window", "approval"]);
    assert!(shown(&view, &frame(None)).contains("0 of 1, 0 of 1"));
}
