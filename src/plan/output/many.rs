//! Many applications at once. Rendering is computing alone, so it is spread over the machine's processors; what is asked
//! and told comes from one thread and in order, so that the plan is the same however many there are.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::recipe::Rendered;
use super::{Begun, Looked, Templates, Work, begin, stopped, subject};
use crate::model::{Application, Environment, PinnedImage, TagKey};
use crate::plan::desk::Desk;
use crate::plan::shield::{hold, shielded};

/// So many are rendered before the first of them is compared: their texts are in memory together.
const AT_ONCE: usize = 256;
/// Fewer are not worth waking other threads.
const FEW: usize = 16;

/// Threads to render on; none where none can be started, as under a tight limit of processes.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let named = |index| format!("render-{index}");
    ThreadPoolBuilder::new().thread_name(named).build().ok()
});

/// What a panic left in place of a result.
type Panic = Box<dyn Any + Send>;

/// Renders applications and compares them with what is there, as `look` does with one. The results are in their order.
pub(super) fn look_at_all<'a>(
    applications: &[(&'a Environment, &'a Application)],
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'a>,
) -> Vec<Looked> {
    let chunks = applications.chunks(AT_ONCE);
    chunks
        .flat_map(|chunk| look_at_some(chunk, heads, templates, desk))
        .collect()
}

fn look_at_some<'a>(
    applications: &[(&'a Environment, &'a Application)],
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'a>,
) -> Vec<Looked> {
    let begun = applications.iter().map(|(environment, application)| {
        let subject = || subject(environment, application);
        let begun = shielded(subject, desk, |desk| {
            begin(environment, application, heads, templates, desk)
        });
        begun.unwrap_or_else(|hold| Begun::Known(stopped(*hold)))
    });
    let ready = render(begun.collect()).into_iter().zip(applications);
    ready
        .map(|(ready, (environment, application))| {
            let subject = || subject(environment, application);
            let looked = match ready {
                Ready::Known(looked) => Ok(looked),
                Ready::Rendered(work, Ok(rendered)) => {
                    shielded(subject, desk, |desk| work.end(rendered, desk))
                }
                Ready::Rendered(_, Err(panic)) => Err(hold(subject(), &*panic)),
            };
            looked.unwrap_or_else(|hold| stopped(*hold))
        })
        .collect()
}

/// How far an application comes without asking.
enum Ready<'a, 'h> {
    Known(Looked),
    Rendered(Box<Work<'a, 'h>>, Result<Rendered, Panic>),
}

/// Renders what is to be rendered, side by side if that is worth it.
fn render<'a, 'h>(begun: Vec<Begun<'a, 'h>>) -> Vec<Ready<'a, 'h>> {
    let one = |begun| match begun {
        Begun::Known(looked) => Ready::Known(looked),
        Begun::ToRender(work) => {
            let render = AssertUnwindSafe(|| work.recipe.render(&work.lookup));
            let rendered = catch_unwind(render);
            Ready::Rendered(work, rendered)
        }
    };
    let work = begun.iter().filter(|b| matches!(b, Begun::ToRender(_)));
    let pool = if work.count() < FEW { &None } else { &*POOL };
    match pool {
        Some(pool) => pool.install(|| begun.into_par_iter().map(one).collect()),
        None => begun.into_iter().map(one).collect(),
    }
}
