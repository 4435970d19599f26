//! The story: builds of one service on their way to prod, one refused, one taken back. Each chapter says what happens,
//! types the commands, and checks the outcome.

use std::path::Path;

use super::keep;
use super::proof::{one_digest, pull_request, stands};
use super::shell::{Shell, Show, unexpected};
use super::world::{LENA, MARA, World};
use crate::cli::output::Style;
use crate::cli::{CliError, Context};
use crate::model::Digest;
use crate::plan::State;

const RUN: [&str; 2] = ["headwater", "run"];
const STATUS: [&str; 2] = ["headwater", "status"];

/// Tells the whole story.
///
/// # Errors
/// When a part does not work, or the story goes otherwise than it should.
pub async fn tell(context: &Context, keep: Option<&Path>) -> Result<(), CliError> {
    let shell = Shell::new(context);
    let mut world = World::make(keep).await?;
    shell.line(
        "A bare Git repository with this project's own pipelines/, templates/ and environments/, a person's clone of it, and a\n\
         registry in memory. The clock begins on Mon 5 Jan 2026 at 09:00 UTC. Commands are typed in the clone.",
    );
    let first = first_build(&shell, &mut world).await?;
    first_promotion(&shell, &mut world, &first).await?;
    second_build(&shell, &mut world).await?;
    bad_build(&shell, &mut world).await?;
    going_back(&shell, &mut world, &first).await?;
    going_on(&shell, &mut world).await?;
    end(&shell, &world, keep)
}

