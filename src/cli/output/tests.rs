//! Output end to end: streams apart, secrets gone, colours only where wanted, readers free to leave.

use std::sync::Arc;

use secrecy::SecretString;

use super::*;

/// What was printed.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buffer);
        Ok(buffer.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An output whose stdout and stderr can be read.
pub(crate) fn captured(look: Look) -> (Out, Captured, Captured) {
    let (stdout, stderr) = (Captured::default(), Captured::default());
    let out = Out::to(
        look,
        Progress::new(false),
        Box::new(stdout.clone()),
        Box::new(stderr.clone()),
    );
    (out, stdout, stderr)
}

struct Failing(ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_result_is_on_stdout_and_the_rest_on_stderr() {
    let (out, stdout, stderr) = captured(Look::default());
    out.line(format!("a {}", Style::Red.paint("b")));
    out.note("beside");
    out.warning("careful");
    out.error(
        &CliError::failed("cannot push")
            .context("cannot finish")
            .help("try again"),
    );
    assert_eq!(stdout.text(), "a b\n");
    assert_eq!(
        stderr.text(),
        "beside\nwarning: careful\nerror: cannot finish\n  because: cannot push\nhelp: try again\n"
    );
}

#[test]
fn every_way_out_is_redacted() {
    crate::telemetry::register_secret(&SecretString::from("never-print-this"));
    let (out, stdout, stderr) = captured(Look::default());
    let mut table = Table::new(["A"]);
    table.row(["never-print-this"]);
    out.table(&table);
    out.line("never-print-this");
    out.json(&["never-print-this"]).unwrap();
    out.yaml(&["never-print-this"]).unwrap();
    out.verbatim("never-print-this");
    out.note("never-print-this");
    out.error(&CliError::failed("never-print-this").help("never-print-this"));
    for text in [stdout.text(), stderr.text()] {
        assert!(!text.contains("never-print"), "{text}");
        assert!(text.contains("[redacted]"), "{text}");
    }
}

#[test]
fn neither_colours_nor_wrapping_hide_a_secret_from_the_redactor() {
    crate::telemetry::register_secret(&SecretString::from("open sesame now please"));
    let look = Look {
        color: true,
        width: Some(20),
        ..Look::default()
    };
    let (out, stdout, _) = captured(look);
    let mut table = Table::new(["A", "B"]);
    table.row(["x", "open sesame now please"]);
    out.table(&table);
    out.line(Style::Red.paint("open sesame now please"));
    assert!(!stdout.text().contains("sesame"), "{}", stdout.text());
}

#[test]
fn a_reader_that_leaves_is_no_failure_but_a_full_disk_is() {
    for (kind, fine) in [
        (ErrorKind::BrokenPipe, true),
        (ErrorKind::StorageFull, false),
    ] {
        let out = Out::to(
            Look::default(),
            Progress::new(false),
            Box::new(Failing(kind)),
            Box::new(Captured::default()),
        );
        out.line("a");
        out.line("b");
        assert_eq!(out.finish().is_ok(), fine, "{kind}");
    }
}

#[test]
fn colours_follow_the_choice_then_the_environment_then_the_terminal() {
    let set = |name: &str, value: &str| -> BTreeMap<String, String> {
        [(name.to_owned(), value.to_owned())].into()
    };
    let none = BTreeMap::new();
    assert!(colored(ColorChoice::Auto, true, &none));
    assert!(!colored(ColorChoice::Auto, false, &none));
    assert!(!colored(ColorChoice::Auto, true, &set("NO_COLOR", "1")));
    assert!(!colored(ColorChoice::Auto, true, &set("TERM", "dumb")));
    assert!(colored(ColorChoice::Always, false, &set("NO_COLOR", "1")));
    assert!(!colored(ColorChoice::Never, true, &none));
}

#[test]
fn data_of_any_kind_cannot_steer_the_terminal() {
    let look = Look {
        width: Some(80),
        ..Look::default()
    };
    let (out, stdout, _) = captured(look);
    let bad = "a\u{1b}[2J\u{202e}\u{9b}b";
    out.line(bad);
    out.json(&[bad]).unwrap();
    out.yaml(&[bad]).unwrap();
    out.verbatim(bad);
    let text = stdout.text();
    assert!(
        !text.chars().any(|c| c != '\n' && clean::is_unsafe(c)),
        "{text:?}"
    );
}
