//! Freezing environments for a time, and lifting that: a Freeze file of its own, so that two of them never conflict.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, DateTimeRound};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{RoundMode, Unit};

use super::one_line;
use crate::manifests::edit::freeze_text;
use crate::manifests::suggest::{listed, nearest, proposed};
use crate::manifests::{Documents, Located};
use crate::model::hold::{FreezeExcept, FreezeSpec};
use crate::model::name_pattern::fits;
use crate::model::pipeline::ObjectMeta;
use crate::model::{Freeze, Name, Period, RepoPath};
use crate::plan::streams::{Done, Refused, Scene};

/// Names of one beginning that are tried.
const MOST_NAMES: usize = 99;

/// An instant as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On a clock of the freeze's time zone.
    Local(DateTime),
    /// So long from now.
    In(Period),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = || text.parse::<Date>().ok().map(|day| day.at(0, 0, 0, 0));
        let local = text.parse::<DateTime>().ok().or_else(day);
        // An offset would say twice which clock is meant.
        let bare = !text.contains('[') && !text.contains('+') && !text.ends_with(['Z', 'z']);
        match (local.filter(|_| bare), text.parse::<Period>()) {
            (Some(local), _) => Ok(Self::Local(local)),
            (None, Ok(period)) => Ok(Self::In(period)),
            (None, Err(_)) => Err(
                "write a local time (2026-12-01T08:00), a day (2026-12-01), or how long from now (2h)"
                    .to_owned(),
            ),
        }
    }
}

/// What is to be frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeWish {
    /// Environments: names, or beginnings with `*` behind them.
    pub environments: Vec<String>,
    /// Begin; at once without one.
    pub from: Option<When>,
    /// End; when the file is deleted without one.
    pub until: Option<When>,
    /// IANA name; UTC without one.
    pub time_zone: Option<String>,
    /// Pipelines that go on.
    pub except: Vec<Name>,
    /// Its name; made of the environments without one.
    pub name: Option<Name>,
    /// Why.
    pub reason: String,
}

/// A new file that freezes environments.
///
/// # Errors
/// When it would freeze nothing: no such environment, or times that are over.
pub fn freeze(wish: &FreezeWish, scene: Scene<'_>) -> Result<Done, Refused> {
    let docs = scene.docs;
    let mut environments = wish.environments.clone();
    let mut seen = BTreeSet::new();
    environments.retain(|named| seen.insert(named.clone()));
    known_environments(&environments, docs)?;
    for pipeline in &wish.except {
        if !docs.pipelines.contains_key(pipeline) && docs.why_no_pipeline(pipeline).is_none() {
            let known = docs.pipelines.keys().map(Name::as_str);
            let why = format!("there is no pipeline `{pipeline}`");
            return Err(Refused::usage(why).help(proposed(pipeline.as_str(), known)));
        }
    }
    let zone = zone(wish.time_zone.as_deref())?;
    let now = scene.now.to_zoned(zone.clone());
    // Whole minutes, and none too few: nobody writes a freeze by the second.
    let local = |when: When, mode: RoundMode| match when {
        When::Local(at) => at,
        When::In(period) => {
            let at = period.after(scene.now).to_zoned(zone.clone()).datetime();
            let minutes = DateTimeRound::new().smallest(Unit::Minute).mode(mode);
            at.round(minutes).unwrap_or(at)
        }
    };
    let from = wish.from.map(|when| local(when, RoundMode::Floor));
    let until = wish.until.map(|when| local(when, RoundMode::Ceil));
    if let Some(until) = until
        && until <= from.unwrap_or_else(|| now.datetime()).max(now.datetime())
    {
        let why = format!("this freezes nothing: it ends {until}, before it begins");
        return Err(Refused::usage(why).help("say a later --until"));
    }
    let name = match &wish.name {
        Some(name) => name.clone(),
        None => free_name(&environments, docs)?,
    };
    let path = path_of(&name, docs)?;
    if docs.freezes.contains_key(&path) {
        let why = format!("there is a freeze `{name}` already ({path})");
        return Err(Refused::no(why).help(format!("headwater unfreeze {name} --reason ...")));
    }
    let spec = FreezeSpec {
        environments,
        except: FreezeExcept {
            pipelines: wish.except.clone(),
        },
        from,
        until,
        time_zone: wish.time_zone.clone(),
        reason: one_line(&wish.reason),
    };
    let says = format!("freeze/{name} created: {}", in_words(&spec));
    let metadata = ObjectMeta {
        name: name.clone(),
        namespace: None,
        labels: serde_json::Value::Null,
        annotations: serde_json::Value::Null,
    };
    let warnings = others(&spec, &name, docs)
        .into_iter()
        .map(|(other, environment)| {
            format!("freeze/{other} is about {environment} already: each of them stands for itself")
        });
    let warnings = warnings.collect();
    let text = freeze_text(&Freeze { metadata, spec });
    Ok(Done {
        warnings,
        files: [(path, Some(text))].into(),
        names: vec![format!("freeze/{name}")],
        says: vec![says],
        ..Done::default()
    })
}

