// Cuts out of GitHub's published GraphQL schema the types that the model of GitHub speaks, with all of their fields.
//
//   npm pack @octokit/graphql-schema@15.26.1 && tar xzf octokit-graphql-schema-15.26.1.tgz
//   node graphql.mjs package/schema.json > graphql.json
import { readFileSync } from "node:fs";

const wanted = `
Query Mutation Repository PullRequest PullRequestConnection PullRequestEdge PullRequestReview PullRequestReviewConnection
PullRequestReviewEdge IssueCommentConnection IssueComment LabelConnection Label PageInfo Ref Commit GitObject RateLimit User
Bot Actor RepositoryOwner Organization CreateCommitOnBranchInput CreateCommitOnBranchPayload CommittableBranch
CommitMessage FileChanges FileAddition FileDeletion GitActor Tree UserContentEdit UserContentEditConnection
EnqueuePullRequestInput EnqueuePullRequestPayload MergeQueueEntry
PullRequestTimelineItemsConnection RemovedFromMergeQueueEvent Status StatusContext
`.trim().split(/\s+/);

const only = { Query: ["repository", "viewer", "rateLimit"], Mutation: ["createCommitOnBranch", "enqueuePullRequest"] };

const name = (type) =>
  type.kind === "NON_NULL" ? `${name(type.ofType)}!` : type.kind === "LIST" ? `[${name(type.ofType)}]` : type.name;

const whole = JSON.parse(readFileSync(process.argv[2], "utf8")).__schema;
const types = {};
for (const wantedName of wanted.sort()) {
  const type = whole.types.find((candidate) => candidate.name === wantedName);
  if (!type) throw new Error(`there is no type ${wantedName}`);
  const fields = (type.fields ?? type.inputFields).filter((field) => only[wantedName]?.includes(field.name) ?? true);
  types[wantedName] = Object.fromEntries(fields.map((field) => {
    const given = Object.fromEntries((field.args ?? []).map((argument) => [argument.name, name(argument.type)]));
    return [field.name, { type: name(field.type), ...(Object.keys(given).length ? { args: given } : {}) }];
  }));
}
process.stdout.write(`${JSON.stringify(types)}\n`);