async fn first_build(shell: &Shell<'_>, world: &mut World) -> Result<Digest, CliError> {
    world.vendor();
    let pushed = world.build("1.2.0", "passed");
    shell.happens(
        world,
        "Build 1.2.0 of myapp is pushed to registry.example/acme/myapp:main; its tests passed. A vendor's keycloak is there too.",
    );
    shell.run(world, &RUN, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/dev", State::Settled, Some("1.2.0"))?;
    stands(&look, "myapp/qa", State::Settled, Some("1.2.0"))?;
    stands(&look, "keycloak/vendor", State::Settled, Some("25.0.2"))?;
    stands(&look, "keycloak/prod", State::Waiting, None)?;

    world.advance(35);
    shell.happens(
        world,
        "It has been in qa for half an hour. Why is it not in prod?",
    );
    let why = ["headwater", "why", "myapp/prod"];
    shell.run(world, &why, Show::All).await?;
    stands(&world.look().await?, "myapp/prod", State::Waiting, None)?;
    Ok(pushed)
}

async fn first_promotion(
    shell: &Shell<'_>,
    world: &mut World,
    pushed: &Digest,
) -> Result<(), CliError> {
    world.advance(90);
    shell.happens(
        world,
        "It is two hours old: a pull request is opened for prod.",
    );
    shell.run(world, &RUN, Show::All).await?;
    let id = pull_request(&world.look().await?, "myapp/prod")?;
    let list = ["headwater", "pr", "list"];
    shell.run(world, &list, Show::All).await?;
    let show = ["headwater", "pr", "show", &id];
    shell.run(world, &show, Show::First(12)).await?;

    world.advance(5);
    shell.happens(
        world,
        "Lena, who may release, approves. The next pass merges.",
    );
    approve_and_run(shell, world, &id).await?;
    let look = world.look().await?;
    stands(&look, "myapp/prod", State::Settled, Some("1.2.0"))?;

    shell.say("The proof: one digest in the registry, behind every tag, and in every manifest, read from Git.");
    let (places, tags) = (
        ["dev", "qa", "prod"],
        ["latest-dev", "qa-stable", "prod", "prod-v1.2"],
    );
    let lines = one_digest(world, &look, pushed, &places, &tags).await?;
    if lines.len() != 1 + places.len() + tags.len() {
        return Err(unexpected("the registry to offer that build still"));
    }
    lines.iter().for_each(|line| shell.line(line));
    Ok(())
}

async fn approve_and_run(shell: &Shell<'_>, world: &World, id: &str) -> Result<(), CliError> {
    world.at_the_keyboard(LENA)?;
    let approve = ["headwater", "pr", "approve", id];
    shell.run(world, &approve, Show::All).await?;
    shell.run(world, &RUN, Show::All).await
}

async fn second_build(shell: &Shell<'_>, world: &mut World) -> Result<(), CliError> {
    world.advance(110);
    let pushed = world.build("1.2.1", "passed");
    shell.happens(world, "Build 1.2.1 is pushed; its tests passed.");
    shell.run(world, &RUN, Show::All).await?;
    stands(
        &world.look().await?,
        "myapp/qa",
        State::Settled,
        Some("1.2.1"),
    )?;

    world.advance(125);
    shell.happens(
        world,
        "Two hours later it goes the same way: pull request, approval, prod.",
    );
    shell.run(world, &RUN, Show::All).await?;
    let id = pull_request(&world.look().await?, "myapp/prod")?;
    approve_and_run(shell, world, &id).await?;
    let look = world.look().await?;
    stands(&look, "myapp/prod", State::Settled, Some("1.2.1"))?;
    one_digest(world, &look, &pushed, &["dev", "qa", "prod"], &["prod"]).await?;
    Ok(())
}

async fn bad_build(shell: &Shell<'_>, world: &mut World) -> Result<(), CliError> {
    world.advance(55);
    let pushed = world.build("1.2.2", "failed");
    shell.happens(world, "Build 1.2.2 is pushed. Its tests failed.");
    shell.run(world, &RUN, Show::All).await?;
    world.advance(125);
    shell.happens(world, "However long it waits, it stays out of prod.");
    shell.run(world, &STATUS, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/qa", State::Refused, Some("1.2.2"))?;
    stands(&look, "myapp/prod", State::Refused, Some("1.2.1"))?;
    one_digest(world, &look, &pushed, &["dev", "qa"], &["qa-stable"]).await?;
    if one_digest(world, &look, &pushed, &["prod"], &["prod"])
        .await
        .is_ok()
    {
        return Err(unexpected("the refused build to stay out of prod"));
    }
    Ok(())
}

async fn going_back(shell: &Shell<'_>, world: &mut World, first: &Digest) -> Result<(), CliError> {
    world.advance(55);
    shell.happens(
        world,
        "1.2.1 turns out to be bad in prod. Mara, on call, goes back at once.",
    );
    world.at_the_keyboard(MARA)?;
    let reason = "login fails, INC-7";
    let rollback = [
        "headwater",
        "rollback",
        "myapp/prod",
        "--reason",
        reason,
        "--push",
        "--yes",
    ];
    shell.run(world, &rollback, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/prod", State::Held, Some("1.2.0"))?;
    one_digest(world, &look, first, &["prod"], &["prod"]).await?;
    Ok(())
}

async fn going_on(shell: &Shell<'_>, world: &mut World) -> Result<(), CliError> {
    world.advance(25);
    world.build("1.2.3", "passed");
    shell.happens(world, "Build 1.2.3 is pushed; its tests passed.");
    shell.run(world, &RUN, Show::All).await?;
    world.advance(125);
    shell.happens(
        world,
        "It has passed qa, and prod stays as it is: going back sticks until somebody lifts it.",
    );
    shell.run(world, &STATUS, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/qa", State::Settled, Some("1.2.3"))?;
    stands(&look, "myapp/prod", State::Held, Some("1.2.0"))?;

    let reason = "1.2.3 mends INC-7";
    let unhold = [
        "headwater",
        "unhold",
        "myapp/prod",
        "--reason",
        reason,
        "--push",
        "--yes",
    ];
    shell.say("Mara lifts it; 1.2.3 gets its pull request.");
    shell.run(world, &unhold, Show::All).await?;
    shell.run(world, &RUN, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/prod", State::Waiting, Some("1.2.0"))?;
    pull_request(&look, "myapp/prod")?;
    Ok(())
}

fn end(shell: &Shell<'_>, world: &World, keep: Option<&Path>) -> Result<(), CliError> {
    shell.say(&Style::Bold.paint("What to type next"));
    if keep.is_some() {
        keep::leave(world)?;
        for command in keep::next(world.root()) {
            shell.line(&command);
        }
    } else {
        shell.line("headwater demo --keep DIR    # the same, and the repository stays in DIR to look around in");
    }
    shell.line("headwater check              # in a repository of your own; the README shows what belongs into it");
    Ok(())
}