/// `nothing enters prod, qa until 2026-12-01T08:00:00 Europe/Berlin but shop; rollback goes on`
fn in_words(spec: &FreezeSpec) -> String {
    let zone = spec.time_zone.as_deref().unwrap_or("UTC");
    let from = spec
        .from
        .map_or_else(String::new, |at| format!(" from {at} {zone}"));
    let until = match spec.until {
        Some(at) => format!(" until {at} {zone}"),
        None => " until it is lifted".to_owned(),
    };
    let except = match spec.except.pipelines.as_slice() {
        [] => String::new(),
        names => format!(", but for {}", listed(names.iter().map(Name::as_str))),
    };
    let environments = spec.environments.join(", ");
    format!("nothing enters {environments}{from}{until}{except}; rollback goes on")
}

/// Takes the file away that a word names: the freeze, or an environment that it alone is about.
///
/// # Errors
/// When nothing is frozen so, or several freezes are.
pub fn unfreeze(word: &str, scene: Scene<'_>) -> Result<Done, Refused> {
    let docs = scene.docs;
    let of_name = |freeze: &Located<Freeze>| freeze.value.metadata.name.as_str() == word;
    let of_place = |freeze: &Located<Freeze>| {
        freeze
            .value
            .spec
            .environments
            .iter()
            .any(|environment| environment == word)
    };
    let named: Vec<(&RepoPath, &Located<Freeze>)> = docs
        .freezes
        .iter()
        .filter(|(_, freeze)| of_name(freeze))
        .collect();
    let found = match named.is_empty() {
        true => docs
            .freezes
            .iter()
            .filter(|(_, freeze)| of_place(freeze))
            .collect(),
        false => named,
    };
    let (path, freeze) = match found.as_slice() {
        [one] => *one,
        [] => return Err(nothing_frozen(word, docs)),
        several => {
            let names = several.iter().map(|(_, f)| f.value.metadata.name.as_str());
            let why = format!("several freezes are about `{word}`");
            return Err(Refused::usage(why).help(format!("name one of {}", listed(names))));
        }
    };
    let spec = &freeze.value.spec;
    let name = &freeze.value.metadata.name;
    let others = others(spec, name, docs)
        .into_iter()
        .map(|(other, environment)| {
            format!("{environment} stays frozen by freeze/{other}: headwater unfreeze {other}")
        });
    if name.as_str() != word && spec.environments.len() > 1 {
        let why = format!("{path} freezes {} too", spec.environments.join(", "));
        let help = format!("headwater unfreeze {name} lifts it for all of them");
        return Err(Refused::usage(why).help(help));
    }
    Ok(Done {
        warnings: others.collect(),
        files: [(path.clone(), None)].into(),
        names: vec![format!("freeze/{name}")],
        says: vec![format!(
            "freeze/{name} lifted: {}",
            spec.environments.join(", ")
        )],
        ..Done::default()
    })
}

/// Other freezes about the same environments, as far as words tell: each by name, with an environment that it is about, too.
fn others(spec: &FreezeSpec, name: &Name, docs: &Documents) -> Vec<(Name, String)> {
    let all = docs.freezes.values().map(|freeze| &freeze.value);
    let others = all.filter(|freeze| freeze.metadata.name != *name);
    let shared = others.filter_map(|freeze| {
        let theirs = &freeze.spec.environments;
        let mut ours = spec.environments.iter();
        let both = ours.find(|e| theirs.iter().any(|p| p == *e || fits(p, e)))?;
        Some((freeze.metadata.name.clone(), both.clone()))
    });
    shared.collect()
}

fn nothing_frozen(word: &str, docs: &Documents) -> Refused {
    let names = docs
        .freezes
        .values()
        .map(|f| f.value.metadata.name.as_str());
    let names: BTreeSet<&str> = names.collect();
    let refused = Refused::usage(format!("there is no freeze `{word}`"));
    match names.is_empty() {
        true => refused
            .help("nothing is frozen here (with --push the base is looked at, else the work tree)"),
        false => refused.help(proposed(word, names)),
    }
}

fn known_environments(wished: &[String], docs: &Documents) -> Result<(), Refused> {
    let names = || {
        let broken = docs.broken_environments.keys();
        docs.environments.keys().chain(broken).map(Name::as_str)
    };
    for pattern in wished {
        if !names().any(|name| fits(pattern, name)) {
            let why = format!("there is no environment `{pattern}`");
            let known: BTreeSet<&str> = names().collect();
            return Err(Refused::usage(why).help(proposed(pattern, known)));
        }
    }
    Ok(())
}

