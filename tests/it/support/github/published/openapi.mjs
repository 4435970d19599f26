// Cuts out of GitHub's published description of its REST API what the model of GitHub speaks: the operations below and
// what they reach, without examples and explanations.
//
//   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//   node openapi.mjs package/generated/api.github.com.json > openapi.json
import { readFileSync } from "node:fs";

const operations = `
GET /app
GET /repos/{owner}/{repo}/installation
POST /app/installations/{installation_id}/access_tokens
GET /user
GET /users/{username}
GET /rate_limit
GET /orgs/{org}/teams/{team_slug}/members
GET /repos/{owner}/{repo}
GET /repos/{owner}/{repo}/collaborators/{username}/permission
GET /repos/{owner}/{repo}/branches/{branch}
GET /repos/{owner}/{repo}/branches/{branch}/protection
GET /repos/{owner}/{repo}/rules/branches/{branch}
GET /repos/{owner}/{repo}/git/ref/{ref}
GET /repos/{owner}/{repo}/git/matching-refs/{ref}
POST /repos/{owner}/{repo}/git/refs
PATCH /repos/{owner}/{repo}/git/refs/{ref}
DELETE /repos/{owner}/{repo}/git/refs/{ref}
GET /repos/{owner}/{repo}/commits
GET /repos/{owner}/{repo}/commits/{ref}
GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls
GET /repos/{owner}/{repo}/commits/{ref}/check-runs
GET /repos/{owner}/{repo}/commits/{ref}/status
GET /repos/{owner}/{repo}/commits/{ref}/statuses
POST /repos/{owner}/{repo}/statuses/{sha}
POST /repos/{owner}/{repo}/check-runs
PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
GET /repos/{owner}/{repo}/deployments
POST /repos/{owner}/{repo}/deployments
GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs
POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches
GET /repos/{owner}/{repo}/pulls
POST /repos/{owner}/{repo}/pulls
GET /repos/{owner}/{repo}/pulls/{pull_number}
PATCH /repos/{owner}/{repo}/pulls/{pull_number}
GET /repos/{owner}/{repo}/pulls/{pull_number}/merge
PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge
PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch
GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews
POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews
PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals
GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers
POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers
DELETE /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers
GET /repos/{owner}/{repo}/issues/{issue_number}
PATCH /repos/{owner}/{repo}/issues/{issue_number}
GET /repos/{owner}/{repo}/issues/{issue_number}/labels
POST /repos/{owner}/{repo}/issues/{issue_number}/labels
PUT /repos/{owner}/{repo}/issues/{issue_number}/labels
GET /repos/{owner}/{repo}/issues/{issue_number}/comments
GET /repos/{owner}/{repo}/issues/{issue_number}/timeline
POST /repos/{owner}/{repo}/issues/{issue_number}/comments
PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
`.trim().split("\n").map((line) => line.split(" "));

const noise = new Set(["description", "summary", "example", "examples", "externalDocs", "tags", "deprecated"]);

/** A copy without noise; below `properties` every key is a name and stays. */
function lean(value, names = false) {
  if (Array.isArray(value)) return value.map((item) => lean(item));
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([key]) => names || !(noise.has(key) || key.startsWith("x-")));
  return Object.fromEntries(kept.map(([key, item]) => [key, lean(item, !names && key === "properties")]));
}

const whole = JSON.parse(readFileSync(process.argv[2], "utf8"));
const paths = {};
for (const [method, path] of operations) {
  const operation = whole.paths[path]?.[method.toLowerCase()];
  if (!operation) throw new Error(`there is no ${method} ${path}`);
  const { operationId, parameters, requestBody, responses } = operation;
  (paths[path] ??= {})[method.toLowerCase()] = lean({ operationId, parameters, requestBody, responses });
}

const components = {};
const waiting = [paths];
while (waiting.length) {
  const value = waiting.pop();
  if (value === null || typeof value !== "object") continue;
  if (typeof value.$ref === "string") {
    const [kind, name] = value.$ref.replace("#/components/", "").split("/");
    if (!components[kind]?.[name]) {
      (components[kind] ??= {})[name] = lean(whole.components[kind][name]);
      waiting.push(components[kind][name]);
    }
  }
  waiting.push(...Object.values(value));
}

const sorted = (map) => Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
const out = {
  openapi: whole.openapi,
  info: { title: whole.info.title, version: whole.info.version, license: whole.info.license },
  paths: sorted(paths),
  components: sorted(Object.fromEntries(Object.entries(components).map(([kind, map]) => [kind, sorted(map)]))),
};
process.stdout.write(`${JSON.stringify(out)}\n`);
