/** One change of one artifact file, as a slip of a lowering, a printer or a hand could make it. */
export interface Change {
  readonly operator: string;
  /** From 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** The whole file with the change. */
  readonly text: string;
}

/** How a word of a line is changed; `change` returns null where there is nothing to change. */
interface WordOperator {
  readonly name: string;
  readonly word: RegExp;
  readonly change: (match: readonly string[]) => string | null;
}

const swapped =
  (pairs: Readonly<Record<string, string>>) =>
  ([word = ""]: readonly string[]) =>
    pairs[word] ?? null;

/** The number a little further on, within what the word may be. */
function next(text: string, most: number): string {
  const value = Number(text);
  return String(value < most ? value + 1 : value - 1);
}

function flippedBit(hex: string): string {
  return `0x${(BigInt(hex) ^ 0x1000n).toString(16).padStart(hex.length - 2, "0")}`;
}

const verdicts = { DROP: "ACCEPT", ACCEPT: "RETURN", RETURN: "ACCEPT", REJECT: "DROP", MASQUERADE: "ACCEPT" } as const;
const nftVerdicts = { drop: "accept", reject: "drop", return: "accept", accept: "drop" } as const;
const methods = { masq: "route", route: "tunnel", tunnel: "masq" } as const;
const schedulers = { wrr: "rr", rr: "wrr", sh: "rr", lc: "rr", wlc: "rr" } as const;