fn zone(name: Option<&str>) -> Result<TimeZone, Refused> {
    let Some(name) = name else {
        return Ok(TimeZone::UTC);
    };
    let database = TimeZoneDatabase::bundled();
    database.get(name).map_err(|_| {
        let known: Vec<String> = database.available().map(|zone| zone.to_string()).collect();
        let refused = Refused::usage(format!("unknown time zone `{name}`"));
        match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => refused.help(format!("did you mean `{near}`?")),
            None => refused.help("write an IANA name such as Europe/Berlin, or UTC"),
        }
    })
}

/// `prod`, `prod-2`, ...: named like the first environment.
fn free_name(environments: &[String], docs: &Documents) -> Result<Name, Refused> {
    let first = environments.first().map_or("", String::as_str);
    let stem = first.trim_end_matches(['*', '-', '.']);
    let stem = if stem.is_empty() { "all" } else { stem };
    for n in 1..=MOST_NAMES {
        let text = match n {
            1 => stem.to_owned(),
            n => format!("{stem}-{n}"),
        };
        let name: Name = text.parse().map_err(|_| {
            Refused::usage(format!("`{stem}` makes no name")).help("say one with --name")
        })?;
        if !docs.freezes.contains_key(&path_of(&name, docs)?) {
            return Ok(name);
        }
    }
    Err(Refused::no(format!("there are {MOST_NAMES} freezes of {stem} already")).help("say --name"))
}

