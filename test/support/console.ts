/** Examples in documents: blocks that hold lines with `$ ` and what they print. */

export interface Example {
  readonly command: string;
  /** Numbers of the first line of the expected output and of the line after it. */
  readonly first: number;
  readonly end: number;
}

/** Where the blocks of a language begin and end: the line after the opening fence, the line of the closing one. */
export function blocks(lines: readonly string[], language: string): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (lines[at] !== `\`\`\`${language}`) continue;
    const end = lines.indexOf("```", at + 1);
    found.push([at + 1, end]);
    at = end;
  }
  return found;
}

export function examplesOf(lines: readonly string[], language: string): readonly Example[] {
  return blocks(lines, language).flatMap(([start, end]) => {
    const examples: Example[] = [];
    for (let at = start; at < end; ) {
      const command = (lines[at] ?? "").slice(2);
      let next = at + 1;
      while (next < end && !lines[next]?.startsWith("$ ")) next++;
      examples.push({ command, first: at + 1, end: next });
      at = next;
    }
    return examples;
  });
}

/** Whether an output is the expected one: a line of `...` stands for any lines, `…` in a line for any text. */
export function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const escaped = expected.map((line) =>
    line === "..." ? "(?:.*\n)*?" : `${line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", ".*")}\n`,
  );
  return new RegExp(`^${escaped.join("")}$`).test(actual.map((line) => `${line}\n`).join(""));
}
