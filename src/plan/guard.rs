//! What the operator fixed for environments, held against what the repository says: conditions that a stage lacks, keys
//! that are not to be used, and whose approval is needed.

use std::collections::BTreeMap;

use super::report::Condition;
use super::road::Ruled;
use crate::manifests::Documents;
use crate::model::pipeline::From;
use crate::model::{
    Approvals, Delivery, Environment, Fingerprint, Gate, Guard, GuardedKind, Name, NamePattern,
    Pipeline, Stage, StageKey,
};

/// Guards by the names of environments that they are for.
pub type Guards = BTreeMap<NamePattern, Guard>;

/// All guards of an environment: each of them counts.
pub fn of<'g>(
    environment: &'g Name,
    guards: &'g Guards,
) -> impl Iterator<Item = (&'g NamePattern, &'g Guard)> {
    let all = guards.iter();
    all.filter(move |(pattern, _)| pattern.fits(environment))
}

/// The loosest delivery that guards leave an environment.
pub fn delivery(environment: &Name, guards: &Guards) -> Option<Delivery> {
    of(environment, guards)
        .filter_map(|(_, guard)| guard.delivery())
        .max()
}

/// What a guard says by which nothing may be pushed below an environment, if one does.
pub fn forbids_pushes(environment: &Name, guards: &Guards) -> Option<String> {
    of(environment, guards).find_map(|(_, guard)| guard.forbids_pushes())
}

/// The approvals that guards of an environment ask for.
pub fn approvals(
    environment: &Name,
    guards: &Guards,
) -> impl Iterator<Item = Ruled<Approvals>> + use<> {
    let rules = of(environment, guards).filter_map(|(pattern, guard)| {
        Some(Ruled {
            rule: guard.approvals()?,
            set_by: format!("operator ({})", setting(pattern, "owners")),
        })
    });
    let rules: Vec<_> = rules.collect();
    rules.into_iter()
}

/// Why a kind of gate may not be passed over on the way into these environments, if that is so.
pub fn forbids_skipping(
    kind: &Name,
    environments: &[Name],
    guards: &Guards,
) -> Option<(String, Name)> {
    environments.iter().find_map(|environment| {
        let mut asking = of(environment, guards);
        let asks = |guard: &Guard| guard.gates.iter().any(|g| g.as_str() == kind.as_str());
        let (pattern, _) = asking.find(|(_, guard)| asks(guard))?;
        Some((setting(pattern, "gates"), environment.clone()))
    })
}

/// The setting that has conditions asked before anything enters an environment, if one does.
pub fn asks_for_gates(environment: &Name, guards: &Guards) -> Option<String> {
    let mut all = of(environment, guards);
    let (pattern, _) = all.find(|(_, guard)| !guard.gates.is_empty())?;
    Some(setting(pattern, "gates"))
}

/// The setting that has conditions asked which nobody asks of what comes into an environment by no stage.
pub fn unasked(environment: &Environment, guards: &Guards) -> Option<String> {
    let name = environment.name();
    let rule = environment.spec.approvals.iter();
    let approved =
        rule.clone().any(|rule| rule.count > 0) || approvals(name, guards).next().is_some();
    let is_asked = |kind: &GuardedKind| *kind == GuardedKind::Approvals && approved;
    let mut all = of(name, guards);
    let (pattern, _) = all.find(|(_, guard)| guard.gates.iter().any(|kind| !is_asked(kind)))?;
    Some(setting(pattern, "gates"))
}

/// The setting by which a key may not be used for these environments, if one says so.
pub fn forbids_key(key: &Fingerprint, environments: &[Name], guards: &Guards) -> Option<String> {
    environments.iter().find_map(|environment| {
        let mut naming = of(environment, guards).filter(|(_, guard)| !guard.keys.is_empty());
        let (pattern, _) = naming.find(|(_, guard)| !guard.keys.contains(key))?;
        Some(setting(pattern, "keys"))
    })
}

/// Says of conditions which the operator asks for as well.
pub fn tell(conditions: &mut [Condition], environments: &[Name], guards: &Guards) {
    for condition in conditions {
        let Ok(kind) = condition.kind.parse() else {
            continue;
        };
        let Some((setting, _)) = forbids_skipping(&kind, environments, guards) else {
            continue;
        };
        let by = condition.set_by.iter().cloned();
        let by: Vec<String> = by
            .chain([format!("asked for by the operator ({setting})")])
            .collect();
        condition.set_by = Some(by.join("; "));
    }
}

/// Guards that mean no environment. Where a matrix of environments cannot be carried out, any may mean one.
pub fn idle<'g>(docs: &Documents, guards: &'g Guards) -> Vec<&'g NamePattern> {
    let means = |pattern: &NamePattern| {
        let broken = docs.broken_environments.keys();
        let mut names = docs.environments.keys().chain(broken);
        names.any(|name| pattern.fits(name)) || docs.nameless_environments.is_some()
    };
    guards.keys().filter(|pattern| !means(pattern)).collect()
}

/// A setting as the operator writes it.
fn setting(pattern: &NamePattern, field: &str) -> String {
    format!("guards.{pattern}.{field}")
}

/// A kind of condition that a guard asks for and that nothing asks of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// What is lacking, and who asks for it.
    pub why: String,
    /// What to write, and where.
    pub mend: String,
}

