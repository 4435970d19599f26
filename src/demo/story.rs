//! The story: builds of one service on their way to prod, one refused, one taken back. Each chapter says what happens,
//! types the commands, and checks the outcome.

use std::path::Path;

use super::keep;
use super::proof::{offered, one_digest, pull_request, stands};
use super::shell::{Shell, Show};
use super::world::{LENA, MARA, World};
use crate::cli::{CliError, Context};
use crate::model::Digest;
use crate::plan::State;

const RUN: [&str; 2] = ["headwater", "run"];
const STATUS: [&str; 2] = ["headwater", "status"];
/// Where everything wants to go.
const PROD: &str = "myapp/prod";

/// Tells the whole story.
///
/// # Errors
/// When a part does not work, or the story goes otherwise than it should.
pub async fn tell(context: &Context, keep: Option<&Path>) -> Result<(), CliError> {
    let shell = Shell::new(context);
    let mut world = World::make(keep).await?;
    shell.line(
        "A bare Git repository with this project's own pipelines/, templates/ and environments/, a clone of it in which commands\n\
         are typed, and a registry in memory. The clock begins on Mon 5 Jan 2026 at 09:00 UTC. Of each run you see what it did\n\
         and its last line.",
    );
    let first = first_build(&shell, &mut world).await?;
    first_promotion(&shell, &mut world, &first).await?;
    let second = second_build(&shell, &mut world).await?;
    bad_build(&shell, &mut world, &second).await?;
    going_back(&shell, &mut world, &first).await?;
    let pull = going_on(&shell, &mut world).await?;
    end(&shell, &world, keep.map(|_| pull.as_str()))
}

async fn first_build(shell: &Shell<'_>, world: &mut World) -> Result<Digest, CliError> {
    world.vendor();
    let pushed = world.build("1.2.0", "passed");
    shell.happens(
        world,
        "Build 1.2.0 is pushed to registry.example/acme/myapp:main, tests passed. A vendor's keycloak is there too.",
    );
    shell.run(world, &RUN, Show::Deeds).await?;
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
    let why = ["headwater", "why", PROD];
    shell.run(world, &why, Show::All).await?;
    stands(&world.look().await?, PROD, State::Waiting, None)?;
    Ok(pushed)
}

async fn first_promotion(
    shell: &Shell<'_>,
    world: &mut World,
    pushed: &Digest,
) -> Result<(), CliError> {
    world.advance(90);
    shell.happens(world, "It is two hours old: prod gets a pull request.");
    shell.run(world, &RUN, Show::Deeds).await?;
    let id = pull_request(&world.look().await?, PROD)?;
    let list = ["headwater", "pr", "list"];
    shell.run(world, &list, Show::All).await?;
    let show = ["headwater", "pr", "show", &id];
    shell.run(world, &show, Show::First(4)).await?;

    world.advance(5);
    shell.happens(
        world,
        "Lena, who may release, approves; the next run merges.",
    );
    approve_and_run(shell, world, &id).await?;
    let look = world.look().await?;
    stands(&look, PROD, State::Settled, Some("1.2.0"))?;

    shell.say("The proof, read from the registry and from Git: one digest, behind every tag and in every manifest.");
    let environments = ["dev", "qa", "prod"];
    let tags = ["latest-dev", "qa-stable", "prod", "prod-v1.2"];
    offered(world, pushed)?;
    let lines = one_digest(world, &look, pushed, &environments, &tags).await?;
    lines.iter().for_each(|line| shell.line(line));
    Ok(())
}

async fn approve_and_run(shell: &Shell<'_>, world: &World, id: &str) -> Result<(), CliError> {
    world.at_the_keyboard(LENA)?;
    let approve = ["headwater", "pr", "approve", id];
    shell.run(world, &approve, Show::All).await?;
    shell.run(world, &RUN, Show::Deeds).await
}

