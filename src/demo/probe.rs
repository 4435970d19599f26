//! Scratch.
#![cfg(test)]
use super::world::*;
use crate::cli::output::Zone;
use crate::cli::view::run::{Outcome, RunView, Step};
use crate::cli::view::status::StatusView;
use crate::cli::view::{Frame, View};

fn frame(w: &World) -> Frame {
    Frame {
        width: Some(120),
        zone: Zone::UTC,
        now: w.now,
        wide: false,
    }
}

fn show(text: &str) {
    for l in text.lines() {
        println!(
            "{}",
            l.chars()
                .filter(|c| (*c as u32) < 0xe0000)
                .collect::<String>()
        );
    }
}

async fn run(w: &World) {
    let e = w.engine().unwrap();
    let passes = e.reconciler.run(w.now).await.unwrap();
    for p in &passes {
        let steps = p
            .plan
            .effects
            .iter()
            .map(|effect| Step {
                effect,
                outcome: Outcome::Done {
                    commit: None,
                    pull_request: None,
                },
            })
            .collect();
        show(
            &RunView {
                plan: &p.plan,
                steps,
            }
            .text(&frame(w)),
        );
        println!("  questions {:?}", p.plan.questions);
        println!(
            "  receipt {:?} {:?} {}",
            p.receipt.done, p.receipt.refused, p.receipt.again
        );
        for h in &p.plan.holds {
            println!(
                "   hold {:?} {} {} {:?}",
                h.subject, h.reason, h.why, h.until
            );
        }
    }
}
async fn status(w: &World) {
    let l = w.look().await.unwrap();
    show(
        &StatusView {
            plan: &l.plan,
            all: false,
        }
        .text(&frame(w)),
    );
    for s in &l.plan.stages {
        println!(
            "   {} {:?} {:?} cand {:?} {} {:?} pr {:?} {:?} verify {:?}",
            s.key,
            s.state,
            s.current
                .as_ref()
                .map(|c| (&c.version, c.since.map(|t| t.to_string()))),
            s.candidate.as_ref().map(|c| &c.version),
            s.why,
            s.help,
            s.pull_request,
            s.conditions
                .iter()
                .map(|c| (&c.name, &c.verdict))
                .collect::<Vec<_>>(),
            s.verify
                .iter()
                .map(|c| (&c.name, &c.verdict))
                .collect::<Vec<_>>()
        );
    }
}
#[tokio::test(flavor = "multi_thread")]
async fn probe() {
    let dir = std::path::PathBuf::from("/tmp/hw/demo-probe");
    let _ = std::fs::remove_dir_all(&dir);
    let mut w = World::make(Some(&dir)).await.unwrap();
    w.vendor();
    w.build("1.2.0", "passed");
    run(&w).await;
    status(&w).await;
    println!("-- 35");
    w.advance(35);
    run(&w).await;
    status(&w).await;
    println!("-- 2h");
    w.advance(90);
    run(&w).await;
    status(&w).await;
    let l = w.look().await.unwrap();
    let id = l
        .plan
        .stages
        .iter()
        .find_map(|s| s.pull_request.clone())
        .unwrap();
    let pull = l
        .observation
        .facts
        .pulls
        .as_ref()
        .unwrap()
        .iter()
        .find(|p| p.id == id)
        .unwrap();
    println!("{}\n{}", pull.title, pull.body);
    let e = w.engine().unwrap();
    e.forge
        .approve(
            &id,
            pull.head.clone(),
            crate::forge::Approver {
                person: crate::git::Person {
                    name: LENA.0.into(),
                    email: LENA.1.into(),
                },
                key: None,
                now: w.now,
            },
        )
        .await
        .unwrap();
    status(&w).await;
    run(&w).await;
    status(&w).await;
    println!("== second build");
    w.advance(115);
    w.build("1.2.1", "passed");
    run(&w).await;
    w.advance(125);
    run(&w).await;
    approve(&w).await;
    run(&w).await;
    status(&w).await;
    println!("== bad build");
    w.advance(55);
    w.build("1.2.2", "failed");
    run(&w).await;
    status(&w).await;
    w.advance(180);
    run(&w).await;
    status(&w).await;
    println!("== rollback");
    w.advance(60);
    act(&w, "rollback").await;
    status(&w).await;
    run(&w).await;
    status(&w).await;
    println!("== good build");
    w.advance(55);
    w.build("1.2.3", "passed");
    run(&w).await;
    w.advance(180);
    run(&w).await;
    status(&w).await;
    println!("== unhold");
    act(&w, "unhold").await;
    run(&w).await;
    status(&w).await;
    println!("== approve");
    w.advance(5);
    approve(&w).await;
    run(&w).await;
    status(&w).await;
}
async fn approve(w: &World) {
    let l = w.look().await.unwrap();
    let id = l
        .plan
        .stages
        .iter()
        .find_map(|s| s.pull_request.clone())
        .unwrap();
    let pull = l
        .observation
        .facts
        .pulls
        .as_ref()
        .unwrap()
        .iter()
        .find(|p| p.id == id)
        .unwrap();
    let e = w.engine().unwrap();
    e.forge
        .approve(
            &id,
            pull.head.clone(),
            crate::forge::Approver {
                person: crate::git::Person {
                    name: LENA.0.into(),
                    email: LENA.1.into(),
                },
                key: None,
                now: w.now,
            },
        )
        .await
        .unwrap();
}
async fn act(w: &World, what: &str) {
    use crate::plan::acts::*;
    let l = w.look().await.unwrap();
    let key: crate::model::StageKey = "myapp/prod".to_owned().try_into().unwrap();
    let person = Person {
        by: MARA.1.into(),
        reason: "login fails".into(),
    };
    let mut obs = l.observation.clone();
    let e = w.engine().unwrap();
    let act = loop {
        let made = if what == "rollback" {
            rollback(&obs, &key, &Named::Previous, &person)
        } else {
            unhold(&obs, &key, None, &person)
        };
        match made {
            Err(ActError::Asking(q)) => e.reconciler.observer.answer(&mut obs, &q).await.unwrap(),
            other => break other.unwrap(),
        }
    };
    println!(
        "ACT {} {:?} {:?} {:?} {:?}",
        act.message,
        act.from,
        act.to,
        act.notes,
        act.files.keys()
    );
    let files = act
        .files
        .iter()
        .map(|(p, t)| (p.clone(), t.as_ref().map(|t| t.clone().into_bytes())))
        .collect();
    let me = crate::git::Person {
        name: MARA.0.into(),
        email: MARA.1.into(),
    };
    let base = obs.snapshot.commit.clone();
    let c = e
        .git
        .commit(crate::git::NewCommit {
            parents: vec![base.clone()],
            start: Some(base.clone()),
            files,
            message: act.message,
            author: me.clone(),
            committer: me,
            time: w.now,
        })
        .await
        .unwrap();
    let o = e
        .git
        .push(vec![crate::git::RefUpdate {
            name: "refs/heads/main".into(),
            expect: Some(base),
            new: Some(c),
        }])
        .await
        .unwrap();
    println!("{o:?}");
}
