//! The door in virtual time.

use super::*;

fn gate() -> Arc<Gate> {
    Gate::new("r", 8, &Arc::default())
}

async fn enter(gate: &Arc<Gate>) -> Result<Pass, RegistryError> {
    gate.enter(true).await
}

fn broken() -> RegistryError {
    RegistryError::Network {
        host: "r".to_owned(),
        detail: "connection refused".to_owned(),
    }
}

/// A failure in a round of its own.
async fn fail(gate: &Arc<Gate>) -> bool {
    enter(gate).await.unwrap().failed(true, &broken())
}

fn quota(remaining: &str, reset: &str) -> Quota {
    let headers = [
        ("x-ratelimit-remaining", remaining),
        ("x-ratelimit-reset", reset),
    ];
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    Quota::read(&headers, Timestamp::now()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_shut_door_opens_when_its_time_has_come() {
    let gate = gate();
    enter(&gate)
        .await
        .unwrap()
        .refused(Some(Duration::from_secs(7)));
    assert!(matches!(
        enter(&gate).await,
        Err(RegistryError::RateLimited { .. })
    ));
    tokio::time::advance(Duration::from_millis(6_900)).await;
    assert!(enter(&gate).await.is_err());
    tokio::time::advance(Duration::from_millis(101)).await;
    assert!(enter(&gate).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_word_the_pause_doubles_from_about_a_second() {
    let gate = gate();
    for n in 0..3 {
        let (first, neighbour) = (enter(&gate).await.unwrap(), enter(&gate).await.unwrap());
        first.refused(None);
        let pause = |gate: &Gate| gate.state().shut.unwrap().0 - Instant::now();
        let asked = pause(&gate);
        let bounds = Duration::from_secs(1 << n)..=Duration::from_millis(1500 << n);
        assert!(bounds.contains(&asked), "{asked:?}");
        assert!(neighbour.refused(None) > Timestamp::now());
        assert_eq!(pause(&gate), asked, "a neighbour's refusal adds nothing");
        tokio::time::advance(asked).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_keeps_failing_is_probed_once_in_an_interval() {
    let gate = gate();
    for _ in 0..4 {
        assert!(!fail(&gate).await);
    }
    assert!(fail(&gate).await);
    for rest in [30, 60, 120] {
        assert!(gate.reading().failing);
        tokio::time::advance(Duration::from_secs(rest - 1)).await;
        assert!(enter(&gate).await.is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        let probe = enter(&gate).await.unwrap();
        for _ in 0..10 {
            assert!(matches!(
                enter(&gate).await,
                Err(RegistryError::Unavailable { cause, .. }) if cause.contains("connection refused")
            ));
        }
        assert!(probe.failed(false, &broken()), "one failed probe is enough");
    }
    tokio::time::advance(Duration::from_secs(240)).await;
    let lost = enter(&gate).await.unwrap();
    drop(lost);
    let probe = enter(&gate).await.unwrap();
    probe.answered();
    assert!(!fail(&gate).await, "one success forgives all");
    assert!(enter(&gate).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn failures_under_way_together_are_one_and_slow_ones_count_more() {
    let gate = gate();
    let mut passes = Vec::new();
    for _ in 0..8 {
        passes.push(enter(&gate).await.unwrap());
    }
    for pass in passes {
        assert!(!pass.failed(true, &broken()));
    }
    assert_eq!(gate.state().strikes, 1);
    assert_eq!(gate.reading().permits, 4, "halved once");
    let slow = enter(&gate).await.unwrap();
    tokio::time::advance(Duration::from_secs(15)).await;
    assert!(!slow.failed(false, &broken()));
    assert!(fail(&gate).await);
}

#[tokio::test(start_paused = true)]
async fn places_go_to_those_who_came_first_and_are_never_lost() {
    let gate = Gate::new("r", 1, &Arc::default());
    let first = enter(&gate).await.unwrap();
    let mut tasks = Vec::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    for n in 0..5 {
        let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let _pass = enter(&gate).await.unwrap();
            order.lock().unwrap().push(n);
        }));
        tokio::task::yield_now().await;
    }
    assert_eq!(gate.reading().waiting, 5);
    tasks[1].abort();
    tokio::task::yield_now().await;
    drop(first);
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.is_ok(), n != 1);
    }
    assert_eq!(*order.lock().unwrap(), [0, 2, 3, 4]);
    assert_eq!(gate.reading().free, 1);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_sent_home_when_the_door_is_shut() {
    let gate = Gate::new("r", 1, &Arc::default());
    let first = enter(&gate).await.unwrap();
    let waits = {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move { enter(&gate).await.map(drop) })
    };
    tokio::task::yield_now().await;
    first.refused(Some(Duration::from_secs(60)));
    assert!(matches!(
        waits.await.unwrap(),
        Err(RegistryError::RateLimited { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_scarce_quota_slows_us_before_we_are_refused() {
    let gate = gate();
    gate.quota(quota("50", "60"));
    for _ in 0..100 {
        enter(&gate).await.unwrap().answered();
    }
    gate.quota(quota("9", "10"));
    let start = Instant::now();
    for _ in 0..4 {
        enter(&gate).await.unwrap().answered();
    }
    assert_eq!(start.elapsed().as_secs(), 4, "one a second");
    assert!(gate.enter(false).await.is_ok());
    gate.quota(quota("0", "60"));
    enter(&gate).await.unwrap().answered();
    assert!(matches!(
        enter(&gate).await,
        Err(RegistryError::RateLimited { .. })
    ));
    gate.quota(quota("100", "60"));
    assert!(enter(&gate).await.is_ok());
}
