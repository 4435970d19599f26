//! Windows at their edges, over midnight, and when clocks change.

use super::*;

fn window(yaml: &str) -> Window {
    read(yaml).unwrap()
}

fn read(json: &str) -> Result<Window, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Whether it is open, and when that ends.
fn stands(window: &Window, now: &str) -> (bool, String) {
    let standing = window.standing(at(now)).unwrap();
    let until = standing
        .until
        .map_or_else(|| "never".to_owned(), |at| at.to_string());
    (standing.open, until)
}

#[test]
fn the_begin_belongs_to_it_and_the_end_does_not() {
    let window = window(r#"{"allow": ["Mon-Thu 09:00-16:00"], "timeZone": "Europe/Berlin"}"#);
    for (now, open, until) in [
        ("2026-01-05T07:59:59Z", false, "2026-01-05T08:00:00Z"),
        ("2026-01-05T08:00:00Z", true, "2026-01-05T15:00:00Z"),
        ("2026-01-05T14:59:59Z", true, "2026-01-05T15:00:00Z"),
        ("2026-01-05T15:00:00Z", false, "2026-01-06T08:00:00Z"),
        ("2026-01-08T15:00:00Z", false, "2026-01-12T08:00:00Z"),
    ] {
        assert_eq!(stands(&window, now), (open, until.to_owned()), "{now}");
    }
}

#[test]
fn days_ranges_and_nights_are_read_as_people_mean_them() {
    for (times, now, open, until) in [
        (
            "Fri-Mon",
            "2026-01-06T00:00:00Z",
            false,
            "2026-01-09T00:00:00Z",
        ),
        (
            "Fri-Mon",
            "2026-01-09T00:00:00Z",
            true,
            "2026-01-13T00:00:00Z",
        ),
        (
            "Sat,sunday 10:00-12:00",
            "2026-01-10T11:00:00Z",
            true,
            "2026-01-10T12:00:00Z",
        ),
        (
            "22:00-02:00",
            "2026-01-06T01:59:00Z",
            true,
            "2026-01-06T02:00:00Z",
        ),
        (
            "Mon 22:00-02:00",
            "2026-01-06T01:00:00Z",
            true,
            "2026-01-06T02:00:00Z",
        ),
        (
            "Mon 22:00-02:00",
            "2026-01-05T01:00:00Z",
            false,
            "2026-01-05T22:00:00Z",
        ),
        ("Mon-Sun 00:00-24:00", "2026-01-05T01:00:00Z", true, "never"),
    ] {
        let window = window(&format!(r#"{{"allow": ["{times}"], "timeZone": "UTC"}}"#));
        assert_eq!(
            stands(&window, now),
            (open, until.to_owned()),
            "{times} {now}"
        );
    }
}

#[test]
fn deny_outweighs_allow_and_alone_it_shuts_what_is_else_open() {
    let both =
        window(r#"{"allow": ["Mon-Fri 08:00-18:00"], "deny": ["12:00-13:00"], "timeZone": "UTC"}"#);
    assert_eq!(
        stands(&both, "2026-01-05T11:00:00Z"),
        (true, "2026-01-05T12:00:00Z".to_owned())
    );
    assert_eq!(
        stands(&both, "2026-01-05T12:30:00Z"),
        (false, "2026-01-05T13:00:00Z".to_owned())
    );
    let deny = window(r#"{"deny": ["Fri 12:00-24:00"], "timeZone": "UTC"}"#);
    assert_eq!(
        stands(&deny, "2026-01-05T11:00:00Z"),
        (true, "2026-01-09T12:00:00Z".to_owned())
    );
    let never = window(r#"{"allow": ["Mon 08:00-09:00"], "deny": ["Mon"], "timeZone": "UTC"}"#);
    assert_eq!(
        stands(&never, "2026-01-05T08:30:00Z"),
        (false, "never".to_owned())
    );
}

#[test]
fn cron_begins_and_for_says_how_long() {
    let first = window(
        r#"{"allow": [{"cron": "0 9 1 * *", "for": "8h"}], "timeZone": "America/New_York"}"#,
    );
    assert_eq!(
        stands(&first, "2026-01-05T00:00:00Z"),
        (false, "2026-02-01T14:00:00Z".to_owned())
    );
    assert_eq!(
        stands(&first, "2026-02-01T14:00:00Z"),
        (true, "2026-02-01T22:00:00Z".to_owned())
    );
    assert_eq!(
        stands(&first, "2026-02-01T22:00:00Z"),
        (false, "2026-03-01T14:00:00Z".to_owned())
    );
    let overlapping =
        window(r#"{"allow": [{"cron": "0 8-10 * * mon", "for": "2h"}], "timeZone": "UTC"}"#);
    assert_eq!(
        stands(&overlapping, "2026-01-05T09:30:00Z"),
        (true, "2026-01-05T12:00:00Z".to_owned())
    );
    let leap = window(r#"{"allow": [{"cron": "0 0 29 2 *", "for": "1h"}], "timeZone": "UTC"}"#);
    assert_eq!(
        stands(&leap, "2026-01-05T09:30:00Z"),
        (false, "2028-02-29T00:00:00Z".to_owned())
    );
}

#[test]
fn clock_changes_move_no_local_time() {
    let window = window(r#"{"allow": ["09:00-16:00"], "timeZone": "Europe/Berlin"}"#);
    let (winter, summer) = ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(stands(&window, winter).1, "2026-03-28T15:00:00Z");
    assert_eq!(stands(&window, summer).1, "2026-03-29T14:00:00Z");
    // 02:30 is skipped on that night, and there twice in autumn: then the first one counts.
    let night = super::Window {
        allow: vec!["02:30-02:45".parse().map(Times::Weekly).unwrap()],
        ..window
    };
    assert_eq!(
        stands(&night, "2026-03-29T00:00:00Z"),
        (false, "2026-03-29T01:30:00Z".to_owned())
    );
    assert_eq!(
        stands(&night, "2026-10-25T00:00:00Z"),
        (false, "2026-10-25T00:30:00Z".to_owned())
    );
    assert_eq!(
        stands(&night, "2026-10-25T00:45:00Z"),
        (false, "2026-10-26T01:30:00Z".to_owned())
    );
}

#[test]
fn windows_are_open_together_or_never_meet() {
    let of = |zone: &str| {
        window(&format!(
            r#"{{"allow": ["Mon-Thu 09:00-16:00"], "timeZone": "{zone}"}}"#
        ))
    };
    let (berlin, york, singapore) = (
        of("Europe/Berlin"),
        of("America/New_York"),
        of("Asia/Singapore"),
    );
    let together = |windows: &[&Window]| {
        Together(windows)
            .ever_open(at("2026-01-05T00:00:00Z"))
            .unwrap()
    };
    assert!(together(&[&berlin, &york]));
    assert!(!together(&[&york, &singapore]));
    assert!(together(&[]), "nothing is in the way");
    let leap =
        window(r#"{"allow": [{"cron": "0 9 29 2 *", "for": "1h"}], "timeZone": "Europe/Berlin"}"#);
    assert!(together(&[&berlin, &leap]), "a leap day that is a Tuesday");
}

#[test]
fn what_says_no_times_is_refused_in_words() {
    for (allow, words) in [
        (r#""""#, "no times of the week"),
        (r#""Mon-Thu 09:00-16:00 Berlin""#, "no times of the week"),
        (r#""Mo 09:00-16:00""#, "names no day in `Mo`"),
        (r#""Mon 9-16""#, "no times of the day"),
        (r#""Mon 25:00-26:00""#, "no times of the day"),
        (r#""Mon 09:60-10:00""#, "no times of the day"),
        (r#""Mon 24:00-02:00""#, "no times of the day"),
        (r#""Mon 09:00-09:00""#, "a whole day is 00:00-24:00"),
        (r#"{"cron": "0 9 * *", "for": "1h"}"#, "five fields"),
        (r#"{"cron": "0 9 * * * 2027", "for": "1h"}"#, "five fields"),
        (
            r#"{"cron": "61 9 * * *", "for": "1h"}"#,
            "no cron expression",
        ),
        (
            r#"{"cron": "0 9 30 2 *", "for": "1h"}"#,
            "no time that ever comes",
        ),
        (r#"{"cron": "0 9 * * *", "for": "0s"}"#, "more than nothing"),
        (r#"{"cron": "0 9 * * *", "for": "60d"}"#, "at most 31d"),
        (r#"{"cron": "0 9 * * *"}"#, "for"),
        ("7", "times like"),
    ] {
        let error = read(&format!(r#"{{"allow": [{allow}], "timeZone": "UTC"}}"#)).unwrap_err();
        assert!(error.contains(words), "{allow}: {error}");
    }
    let many = vec![r#""Mon""#; 51].join(",");
    assert!(read(&format!(r#"{{"allow": [{many}], "timeZone": "UTC"}}"#)).is_err());
    assert_eq!(
        window(r#"{"timeZone": "Nowhere/Land"}"#).standing(at("2026-01-05T00:00:00Z")),
        None
    );
}

#[test]
fn what_is_written_is_what_is_read() {
    let text = r#"{"allow":["Mon-Thu 09:00-16:00",{"cron":"0 9 1 * *","for":"8h"}],"deny":[],"timeZone":"UTC"}"#;
    assert_eq!(serde_json::to_string(&window(text)).unwrap(), text);
}