async fn second_build(shell: &Shell<'_>, world: &mut World) -> Result<Digest, CliError> {
    world.advance(110);
    let pushed = world.build("1.2.1", "passed");
    shell.happens(world, "Build 1.2.1 is pushed, tests passed.");
    shell.run(world, &RUN, Show::Deeds).await?;
    stands(
        &world.look().await?,
        "myapp/qa",
        State::Settled,
        Some("1.2.1"),
    )?;

    world.advance(125);
    shell.happens(world, "It goes the same way.");
    shell.run(world, &RUN, Show::Deeds).await?;
    let id = pull_request(&world.look().await?, PROD)?;
    approve_and_run(shell, world, &id).await?;
    let look = world.look().await?;
    stands(&look, PROD, State::Settled, Some("1.2.1"))?;
    one_digest(world, &look, &pushed, &["dev", "qa", "prod"], &["prod"]).await?;
    Ok(pushed)
}

async fn bad_build(shell: &Shell<'_>, world: &mut World, second: &Digest) -> Result<(), CliError> {
    world.advance(55);
    let pushed = world.build("1.2.2", "failed");
    shell.happens(world, "Build 1.2.2 is pushed, tests failed.");
    shell.run(world, &RUN, Show::Deeds).await?;
    world.advance(125);
    shell.happens(world, "However old it gets, it does not enter prod.");
    shell.run(world, &RUN, Show::Deeds).await?;
    shell.run(world, &STATUS, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/qa", State::Refused, Some("1.2.2"))?;
    stands(&look, PROD, State::Refused, Some("1.2.1"))?;
    one_digest(world, &look, &pushed, &["dev", "qa"], &["qa-stable"]).await?;
    one_digest(world, &look, second, &["prod"], &["prod"]).await?;
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
        PROD,
        "--reason",
        reason,
        "--push",
        "--yes",
    ];
    shell.run(world, &rollback, Show::All).await?;
    let look = world.look().await?;
    stands(&look, PROD, State::Held, Some("1.2.0"))?;
    one_digest(world, &look, first, &["prod"], &["prod"]).await?;
    Ok(())
}

async fn going_on(shell: &Shell<'_>, world: &mut World) -> Result<String, CliError> {
    world.advance(25);
    world.build("1.2.3", "passed");
    shell.happens(world, "Build 1.2.3 is pushed, tests passed.");
    shell.run(world, &RUN, Show::Deeds).await?;
    world.advance(125);
    shell.happens(
        world,
        "It passed qa, and prod stays as it is: going back sticks until somebody lifts it.",
    );
    shell.run(world, &RUN, Show::Deeds).await?;
    shell.run(world, &STATUS, Show::All).await?;
    let look = world.look().await?;
    stands(&look, "myapp/qa", State::Settled, Some("1.2.3"))?;
    stands(&look, PROD, State::Held, Some("1.2.0"))?;

    let reason = "1.2.3 mends INC-7";
    let unhold = [
        "headwater",
        "unhold",
        PROD,
        "--reason",
        reason,
        "--push",
        "--yes",
    ];
    shell.say("Mara lifts it, and 1.2.3 gets its pull request.");
    shell.run(world, &unhold, Show::All).await?;
    shell.run(world, &RUN, Show::Deeds).await?;
    let look = world.look().await?;
    stands(&look, PROD, State::Waiting, Some("1.2.0"))?;
    pull_request(&look, PROD)
}

/// What to do next. `kept` is the open pull request of a repository that is kept.
fn end(shell: &Shell<'_>, world: &World, kept: Option<&str>) -> Result<(), CliError> {
    if let Some(pull) = kept {
        keep::leave(world, pull)?;
        shell.say(
            "All of it stays in the folder; its README.md says what is what. What to type next:",
        );
        for command in keep::next(world.root()) {
            shell.line(&command);
        }
    } else {
        shell.say("Nothing of it is kept. What to type next:");
        shell.line(
            "headwater demo --keep DIR   # the same story, and its repository to look around in",
        );
    }
    shell.line("headwater check             # in a repository of your own; the README says how to begin one");
    Ok(())
}
