//! A word in the log about transfers that take long, so that a daemon whose Git server keeps silent does not look idle.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// What takes longer is told.
const LONG: Duration = Duration::from_secs(10);

/// Does a transfer with the repository, and tells once that it takes long and once that it is over.
pub(super) async fn told<T>(kind: &str, repository: &str, transfer: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    tokio::pin!(transfer);
    tokio::select! {
        done = &mut transfer => return done,
        () = tokio::time::sleep(LONG) => {}
    }
    let elapsed_ms = millis(begin);
    tracing::warn!(
        repository,
        elapsed_ms,
        "the {kind} is not done yet: still waiting for the Git server"
    );
    let done = transfer.await;
    let elapsed_ms = millis(begin);
    tracing::info!(repository, elapsed_ms, "the {kind} that took long is over");
    done
}

fn millis(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_takes_long_is_told_once_at_either_end() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let after = |seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            seconds
        };
        assert_eq!(told("push", "/r.git", after(9)).await, 9);
        assert!(log.0.lock().unwrap().is_empty());
        assert_eq!(told("fetch", "/r.git", after(14)).await, 14);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("WARN") && lines[0].contains("the fetch is not done yet"));
        assert!(
            lines[1].contains("INFO") && lines[1].contains("elapsed_ms=14000"),
            "{text}"
        );
    }
}
