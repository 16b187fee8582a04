import { BufferPool } from "./buffers.ts";
import { type EndReason, newCounters, type RefusalReason, type ServiceCounters } from "./counters.ts";
import { healthKey, type PoolEndpoint } from "./endpoint.ts";
import { Health } from "./health.ts";
import { Admissions } from "./limits.ts";
import { type Log, SparseLog } from "./log.ts";
import type { Binding, ProxyPlan } from "./plan.ts";
import { Pool, type PoolPlan } from "./pool.ts";
import { probeTcp } from "./probe.ts";
import { Relay, type RelayHost } from "./relay.ts";
import type { ProxySettings } from "./settings.ts";
import { admit } from "./sources.ts";
import { listenTcp, type OpenClient } from "./tcp-listen.ts";

/** How often times are looked at. */
const sweepMs = 500;
/** How often a port that somebody else has is tried again. */
const retryListenMs = 5000;

/** A binding and what became of it. */
export interface Place {
  readonly binding: Binding;
  /** null: it does not listen. */
  readonly port: number | null;
  /** Why not: the code of the system call, EADDRINUSE for instance. */
  readonly trouble: string | null;
}

interface OpenPlace extends Place {
  readonly close: () => void;
  /** What the table says of it now. */
  binding: Binding;
}

export interface ProxyOptions {
  readonly settings: ProxySettings;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Canonical texts of the machine's addresses. */
  readonly nodeAddresses: () => ReadonlySet<string>;
}

/**
 * Carries connections as a plan says, and takes over another plan while it does. What both plans have goes on untouched:
 * sockets that listen, connections, who is bound to which endpoint and whose turn it is.
 */
