//! HW0118: time zones by their IANA names, read from the bundled database so that every machine says the same.

use super::finding::Finding;
use crate::manifests::code;
use crate::manifests::suggest::nearest;
use crate::manifests::yaml::Step;

/// What is wrong with the name of a time zone, if anything.
pub(super) fn unknown(name: &str, place: Vec<Step>) -> Option<Finding> {
    let database = jiff::tz::TimeZoneDatabase::bundled();
    if database.get(name).is_ok() {
        return None;
    }
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => "write an IANA name such as Europe/Berlin, or UTC".to_owned(),
    };
    Some(
        Finding::error(
            code::TIME_ZONE,
            place,
            format!("unknown time zone `{name}`"),
        )
        .help(help),
    )
}
