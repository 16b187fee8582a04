import type { Context } from "./context.ts";

/** One line on a terminal that the next one replaces; an empty text clears it. Nothing in a pipe. */
export async function showProgress(context: Context, text: string): Promise<void> {
  if (!context.io.stderr.isTerminal || context.quiet || context.json) return;
  await context.io.stderr.write(`\r\u001b[K${text}`);
}