const words: readonly WordOperator[] = [
  {
    name: "address",
    word: /(?<![\d.])(\d+\.\d+\.\d+\.)(\d+)(?![\d./])/g,
    change: ([, net = "", host = ""]) => `${net}${Number(host) ^ 1}`,
  },
  {
    name: "address",
    word: /(?<=::)([0-9a-f]{1,4})(?![0-9a-f:])/g,
    change: ([word = ""]) => (Number.parseInt(word, 16) ^ 1).toString(16),
  },
  {
    name: "mask",
    word: /(?<=[0-9a-f:.]\/)(\d{1,3})(?![\d/x])/g,
    change: ([word = ""]) => (word === "0" ? null : String(Number(word) - 1)),
  },
  {
    name: "port",
    word: /(?<=--dport |,tcp:|,udp:|,sctp:|ort":\s?|destination \d+\.\d+\.\d+\.\d+:|(?:tcp|udp|sctp) \. )(\d+)/g,
    change: ([word = ""]) => next(word, 65535),
  },
  { name: "port", word: /(?<= : \d+\.\d+\.\d+\.\d+ \. )(\d+)/g, change: ([word = ""]) => next(word, 65535) },
  { name: "mark", word: /0x[0-9a-f]+/g, change: ([word = ""]) => flippedBit(word) },
  { name: "verdict", word: /(?<=-j )(DROP|ACCEPT|RETURN|REJECT|MASQUERADE)\b/g, change: swapped(verdicts) },
  { name: "verdict", word: /\b(drop|reject|return)\b(?![- ]*[a-z]*["])/g, change: swapped(nftVerdicts) },
  { name: "verdict", word: /\b masquerade fully-random/g, change: () => " accept" },
  { name: "jump-goto", word: /-j (?=WEIR)/g, change: () => "-g " },
  { name: "jump-goto", word: /-g (?=WEIR)/g, change: () => "-j " },
  { name: "jump-goto", word: /\b(jump|goto)\b/g, change: swapped({ jump: "goto", goto: "jump" }) },
  { name: "protocol", word: /(?<=-p |,)(tcp|udp)\b/g, change: swapped({ tcp: "udp", udp: "tcp" }) },
  { name: "protocol", word: /(?<= )(tcp|udp)(?= \.)/g, change: swapped({ tcp: "udp", udp: "tcp" }) },
  { name: "protocol", word: /(?<="protocol":\s?")(tcp|udp)/g, change: swapped({ tcp: "udp", udp: "tcp" }) },
  {
    name: "family",
    word: /\b(ipv4_addr|ip6?(?= [sd]addr)|ip(?= weir))/g,
    change: swapped({ ipv4_addr: "ipv6_addr", ip: "ip6", ip6: "ip" }),
  },
  { name: "family", word: /(?<="family":\s?")(ipv4|ipv6)/g, change: swapped({ ipv4: "ipv6", ipv6: "ipv4" }) },
  { name: "family", word: /(?<=family )(inet6?)/g, change: swapped({ inet: "inet6", inet6: "inet" }) },
  { name: "probability", word: /(?<=--probability 0\.)(\d)/g, change: ([word = ""]) => next(word, 9) },
  { name: "probability", word: /(?<=numgen random mod )(\d+)/g, change: ([word = ""]) => String(Number(word) + 1) },
  { name: "negation", word: /! (?=-d|-s|--match-set)/g, change: () => "" },
  { name: "negation", word: /(?<= )!= /g, change: () => "" },
  {
    name: "state",
    word: /(?<=--ctstate )(NEW|DNAT|RELATED)/g,
    change: swapped({ NEW: "ESTABLISHED", DNAT: "NEW", RELATED: "NEW" }),
  },
  { name: "direction", word: /(?<=[ ,])(src|dst)(?=[ ,]|$)/g, change: swapped({ src: "dst", dst: "src" }) },
  { name: "direction", word: /\b(saddr|daddr)\b/g, change: swapped({ saddr: "daddr", daddr: "saddr" }) },
  {
    name: "direction",
    word: /--(src|dst)-type/g,
    change: swapped({ "--src-type": "--dst-type", "--dst-type": "--src-type" }),
  },
  {
    name: "hook",
    word: /(?<=hook )(prerouting|output|postrouting)/g,
    change: swapped({ prerouting: "postrouting", output: "prerouting", postrouting: "output" }),
  },
  {
    name: "hook",
    word: /(?<=-I )(PREROUTING|OUTPUT|INPUT|FORWARD|POSTROUTING)/g,
    change: swapped({
      PREROUTING: "INPUT",
      OUTPUT: "FORWARD",
      INPUT: "OUTPUT",
      FORWARD: "OUTPUT",
      POSTROUTING: "OUTPUT",
    }),
  },
  {
    name: "priority",
    word: /(?<=priority )(dstnat|srcnat|-100)/g,
    change: swapped({ dstnat: "srcnat", srcnat: "dstnat", "-100": "100" }),
  },
  { name: "set-flags", word: / flags (interval|dynamic,timeout);/g, change: () => "" },
  {
    name: "set-type",
    word: /hash:(ip,port|net,port|ip,port,net|net|ip)(?= )/g,
    change: ([word = ""]) => (word === "hash:ip" ? "hash:net" : "hash:ip"),
  },
  { name: "comment", word: /(?<=comment ")([^"]+)(?=")/g, change: ([word = ""]) => `${word}x` },
  { name: "weight", word: /(?<="weight":\s?)(\d+)/g, change: ([word = ""]) => next(word, 65535) },
  { name: "scheduler", word: /(?<="scheduler":\s?")([a-z]+)/g, change: swapped(schedulers) },
  { name: "forwarding", word: /(?<="method":\s?")(masq|route|tunnel)/g, change: swapped(methods) },
  {
    name: "timeout",
    word: /(?<=--seconds |"timeoutSeconds": |"persistence":|timeout )(\d+)/g,
    change: ([word = ""]) => String(Number(word) + 1),
  },
  {
    name: "target",
    word: /(?<=\bvmap @|\bmap @)(frontends|node-ports|pool|slots|affinity)\b/g,
    change: swapped({
      frontends: "frontends-from-pods",
      "node-ports": "node-ports-from-pods",
      pool: "slots",
      slots: "pool",
      affinity: "slots",
    }),
  },
  {
    name: "target",
    word: /(?<=-[jg] )(WEIR-(?:SERVICES|ADDRESSES|UNSERVED|DROP|REJECT|MASQUERADE|HAIRPIN))(?![A-Z-])/g,
    change: swapped({
      "WEIR-UNSERVED": "WEIR-DROP",
      "WEIR-DROP": "WEIR-REJECT",
      "WEIR-REJECT": "WEIR-DROP",
      "WEIR-MASQUERADE": "WEIR-HAIRPIN",
      "WEIR-HAIRPIN": "WEIR-MASQUERADE",
    }),
  },
];

/** Lines of which nothing is read: blank ones and comments. */
const isSilent = (line: string): boolean => /^\s*(#.*)?$/.test(line);

function lineChanges(lines: readonly string[], at: number): readonly Change[] {
  const line = lines[at] ?? "";
  const made = (operator: string, after: readonly string[], taken = 1): Change => ({
    operator,
    line: at + 1,
    before: lines.slice(at, at + taken).join(" ⏎ "),
    after: after.join(" ⏎ "),
    text: [...lines.slice(0, at), ...after, ...lines.slice(at + taken)].join("\n"),
  });
  const below = lines[at + 1];
  const hasNeighbour = below !== undefined && !isSilent(below) && below !== line;
  return [
    made("drop", []),
    made("double", [line, line]),
    ...(hasNeighbour ? [made("swap", [below, line], 2)] : []),
    ...words.flatMap(({ name, word, change }) =>
      [...line.matchAll(word)].flatMap((match) => {
        const changed = change(match);
        if (changed === null || changed === match[0]) return [];
        const after = line.slice(0, match.index) + changed + line.slice(match.index + match[0].length);
        return [made(name, [after])];
      }),
    ),
  ];
}

/** Every change of a file; made one by one, because each holds the whole text. */
export function* changesOf(text: string): Generator<Change> {
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) if (!isSilent(line)) yield* lineChanges(lines, at);
}
