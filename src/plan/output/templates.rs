//! Templates of one plan: compiled once, whoever uses them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Stop;
use super::template::TemplateSet;
use crate::model::Name;
use crate::plan::desk::Desk;

/// Compiled templates, kept for one plan.
#[derive(Default)]
pub struct Templates {
    compiled: BTreeMap<Name, Result<Arc<TemplateSet>, Stop>>,
}

impl Templates {
    pub(super) fn get(
        &mut self,
        kind: &Name,
        desk: &mut Desk<'_>,
    ) -> Result<Arc<TemplateSet>, Stop> {
        if let Some(known) = self.compiled.get(kind) {
            return known.clone();
        }
        let compiled = compile(kind, desk);
        self.compiled.insert(kind.clone(), compiled.clone());
        compiled
    }
}

fn compile(kind: &Name, desk: &mut Desk<'_>) -> Result<Arc<TemplateSet>, Stop> {
    let broken = |why: String| Stop::Broken { why, help: None };
    let folder = desk
        .docs
        .config
        .spec
        .paths
        .templates
        .join(kind.as_str())
        .map_err(|e| broken(e.to_string()))?;
    let files: Vec<_> = desk
        .obs
        .snapshot
        .below(&folder)
        .map(|(p, e)| (p.clone(), e.blob.clone()))
        .collect();
    if files.is_empty() {
        return Err(broken(format!("there is no template `{kind}` ({folder}/)")));
    }
    let mut texts = BTreeMap::new();
    let mut asking = false;
    for (path, blob) in files {
        let name = path.as_str()[folder.as_str().len() + 1..].to_owned();
        match desk.text(&blob) {
            None => asking = true,
            Some(None) => return Err(broken(format!("{path} cannot be read as text"))),
            Some(Some(text)) => {
                texts.insert(name, text.to_string());
            }
        }
    }
    if asking {
        return Err(Stop::Asking);
    }
    TemplateSet::compile(kind, texts)
        .map(Arc::new)
        .map_err(|error| {
            let place = error.problem().map_or_else(String::new, |p| {
                let line = p.line.map_or_else(String::new, |l| format!(":{l}"));
                format!("templates/{kind}/{}{line}: ", p.file)
            });
            Stop::Broken {
                why: format!("{place}{error}"),
                help: error.problem().and_then(|p| p.help.clone()),
            }
        })
}
