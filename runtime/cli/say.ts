import type { Context } from "../../compiler/cli/context.ts";
import { visibleLines } from "../../compiler/diagnostics/visible.ts";

/** What commands say beside `remark`: all of it on standard error, but the one JSON document. */

/** What went wrong; also with `--quiet`. */
export async function complain(context: Context, text: string): Promise<void> {
  await context.io.stderr.write(`${context.paint.error("error")}: ${visibleLines(text)}\n`);
}

/** For people; `--quiet` and `--json` leave it out. */
export async function warn(context: Context, text: string): Promise<void> {
  await say(context, context.paint.warning("warning"), text);
}

/** What was found and done beside the work; `--quiet` and `--json` leave it out. */
export async function note(context: Context, text: string): Promise<void> {
  await say(context, context.paint.note("note"), text);
}

async function say(context: Context, kind: string, text: string): Promise<void> {
  if (!context.quiet && !context.json) await context.io.stderr.write(`${kind}: ${visibleLines(text)}\n`);
}

/** One JSON document on standard output. */
export async function printJson(context: Context, value: unknown): Promise<void> {
  await context.io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