export class ProxyEngine implements RelayHost {
  readonly settings: ProxySettings;
  readonly buffers = new BufferPool();
  readonly admissions: Admissions;
  readonly health = new Health();
  readonly startedAt: number;
  tick: number;
  readonly #options: ProxyOptions;
  readonly #sparse: SparseLog;
  readonly #places = new Map<string, OpenPlace>();
  readonly #pools = new Map<string, Pool>();
  readonly #counters = new Map<string, ServiceCounters>();
  readonly #relays = new Set<Relay>();
  readonly #sweeper: NodeJS.Timeout;
  #plan: ProxyPlan = { bindings: [], pools: new Map(), pods: { ipv4: { kind: "none" }, ipv6: { kind: "none" } } };
  #nodeAddresses: ReadonlySet<string>;
  #listenAgainAt = Number.POSITIVE_INFINITY;
  #isClosing = false;
  #whenEmpty: (() => void) | null = null;
  /** How often a plan was taken over. */
  generation = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.settings = options.settings;
    this.admissions = new Admissions(options.settings);
    this.#sparse = new SparseLog(options.log, options.now);
    this.#nodeAddresses = options.nodeAddresses();
    this.tick = options.now();
    this.startedAt = this.tick;
    this.#sweeper = setInterval(() => this.sweep(), sweepMs);
  }

  get places(): readonly Place[] {
    return [...this.#places.values()];
  }

  get pools(): readonly Pool[] {
    return [...this.#pools.values()];
  }

  /** By service port; of those that the table once had too. */
  get counters(): readonly ServiceCounters[] {
    return [...this.#counters.values()];
  }

  get connections(): number {
    return this.#relays.size;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  now(): number {
    return this.#options.now();
  }

  /** Goes by another plan from now on. New places listen before old ones are given up. Never two at the same time. */
  async take(plan: ProxyPlan): Promise<readonly Place[]> {
    this.#plan = plan;
    this.#nodeAddresses = this.#options.nodeAddresses();
    const leaveBy = this.now() + this.settings.drainMs;
    for (const [name, poolPlan] of plan.pools) {
      const pool = this.#pools.get(name) ?? this.#newPool(poolPlan);
      this.#pools.set(name, pool);
      pool.update(poolPlan, leaveBy);
    }
    for (const [name, pool] of this.#pools) if (!plan.pools.has(name)) pool.update(null, leaveBy);
    const wanted = new Map(plan.bindings.map((binding) => [binding.id, binding]));
    const fresh: Binding[] = [];
    for (const [id, binding] of wanted) {
      const place = this.#places.get(id);
      if (place === undefined || place.port === null) fresh.push(binding);
      else place.binding = binding;
    }
    // a port may go from one binding to another, so what cannot be had at first is tried again when the old ones are gone
    await this.#listen(fresh);
    for (const [id, place] of this.#places) {
      if (wanted.has(id)) continue;
      place.close();
      this.#places.delete(id);
    }
    await this.#listen(this.#notListening());
    this.generation++;
    for (const { binding, trouble } of this.places) {
      if (trouble === null) continue;
      const { key, address, ports, protocol } = binding;
      this.#options.log("error", "cannot-listen", {
        service: key,
        protocol,
        address: address.text,
        port: ports[0] ?? null,
        code: trouble,
      });
    }
    return this.places;
  }

  /** Takes no new connections, and resolves when those it has are over: by themselves, or when the time to drain is. */
  close(): Promise<void> {
    this.#isClosing = true;
    for (const place of this.#places.values()) place.close();
    this.#places.clear();
    const leaveBy = this.now() + this.settings.drainMs;
    for (const pool of this.#pools.values()) pool.update(null, leaveBy);
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      this.#checkEmpty();
    });
  }

  /** Ends all connections now. */
  abort(reason: EndReason = "shutdown"): void {
    for (const relay of [...this.#relays]) relay.end(reason);
  }

  /** Looks at everything that has a time; called twice a second. */
  sweep(): void {
    const now = this.now();
    this.tick = now;
    this.admissions.memoryBytes = process.memoryUsage.rss();
    for (const relay of this.#relays) relay.sweep(now);
    for (const [name, pool] of this.#pools) {
      pool.sweep(now);
      if (pool.endpoints.length === 0 && !this.#plan.pools.has(name)) this.#pools.delete(name);
    }
    this.#probe(now);
    if (now < this.#listenAgainAt || this.#isClosing) return;
    this.#listenAgainAt = Number.POSITIVE_INFINITY;
    void this.#listen(this.#notListening());
  }

  lacking(code: string): void {
    this.#sparse.say("system-limit", code, { code, connections: this.#relays.size });
  }

  ended(relay: Relay): void {
    this.#relays.delete(relay);
    if (relay.clientAddress !== null) this.admissions.leave(relay.clientAddress);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#whenEmpty === null || this.#relays.size > 0) return;
    clearInterval(this.#sweeper);
    this.#whenEmpty();
    this.#whenEmpty = null;
  }

  #notListening(): readonly Binding[] {
    return this.places.filter(({ port }) => port === null).map(({ binding }) => binding);
  }

  async #listen(bindings: readonly Binding[]): Promise<void> {
    for (const binding of bindings) {
      if (this.#isClosing) return;
      const place = await this.#open(binding);
      this.#places.set(binding.id, place);
      if (place.port === null) this.#listenAgainAt = this.now() + retryListenMs;
    }
  }

  async #open(binding: Binding): Promise<OpenPlace> {
    if (binding.protocol !== "tcp") return { binding, port: null, trouble: "EPROTONOSUPPORT", close: () => {} };
    let trouble = "";
    for (const port of binding.ports) {
      try {
        const place: OpenPlace = { binding, port, trouble: null, close: () => listener.close() };
        const listener = await listenTcp({
          address: binding.address,
          port,
          onClient: (open) => this.#accept(place, open),
          onError: ({ code }) => this.lacking(code ?? "accept"),
        });
        return place;
      } catch (error) {
        if (!(error instanceof Error && "code" in error)) throw error;
        trouble = String(error.code);
      }
    }
    return { binding, port: null, trouble, close: () => {} };
  }

  #countersOf(key: string): ServiceCounters {
    const known = this.#counters.get(key) ?? newCounters(key);
    this.#counters.set(key, known);
    return known;
  }

  #newPool(plan: PoolPlan): Pool {
    return new Pool(plan, this.#countersOf(plan.key), this.health, this.settings.maxAffinity);
  }

  #accept({ binding }: Place, open: OpenClient): void {
    const relay = new Relay(this, open);
    const client = relay.clientAddress;
    // it came and went
    if (client === null) {
      relay.refuse();
      return;
    }
    const found = this.#poolFor(binding, client);
    const refusal = typeof found === "string" ? found : this.admissions.enter(client);
    if (typeof found !== "string" && refusal === null) {
      this.#relays.add(relay);
      relay.start(found, client);
    } else {
      this.#refuse(binding, relay, client, refusal ?? "source");
    }
  }

  #poolFor(binding: Binding, client: string): Pool | RefusalReason {
    const admission = admit(binding, client, { pods: this.#plan.pods, nodeAddresses: this.#nodeAddresses });
    if ("refused" in admission) return admission.refused;
    return this.#pools.get(admission.pool) ?? "no-endpoint";
  }

  #refuse(binding: Binding, relay: Relay, client: string, reason: RefusalReason): void {
    relay.refuse();
    this.#countersOf(binding.key).refusals[reason]++;
    this.#sparse.say("refused", `${binding.key} ${reason}`, { service: binding.key, client, reason });
  }

  #probe(now: number): void {
    const due = new Set(this.health.due(now));
    if (due.size === 0) return;
    const known = new Map<string, PoolEndpoint>();
    for (const pool of this.#pools.values()) {
      for (const endpoint of pool.endpoints) known.set(healthKey(pool.protocol, endpoint), endpoint);
    }
    this.health.keep((key) => known.has(key));
    for (const key of due) {
      const endpoint = known.get(key);
      if (endpoint === undefined) continue;
      // nobody answers a datagram because it was sent: the next client finds out
      if (!key.startsWith("tcp ")) this.health.accepts(key);
      else {
        void probeTcp(endpoint).then((accepts) => {
          if (accepts) this.health.accepts(key);
          else this.health.triedInVain(key, this.now());
        });
      }
    }
  }
}