/// What guards of its environments ask for and a stage lacks.
pub fn lacking(
    pipeline: &Pipeline,
    stage: &Stage,
    docs: &Documents,
    guards: &Guards,
) -> Vec<Lacking> {
    if guards.is_empty() {
        return Vec::new();
    }
    let rules = Rules::of(pipeline, stage, docs);
    let mut asked: BTreeMap<(&NamePattern, GuardedKind), &Name> = BTreeMap::new();
    let environments = stage.environments();
    for environment in &environments {
        for (pattern, guard) in of(environment, guards) {
            for kind in &guard.gates {
                asked.entry((pattern, *kind)).or_insert(environment);
            }
        }
    }
    let has = |kind| rules.has(kind) || kind == GuardedKind::Approvals && rules.owned(guards);
    let missing = asked.into_iter().filter(|((_, kind), _)| !has(*kind));
    missing
        .map(|((pattern, kind), environment)| rules.lacks(kind, pattern, environment))
        .collect()
}

/// Where the conditions of one stage stand.
struct Rules<'a> {
    key: StageKey,
    stage: &'a Stage,
    named: Vec<Name>,
    environments: Vec<&'a Environment>,
    /// Stages whose `verify` a set has to pass before it may enter: itself where there is none before it.
    verifying: Vec<&'a Stage>,
    /// Whether it has to pass only one of them.
    any: bool,
    docs: &'a Documents,
}

impl<'a> Rules<'a> {
    fn of(pipeline: &'a Pipeline, stage: &'a Stage, docs: &'a Documents) -> Self {
        let named = stage.environments();
        let known = named.iter().filter_map(|name| docs.environments.get(name));
        let from = pipeline.sources(stage);
        let sources = from.iter().flat_map(From::stages);
        let mut verifying: Vec<&Stage> = sources.filter_map(|name| pipeline.stage(name)).collect();
        if verifying.is_empty() {
            verifying.push(stage);
        }
        Self {
            key: StageKey {
                pipeline: pipeline.name().clone(),
                stage: stage.name.clone(),
            },
            stage,
            environments: known.map(|located| &*located.value).collect(),
            named,
            verifying,
            any: matches!(from, Some(From::Any(_))),
            docs,
        }
    }

    fn has(&self, kind: GuardedKind) -> bool {
        let some = |gates: &[Gate]| gates.iter().any(|gate| kind.is(gate));
        if kind == GuardedKind::Approvals {
            let rules = self.environments.iter().map(|e| &e.spec.approvals);
            let mut rules = rules.chain([&self.stage.approvals]).flatten();
            return rules.any(|rule| rule.count > 0);
        }
        let enters = || {
            let floors = self.environments.iter().map(|e| &e.spec.enter);
            let mut lists = floors.chain([&self.stage.enter]);
            lists.any(|gates| some(gates))
        };
        let verifies = || match self.any {
            true => self.verifying.iter().all(|stage| some(&stage.verify)),
            false => self.verifying.iter().any(|stage| some(&stage.verify)),
        };
        kind.may_enter() && enters() || kind.may_verify() && verifies()
    }

    /// Whether the operator has named those who must approve.
    fn owned(&self, guards: &Guards) -> bool {
        let mut named = self.named.iter();
        named.any(|environment| approvals(environment, guards).next().is_some())
    }

    fn lacks(&self, kind: GuardedKind, pattern: &NamePattern, environment: &Name) -> Lacking {
        let key = &self.key;
        let by = format!("the operator's {}", setting(pattern, "gates"));
        let some = |gates: &[Gate]| gates.iter().any(|gate| kind.is(gate));
        let without = self.verifying.iter().filter(|stage| !some(&stage.verify));
        let without: Vec<&str> = without.map(|stage| stage.name.as_str()).collect();
        let without = without.join(", ");
        let before = match kind.may_verify() {
            false => String::new(),
            true => format!(", nor does `verify` of stage {without}"),
        };
        let what = match kind {
            GuardedKind::Approvals => "approvals".to_owned(),
            _ => format!("a `{kind}` gate"),
        };
        let why = match (kind.may_enter(), kind.may_verify()) {
            (false, true) => format!(
                "{by} asks for {what} before anything enters environment {environment}, and `verify` of stage {without} has none"
            ),
            _ => format!(
                "{by} asks for {what} before anything enters environment {environment}, and neither that nor stage {key} has one{before}"
            ),
        };
        Lacking {
            why,
            mend: self.mend(kind, environment, &without),
        }
    }

    fn mend(&self, kind: GuardedKind, environment: &Name, without: &str) -> String {
        let file = self.docs.pipelines.get(&self.key.pipeline);
        let file = file.map_or_else(String::new, |located| format!(" in {}", located.path));
        let floor = self.docs.environments.get(environment);
        let floor = floor.map_or_else(String::new, |located| format!("{} or ", located.path));
        let stage = &self.key.stage;
        let enter = format!("write `- {kind}: ...` under `enter` of {floor}of stage {stage}{file}");
        let verify = format!("write `- {kind}: ...` under `verify` of stage {without}{file}");
        match (kind, kind.may_enter(), kind.may_verify()) {
            (GuardedKind::Approvals, _, _) => format!(
                "write `approvals: {{count: 1, from: [...]}}` in {floor}at stage {stage}{file}"
            ),
            (_, true, true) => format!("{enter}, or {verify}"),
            (_, true, false) => enter,
            (_, false, _) => verify,
        }
    }
}

#[cfg(test)]
mod tests;