fn path_of(name: &Name, docs: &Documents) -> Result<RepoPath, Refused> {
    let folder = &docs.config.spec.paths.freezes;
    let path = folder.join(&format!("{name}.yaml"));
    path.map_err(|error| Refused::no(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::plan::kit::{Kit, pipeline};

    const PROD: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: prod-eu}\nspec: {}\n";

    fn documents(files: &[(&str, &str)]) -> std::sync::Arc<Documents> {
        let pipeline = pipeline("", "");
        let mut all = vec![
            ("pipelines/myapp/pipeline.yaml", pipeline.as_str()),
            ("environments/prod-eu.yaml", PROD),
        ];
        all.extend(files);
        Kit::new(&all)
            .moves("dev", "1")
            .observe()
            .snapshot
            .documents
    }

    fn scene(docs: &Documents) -> Scene<'_> {
        Scene {
            docs,
            namespace: &docs.config.spec.namespace,
            now: "2026-11-27T12:00:00Z".parse::<Timestamp>().unwrap(),
        }
    }

    fn wish(environment: &str) -> FreezeWish {
        FreezeWish {
            environments: vec![environment.to_owned()],
            from: None,
            until: None,
            time_zone: None,
            except: Vec::new(),
            name: None,
            reason: "CHG-4711".to_owned(),
        }
    }

    #[test]
    fn a_length_of_time_is_never_cut_short_by_whole_minutes() {
        let docs = documents(&[]);
        for (seconds, from, until) in [(0, "12:30:00", "12:01:00"), (50, "12:30:00", "12:02:00")] {
            let lasting = FreezeWish {
                until: Some(When::In(Period::seconds(20))),
                ..wish("prod-eu")
            };
            let scene = Scene {
                now: Timestamp::from_second(1_795_780_800 + seconds).unwrap(),
                ..scene(&docs)
            };
            let written = |wish: &FreezeWish| {
                let done = freeze(wish, scene).unwrap();
                done.files.into_values().next().flatten().unwrap()
            };
            let text = written(&lasting);
            assert!(text.contains(until), "{text}");
            let later = FreezeWish {
                from: Some(When::In(Period::seconds(1_800))),
                ..wish("prod-eu")
            };
            let text = written(&later);
            assert!(text.contains(from), "{text}");
        }
    }

    #[test]
    fn an_environment_that_is_named_twice_is_frozen_once() {
        let docs = documents(&[]);
        let twice = FreezeWish {
            environments: ["prod-eu", "prod-*", "prod-eu"].map(str::to_owned).to_vec(),
            ..wish("prod-eu")
        };
        let done = freeze(&twice, scene(&docs)).unwrap();
        let text = done.files.into_values().next().flatten().unwrap();
        assert_eq!(text.matches("- prod-eu\n").count(), 1, "{text}");
        assert!(
            done.says[0].contains("prod-eu, prod-* until"),
            "{:?}",
            done.says
        );
    }

    #[test]
    fn a_freeze_is_a_file_that_freezes_and_says_until_when() {
        let docs = documents(&[]);
        let until = When::In("90m".parse().unwrap());
        let berlin = FreezeWish {
            until: Some(until),
            time_zone: Some("Europe/Berlin".to_owned()),
            except: vec!["myapp".parse().unwrap()],
            ..wish("prod-*")
        };
        let done = freeze(&berlin, scene(&docs)).unwrap();
        let (path, text) = done.files.iter().next().unwrap();
        assert_eq!(path.as_str(), "freezes/prod.yaml");
        let text = text.clone().unwrap();
        for line in [
            "- prod-*",
            "until: \"2026-11-27T14:30:00\"",
            "reason: CHG-4711",
            "- myapp",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(
            done.says,
            [
                "freeze/prod created: nothing enters prod-* until 2026-11-27T14:30:00 Europe/Berlin, but for myapp; rollback goes on"
            ]
        );
        let again = documents(&[("freezes/prod.yaml", &text)]);
        let wrong: Vec<_> = again.errors().collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        let second = freeze(&berlin, scene(&again)).unwrap();
        assert_eq!(second.names, ["freeze/prod-2"]);
        let named = FreezeWish {
            name: Some("prod".parse().unwrap()),
            ..berlin
        };
        assert!(
            freeze(&named, scene(&again))
                .unwrap_err()
                .why
                .contains("already")
        );
    }

    #[test]
    fn an_instant_is_a_local_time_a_day_or_a_while() {
        let read = |text: &str| text.parse::<When>();
        let local = |text: &str| Ok(When::Local(text.parse().unwrap()));
        assert_eq!(read("2026-12-01T08:00"), local("2026-12-01T08:00:00"));
        assert_eq!(read("2026-12-01 08:00"), local("2026-12-01T08:00:00"));
        assert_eq!(read("2026-12-01"), local("2026-12-01T00:00:00"));
        assert_eq!(read("1h30m"), Ok(When::In("90m".parse().unwrap())));
        for bad in [
            "",
            "soon",
            "2026-13-01",
            "2026-12-01T08:00Z",
            "2026-12-01T08:00+01:00",
            "-2h",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_would_freeze_nothing_is_refused() {
        let docs = documents(&[]);
        let why = |wish: FreezeWish| {
            let refused = freeze(&wish, scene(&docs)).unwrap_err();
            (refused.why, refused.help.unwrap_or_default())
        };
        let (said, help) = why(wish("prod-eo"));
        assert!(
            said.contains("no environment `prod-eo`") && help.contains("prod-eu"),
            "{help}"
        );
        let past = When::Local("2026-11-27T11:00:00".parse().unwrap());
        let over = FreezeWish {
            until: Some(past),
            ..wish("prod-eu")
        };
        assert!(why(over).0.contains("freezes nothing"));
        let backwards = FreezeWish {
            from: Some(When::In("2h".parse().unwrap())),
            until: Some(When::In("1h".parse().unwrap())),
            ..wish("prod-eu")
        };
        assert!(why(backwards).0.contains("freezes nothing"));
        let zone = FreezeWish {
            time_zone: Some("Europe/Berln".to_owned()),
            ..wish("prod-eu")
        };
        assert!(why(zone).1.contains("Europe/Berlin"));
        let except = FreezeWish {
            except: vec!["mapp".parse().unwrap()],
            ..wish("prod-eu")
        };
        assert!(why(except).1.contains("myapp"));
    }

    #[test]
    fn it_is_lifted_by_its_name_or_by_the_one_environment_that_it_is_about() {
        let file = |name: &str, environments: &str| {
            format!(
                "apiVersion: headwater.dev/v1alpha1\nkind: Freeze\nmetadata: {{name: {name}}}\nspec: {{environments: [{environments}], reason: r}}\n"
            )
        };
        let (one, both) = (file("night", "prod-eu"), file("xmas", "prod-eu, \"prod*\""));
        let alone = documents(&[("freezes/night.yaml", &one)]);
        for word in ["night", "prod-eu"] {
            let done = unfreeze(word, scene(&alone)).unwrap();
            let path: RepoPath = "freezes/night.yaml".parse().unwrap();
            assert_eq!(done.files.get(&path), Some(&None));
        }
        let two = documents(&[("freezes/night.yaml", &one), ("freezes/xmas.yaml", &both)]);
        let several = unfreeze("prod-eu", scene(&two)).unwrap_err();
        assert!(several.help.unwrap().contains("night, xmas"));
        let wide = documents(&[("freezes/xmas.yaml", &both)]);
        let wide = unfreeze("prod-eu", scene(&wide)).unwrap_err();
        assert!(wide.help.unwrap().contains("headwater unfreeze xmas"));
        let none = unfreeze("nigt", scene(&alone)).unwrap_err();
        assert!(none.help.unwrap().contains("night"));
        assert!(
            unfreeze("prod-eu", scene(&documents(&[])))
                .unwrap_err()
                .help
                .unwrap()
                .contains("nothing is frozen here")
        );
    }
}
