// Prints `N passed, N failed` from vitest's JSON report. A skipped test counts as failed, with one exception: there is
// nothing to load where a backend refuses a fixture, which its golden files say and other tests hold it to.
import { existsSync, readdirSync, readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const files = report.testResults ?? [];
const tests = files.flatMap((file) => (file.assertionResults ?? []).map((test) => ({ ...test, file: file.name })));

function isRefused(test) {
  const [, fixture, node] = /(?:^| )(\d\d-[\w-]+) on ([\w.-]+)/.exec(test.fullName) ?? [];
  const folder = `fixtures/${fixture}/expected/${node}`;
  if (test.status === "failed" || !test.file.includes("/test/kernel/") || !existsSync(folder)) return false;
  const findings = readdirSync(folder).filter((name) => name.endsWith(".diagnostics.txt"));
  return findings.some((name) => /^error\[/m.test(readFileSync(`${folder}/${name}`, "utf8")));
}

const passed = tests.filter((test) => test.status === "passed");
const refused = tests.filter((test) => test.status !== "passed" && isRefused(test));
const failed = tests.filter((test) => test.status !== "passed" && !refused.includes(test));
// a file that cannot be loaded has no tests, and failed all the same
const broken = files.filter((file) => file.status === "failed" && (file.assertionResults ?? []).length === 0);

for (const test of refused) console.log(`nothing to load, the backend refuses it: ${test.fullName}`);
for (const test of failed) console.log(`${test.status}: ${test.file}: ${test.fullName}`);
for (const file of broken) console.log(`failed to load: ${file.name}`);
console.log(`${passed.length} passed, ${failed.length + broken.length} failed`);
process.exitCode = failed.length + broken.length > 0 || passed.length === 0 ? 1 : 0;
