// Prints `N passed, N failed` from vitest's JSON report. Fails when a test failed, was skipped, or none ran.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const files = report.testResults ?? [];
const tests = files.flatMap((file) => (file.assertionResults ?? []).map((test) => ({ ...test, file: file.name })));
const passed = tests.filter((test) => test.status === "passed").length;
const others = tests.filter((test) => test.status !== "passed");
// a file that cannot be loaded has no tests, and failed all the same
const broken = files.filter((file) => file.status === "failed" && (file.assertionResults ?? []).length === 0);
for (const test of others) console.log(`${test.status}: ${test.file}: ${test.fullName}`);
for (const file of broken) console.log(`failed to load: ${file.name}`);
const failed = others.length + broken.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
